"""The metrics of a direction, within the tested range. Pure."""

from __future__ import annotations

import numpy as np

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.statistics.shifts import (
    breaking_shift_bound,
    crossing_shift,
    valid_range_bound,
)
from pytest_failcond.verdicts.metrics import Case, Value, share


def breaking_shift(case: Case) -> Value:
    """Breaking shift within the tested range: beyond the valid range nothing is claimed."""
    direction: Direction = case.measure(case.key)
    curve, tested = direction.curve, direction.tested_to
    steps = int(np.searchsorted(curve.shift, tested + 1e-9))
    shifts, broken = np.array(curve.shift[:steps]), np.array(curve.broken[:steps])
    return Value(
        crossing_shift(shifts, broken, direction.total),
        lambda confidence, side: breaking_shift_bound(
            shifts, broken, direction.total, confidence, side
        ),
        direction.total,
        untested="" if case.gate.threshold <= tested else f"tested to {tested:.1f} σ only",
    )


def broken_share(case: Case) -> Value:
    """Share of the start images that are broken by a shift."""
    direction: Direction = case.measure(case.key)
    assert case.gate.at is not None
    tested = direction.tested_to
    untested = "" if case.gate.at <= tested else f"tested to {tested:.1f} σ only"
    return share(direction.broken_by(min(case.gate.at, tested)), direction.total, untested)


def newly_broken_share(case: Case) -> Value:
    """Share of the start images that are right unmoved and broken by a shift, of those right unmoved.

    Raises:
        FailcondError: fewer than half are right unmoved, so that the share says little of the direction;
            a gate with ``min_n`` says itself how many must be.
    """
    direction: Direction = case.measure(case.key)
    assert case.gate.at is not None
    right, tested = direction.right_unmoved, direction.tested_to
    if (case.gate.min_n is None and 2 * right < direction.total) or not right:
        raise FailcondError(
            f"gate {case.gate.id!r}: only {right} of {direction.total} start images are right before they "
            "are moved, fewer than half, so that this direction cannot be blamed for what breaks; mend "
            "the classifier there first, as start_accuracy shows"
        )
    untested = "" if case.gate.at <= tested else f"tested to {tested:.1f} σ only"
    return share(direction.newly_broken_by(min(case.gate.at, tested)), right, untested)


def valid_range(case: Case) -> Value:
    """Valid range: the shift up to which 80 % of the images are accepted."""
    direction: Direction = case.measure(case.key)
    if direction.valid_range is None:
        raise FailcondError(
            f"gate {case.gate.id!r}: a valid range needs a judge; set judge = "
            '"module:callable" in the configuration'
        )
    curve = direction.curve
    return Value(
        direction.valid_range,
        lambda confidence, side: valid_range_bound(
            curve.shift, curve.accepted, direction.total, confidence, side
        ),
        direction.total,
    )

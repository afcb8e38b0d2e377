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


def valid_range(case: Case) -> Value:
    """Valid range: the shift up to which the judge accepts 80 % of the images."""
    direction: Direction = case.measure(case.key)
    if direction.valid_range is None:
        raise FailcondError(
            f"gate {case.gate.id!r}: a valid range needs a judge; set judge = "
            '"module:callable" in [tool.failcond]'
        )
    curve = direction.curve
    return Value(
        direction.valid_range,
        lambda confidence, side: valid_range_bound(
            curve.shift, curve.accepted, direction.total, confidence, side
        ),
        direction.total,
    )

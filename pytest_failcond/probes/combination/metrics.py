"""The metrics of a search for combinations. Pure."""

from __future__ import annotations

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.statistics.shifts import breaking_shift_bound
from pytest_failcond.verdicts.metrics import Case, Value, share


def combined_distance(case: Case) -> Value:
    """Distance within which half of the start images are broken by a combination.

    Its bounds are where those of the broken share come to ½, at the distances that were found: between
    them the share does not change.
    """
    found: Combined = case.measure(case.key)
    at, broken = found.steps
    end = found.max_distance
    return Value(
        found.distance,
        lambda confidence, side: breaking_shift_bound(at, broken, found.total, confidence, side),
        found.total,
        untested="" if case.gate.threshold <= end else f"tested to {end:g} σ only",
    )


def combined_share(case: Case) -> Value:
    """Share of the start images that a combination breaks within a distance."""
    found: Combined = case.measure(case.key)
    assert case.gate.at is not None
    end = found.max_distance
    untested = "" if case.gate.at <= end else f"tested to {end:g} σ only"
    return share(found.broken_by(min(case.gate.at, end)), found.total, untested)

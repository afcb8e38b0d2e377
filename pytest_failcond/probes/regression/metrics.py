"""The metrics of a key since the baseline. Pure."""

from __future__ import annotations

from pytest_failcond.statistics.paired import paired_counts
from pytest_failcond.verdicts.metrics import Case, Value, drop, share


def regression_drop(case: Case) -> Value:
    """The baseline's accuracy, minus that of now, on the same images."""
    assert case.baseline is not None
    then, now = case.baseline(case.key), case.measure(case.key)
    selected = case.selected(now)
    return drop(then.right[selected], now.right[selected])


def negative_flips(case: Case) -> Value:
    """Share of the images that the baseline had right and that are lost."""
    assert case.baseline is not None
    then, now = case.baseline(case.key), case.measure(case.key)
    selected = case.selected(now)
    _, lost, _, _ = paired_counts(then.right[selected], now.right[selected])
    return share(lost, len(selected))

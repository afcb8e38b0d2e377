"""Changes since the baseline, tried on other draws of the images. Pure."""

from __future__ import annotations

from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.trials import Trial, rights, shares


def regression_drop(case: Case) -> Trial:
    """A loss is one of now; the baseline does not change."""
    assert case.baseline is not None
    both = [case.baseline(case.key).right, *rights(case, [case.key])]
    return shares(case, case.key, both, [1, -1], [0, 1])


def negative_flips(case: Case) -> Trial:
    """Only images that both versions have right can flip, so that those are lost."""
    assert case.baseline is not None
    then, now = case.baseline(case.key).right, case.measure(case.key).right
    return shares(case, case.key, [then & ~now, then & now], [1, 0], [0, 1])

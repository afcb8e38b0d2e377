"""Cells of the grid, tried on other draws of the images. Pure."""

from __future__ import annotations

from pytest_failcond.probes.keys import CleanKey
from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.trials import Trial, rights, shares


def accuracy_drop(case: Case) -> Trial:
    """A loss is one on the key's images; the clean ones do not change."""
    return shares(case, case.key, rights(case, [CleanKey(), case.key]), [1, -1], [0, 1])

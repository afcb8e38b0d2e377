"""The metrics of a cell of the grid. Pure."""

from __future__ import annotations

from pytest_failcond.probes.keys import CleanKey
from pytest_failcond.verdicts.metrics import Case, Value, drop


def accuracy_drop(case: Case) -> Value:
    """Accuracy on the clean images, minus that on the key's."""
    clean, corrupted = case.measure(CleanKey()), case.measure(case.key)
    selected = case.selected(clean)
    return drop(clean.right[selected], corrupted.right[selected])

"""The metric of unmoved start images. Pure."""

from __future__ import annotations

from pytest_failcond.probes.direction.record import ClassRanking
from pytest_failcond.verdicts.metrics import Case, Value, share


def start_accuracy(case: Case) -> Value:
    """Return the share of a class's accepted start images that the classifier has right before any move.

    Raises:
        FailcondError: the run is of a version that did not keep these answers.
    """
    ranking: ClassRanking = case.measure(case.key)
    right = ranking.right_unmoved
    return share(int(right.sum()), len(right))

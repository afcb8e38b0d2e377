"""What gates hold of start images, unmoved. Pure."""

from __future__ import annotations

from pytest_failcond.probes.direction.record import ClassRanking
from pytest_failcond.verdicts.metrics import Case, Value, share


def start_accuracy(case: Case) -> Value:
    """Share of a class's accepted start images that are right before they are moved.

    Raises:
        FailcondError: the run is of a version that did not keep it.
    """
    ranking: ClassRanking = case.measure(case.key)
    right = ranking.right_unmoved
    return share(int(right.sum()), len(right))

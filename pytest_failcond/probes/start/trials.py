"""Start images, unmoved, tried on other draws of them. Pure."""

from __future__ import annotations

import numpy as np

from pytest_failcond.probes.direction.record import ClassRanking
from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.trials import Counted, Shares, Trial


def start_accuracy(case: Case) -> Trial:
    """Return the trial of the accuracy on start images; those of all directions of a class are the same.

    Raises:
        FailcondError: the run does not say which are right.
    """
    ranking: ClassRanking = case.measure(case.key)
    right = ranking.right_unmoved
    columns = np.stack([right, np.ones_like(right)], axis=1).astype(np.float32)
    counted = Counted(columns, np.arange(len(right)), len(right))
    images = f"starts:{ranking.class_index}"
    return Shares(counted, np.array([1.0]), np.array([-1.0]), images=images)

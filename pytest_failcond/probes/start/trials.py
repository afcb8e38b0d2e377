"""The self-test's trial of unmoved start images, on other draws of them. Pure."""

from __future__ import annotations

import numpy as np

from pytest_failcond.probes.direction.record import ClassRanking
from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.trials import Counted, Shares, Trial


def start_accuracy(case: Case) -> Trial:
    """Return the trial of the accuracy on start images; all directions of a class have the same ones.

    Raises:
        FailcondError: the run does not keep which images were right.
    """
    ranking: ClassRanking = case.measure(case.key)
    right = ranking.right_unmoved
    columns = np.stack([right, np.ones_like(right)], axis=1).astype(np.float32)
    counted = Counted(columns, np.arange(len(right)), len(right))
    images = f"starts:{ranking.class_index}"
    return Shares(counted, np.array([1.0]), np.array([-1.0]), images=images)

"""The self-test's trial of a review, on other draws of the images that were read. Pure."""

from __future__ import annotations

import numpy as np

from pytest_failcond.probes.review.metrics import reviewed_validity as value_of
from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.trials import Counted, Shares, Trial


def reviewed_validity(case: Case) -> Trial:
    """Return the trial; its images are those of the review, not the test images.

    Raises:
        NotEvaluated: the review does not apply to the present subjects.
    """
    value_of(case)
    breaks = case.measure(case.key).standing.breaks
    right = np.arange(breaks.all) < breaks.some
    columns = np.stack([right, np.ones_like(right)], axis=1).astype(np.float32)
    counted = Counted(columns, np.arange(breaks.all), breaks.all)
    return Shares(counted, np.array([1.0]), np.array([-1.0]), images="review")

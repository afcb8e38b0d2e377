"""Hypothesis strategies: corner cases as small integers, which shrink towards a mildest break."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from pytest_failcond.errors import FailcondError

MAX_SHIFT_STEPS = 16


@dataclass(frozen=True)
class Case:
    """Names one image; ``failcond.image(case)`` makes it.

    Attributes:
        class_index: its class.
        rank: rank of the direction, from 1.
        steps: shift along it, in steps of 0.5 σ.
        seed: number of the start image.
    """

    class_index: int
    rank: int
    steps: int
    seed: int


def corner_cases(
    classes: int | Sequence[int],
    *,
    top: int = 3,
    max_steps: int = MAX_SHIFT_STEPS,
    starts: int = 128,
) -> st.SearchStrategy[Case]:
    """Draw cases; every part shrinks towards zero, so that a failure is shown at a mildest break.

    Args:
        classes: how many classes there are, or the indices to draw from.
        top: highest rank, as in the configuration's corner_cases.
        max_steps: largest shift, in steps of 0.5 σ.
        starts: start images to draw from, at most the configuration's samples.

    Raises:
        FailcondError: there is nothing to draw.
    """
    indices = list(range(classes) if isinstance(classes, int) else classes)
    if not indices or min(top, starts) < 1 or max_steps < 0:
        raise FailcondError(
            f"corner_cases(classes={classes!r}, top={top}, max_steps={max_steps}, starts={starts}): "
            "nothing can be drawn; give one class, direction and start image or more"
        )
    return st.builds(
        Case,
        class_index=st.sampled_from(indices),
        rank=st.integers(1, top),
        steps=st.integers(0, max_steps),
        seed=st.integers(0, starts - 1),
    )

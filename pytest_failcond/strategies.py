"""Hypothesis strategies: images named by small integers, which shrink towards a mildest break.

``failcond.image(case)`` makes the image that a case names, and asks classifier and judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TypeGuard

from hypothesis import strategies as st

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.cases import Case, Combination, Corrupted
from pytest_failcond.ranges import shorten

__all__ = [
    "MAX_SHIFT_STEPS",
    "Case",
    "Combination",
    "Corrupted",
    "combinations",
    "corner_cases",
    "corrupted_images",
]

MAX_SHIFT_STEPS = 16
_MOST_MOVED = 8  # dimensions of one combination


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
    indices = _indices("corner_cases", classes)
    _check("corner_cases", top=top, starts=starts)
    _check("corner_cases", 0, max_steps=max_steps)
    return st.builds(
        Case,
        class_index=st.sampled_from(indices),
        rank=st.integers(1, top),
        steps=st.integers(0, max_steps),
        seed=st.integers(0, starts - 1),
    )


def combinations(
    classes: int | Sequence[int],
    *,
    top: int = _MOST_MOVED,
    most: int = 3,
    max_steps: int = _MOST_MOVED,
    starts: int = 128,
) -> st.SearchStrategy[Combination]:
    """Draw combinations; a failure shrinks to the fewest dimensions and the mildest steps.

    Args:
        classes: how many classes there are, or the indices to draw from.
        top: last rank of a dimension in its class's ranking; a run keeps the first 20.
        most: dimensions that are moved together, at most.
        max_steps: largest shift along each, either way, in steps of 0.5 σ.
        starts: start images to draw from, at most the configuration's samples.

    Raises:
        FailcondError: there is nothing to draw.
    """
    indices = _indices("combinations", classes)
    _check("combinations", top=top, most=most, max_steps=max_steps, starts=starts)
    # Lists shrink to shorter ones first, then integers towards 0, and to positive ones.
    steps = st.integers(-max_steps, max_steps).filter(bool)
    moves = st.lists(
        st.tuples(st.integers(1, top), steps),
        max_size=min(most, top),
        unique_by=lambda move: move[0],
    )
    return st.builds(
        Combination,
        class_index=st.sampled_from(indices),
        moves=moves.map(lambda drawn: tuple(sorted(drawn))),
        seed=st.integers(0, starts - 1),
    )


def corrupted_images(
    names: Sequence[str], *, images: int, max_severity: int = 5
) -> st.SearchStrategy[Corrupted]:
    """Draw corrupted test images; a failure shrinks to the first corruption and the mildest severity.

    Args:
        names: the corruptions; built-in ones need not be configured.
        images: how many test images there are.
        max_severity: the highest severity, 1 to 5.

    Raises:
        FailcondError: there is nothing to draw.
    """
    named = [names] if isinstance(names, str) else list(names)
    if not named:
        raise FailcondError("corrupted_images: names is empty; give one corruption or more")
    _check("corrupted_images", images=images, max_severity=max_severity)
    if max_severity > 5:
        raise FailcondError(f"corrupted_images: max_severity = {max_severity}; give 1 to 5")
    return st.builds(
        Corrupted,
        corruption=st.sampled_from(named),
        severity=st.integers(1, max_severity),
        index=st.integers(0, images - 1),
    )


def _indices(strategy: str, classes: int | Sequence[int]) -> list[int]:
    """Return the indices of classes.

    Raises:
        FailcondError: there are none, or one is no index.
    """
    if isinstance(classes, Sequence):
        indices = list(classes)
    else:
        indices = list(range(classes)) if _is_whole(classes) else []
    if not indices or not all(_is_whole(index) and index >= 0 for index in indices):
        raise FailcondError(
            f"{strategy}: classes = {shorten(repr(classes))}; give the number of classes, or a list of "
            "indices from 0 on, one or more"
        )
    return indices


def _check(strategy: str, least: int = 1, /, **arguments: object) -> None:
    """Check arguments that are counts.

    Raises:
        FailcondError: one is not a whole number from ``least`` on.
    """
    for name, value in arguments.items():
        if not _is_whole(value) or value < least:
            raise FailcondError(
                f"{strategy}: {name} = {shorten(repr(value))}; give a whole number from {least} on"
            )


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)

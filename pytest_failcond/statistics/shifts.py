"""Shifts at which a share of the images is broken, or no longer accepted, and their bounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_failcond.statistics.bounds import (
    Floats,
    Side,
    adjusted,
    check_confidence,
    proportion_bound,
)


def crossing_shift(
    shifts: npt.ArrayLike, broken: npt.ArrayLike, total: int, level: float = 0.5
) -> float | None:
    """Return the smallest shift at which a share ``level`` of the images is broken; None: at none.

    Args:
        shifts: ascending, in σ, ``[T]``.
        broken: images broken by each shift, never fewer than before, ``[T]``.
        total: images.
        level: in (0, 1].

    Raises:
        ValueError: an argument is not as above.
    """
    if not 0.0 < level <= 1.0:
        raise ValueError(f"level {level} is outside (0, 1]")
    grid, counts = _check_curve(shifts, broken, total)
    return _first(grid, counts / total >= level)


def breaking_shift_bound(
    shifts: npt.ArrayLike, broken: npt.ArrayLike, total: int, confidence: float, side: Side
) -> float | None:
    """Bound the breaking shift: the shift at which the broken share's bound comes to ½.

    The lower bound is where the share's *upper* bound comes there, and the other way round. Either
    errs only if the share's bound errs at one shift, the true breaking shift or the one before, so
    that the grid's length needs no correction.

    Args:
        shifts: ascending, in σ, ``[T]``.
        broken: images broken by each shift, never fewer than before, ``[T]``.
        total: images.
        confidence: from 0.5.
        side: of the breaking shift.

    Returns:
        a shift of the grid, in σ; None: the bound lies beyond the grid.

    Raises:
        ValueError: an argument is not as above.
    """
    check_confidence(confidence, side)
    grid, counts = _check_curve(shifts, broken, total)
    of_share: Side = "upper" if side == "lower" else "lower"
    bounds = [proportion_bound(int(count), total, confidence, of_share) for count in counts]
    return _first(grid, np.array(bounds) >= 0.5)


def valid_range_bound(
    shifts: npt.ArrayLike,
    accepted: npt.ArrayLike,
    total: int,
    confidence: float,
    side: Side,
    level: float = 0.8,
) -> float:
    """Bound the valid range: the shift up to which the judge accepts a share ``level`` of images.

    The lower bound ends before the first shift at which the share's *lower* bound is under the
    level: it errs only if that bound errs at the first shift that is truly past the range. The upper
    bound ends where the share's upper bound falls short. The judge may take an image back, so the
    share need not fall from shift to shift, and any of them may err: all share the error
    (Bonferroni).

    Args:
        shifts: ascending, in σ, ``[T]``.
        accepted: images that the judge accepts at each shift, ``[T]``.
        total: images.
        confidence: from 0.5.
        side: of the valid range.
        level: in (0, 1].

    Returns:
        a shift of the grid, in σ: the first where not even that is valid, the last where all are.

    Raises:
        ValueError: an argument is not as above.
    """
    check_confidence(confidence, side)
    grid, counts = np.asarray(shifts, dtype=np.float64), np.asarray(accepted)
    if grid.ndim != 1 or grid.shape != counts.shape or not grid.size:
        raise ValueError(f"{grid.shape} shifts and {counts.shape} counts do not fit together")
    sure = confidence if side == "lower" else adjusted(confidence, len(grid))
    bounds = np.array([proportion_bound(int(count), total, sure, side) for count in counts])
    failing = np.flatnonzero(bounds < level)
    return float(grid[max(failing[0] - 1, 0) if len(failing) else -1])


def _first(shifts: Floats, reached: npt.NDArray[np.bool_]) -> float | None:
    return float(shifts[reached.argmax()]) if reached.any() else None


def _check_curve(shifts: npt.ArrayLike, broken: npt.ArrayLike, total: int) -> tuple[Floats, Floats]:
    grid, counts = np.asarray(shifts, dtype=np.float64), np.asarray(broken, dtype=np.float64)
    if total < 1:
        raise ValueError(f"{total} images: expected at least one")
    if grid.ndim != 1 or grid.shape != counts.shape:
        raise ValueError(f"{grid.shape} shifts and {counts.shape} counts do not fit together")
    if (np.diff(grid) <= 0).any():
        raise ValueError("shifts: expected them ascending")
    if (np.diff(counts, prepend=0.0) < 0).any() or (counts > total).any():
        raise ValueError(f"broken: expected counts from 0 to {total}, none below the one before")
    return grid, counts

"""One-sided confidence bounds, for thresholds to be held against.

All that a gate checks is the mean over images of something with a known range: an accuracy of 0 or
1, a drop of -1, 0 or 1, a mean over cells of anything from 0 to 1. So one method bounds them all,
Gaffke's, which for a proportion is Clopper and Pearson's. It speaks of new images of the same kind,
drawn independently, and needs neither a normal approximation nor a variance: it stays honest with
few images, with rates near 0 and 1, with images that are all alike, and at the high confidence that
many checks at once ask for. ``tests/quality/test_bounds_cover.py`` shows how often it covers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy  # which imports `optimize`, half a second, where it is first used
from scipy import special

Side = Literal["lower", "upper"]
Floats = npt.NDArray[np.float64]

_NEGLIGIBLE = 20.0  # e**-20 is 2e-9


def adjusted(confidence: float, checks: int) -> float:
    """Return the confidence that each of ``checks`` bounds needs for all to hold at once.

    Bonferroni's inequality, which asks nothing of how the checks depend on each other.
    """
    _check(confidence)
    if checks < 1:
        raise ValueError(f"{checks} checks: expected at least one")
    return 1.0 - (1.0 - confidence) / checks


def proportion_bound(successes: int, total: int, confidence: float, side: Side) -> float:
    """Bound a proportion, in [0, 1], exactly (Clopper & Pearson 1934).

    Raises:
        ValueError: the counts, the confidence or the side are impossible.
    """
    _check(confidence, side)
    if total < 1 or not 0 <= successes <= total:
        raise ValueError(f"{successes} of {total} is no proportion")
    if side == "upper":
        # The complement of the failures' lower bound would lose digits where it is tiny.
        if successes == total:
            return 1.0
        return float(special.betaincinv(successes + 1, total - successes, confidence))
    if successes == 0:
        return 0.0
    return float(special.betaincinv(successes, total - successes + 1, 1.0 - confidence))


def paired_counts(
    before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]
) -> tuple[int, int, int, int]:
    """Count images ``[N]`` by what is right: both times, lost, gained, neither."""
    both, lost = int((before & after).sum()), int((before & ~after).sum())
    gained, neither = int((~before & after).sum()), int((~before & ~after).sum())
    return both, lost, gained, neither


def paired_drop_bound(
    right: int, lost: int, gained: int, wrong: int, confidence: float, side: Side
) -> float:
    """Bound the drop in accuracy, before minus after, between two measurements of the same images.

    An image's own drop is 1, 0 or -1, and this bounds its mean as `mean_bound` does. Tango's score
    interval (1998), made for two sides, is mostly less than one image narrower; where few images
    change, its one-sided bounds miss in 9 % of cases instead of 5, in 0.45 % instead of 0.14.

    Args:
        right: images right before and after.
        lost: right before, wrong after.
        gained: wrong before, right after.
        wrong: wrong before and after.
        confidence: at least 0.5.
        side: of the drop.

    Returns:
        the bound, in [-1, 1].

    Raises:
        ValueError: the counts, the confidence or the side are impossible.
    """
    _check(confidence, side)
    if min(right, lost, gained, wrong) < 0 or right + lost + gained + wrong < 1:
        raise ValueError(f"{right}, {lost}, {gained} and {wrong} are no counts of images")
    if side == "upper":
        return -_lower_drop(gained, right + wrong, lost, confidence)
    return _lower_drop(lost, right + wrong, gained, confidence)


@lru_cache(maxsize=1 << 14)  # thousands of small classes have few counts between them
def _lower_drop(lost: int, same: int, gained: int, confidence: float) -> float:
    levels, counts = np.array([0.0, 0.5, 1.0]), np.array([gained, same, lost])
    return 2.0 * _lower_bound(levels, counts, confidence) - 1.0


def mean_bound(values: npt.ArrayLike, confidence: float, side: Side) -> float:
    """Bound the mean over images of a value in [0, 1], such as each image's mean over cells.

    The cells of one image rise and fall together, so it is images that count: taking 35 cells for
    35 times as many images covers far less than the confidence says.

    Gaffke (2005), Learned-Miller & Thomas (2019): add to the N values one more, at the worst end,
    and weigh them by a uniform draw from the simplex; the bound is the quantile of their weighted
    mean. For values of 0 and 1 that is Clopper and Pearson's bound; for many values it comes to
    Student's. That it covers for every distribution in [0, 1] and every N is their conjecture.

    Args:
        values: one per image, in [0, 1], ``[N]``.
        confidence: at least 0.5.
        side: of the mean.

    Returns:
        the bound, in [0, 1].

    Raises:
        ValueError: there are no values, some are outside [0, 1], or confidence or side are
            impossible.
    """
    _check(confidence, side)
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not ((array >= 0) & (array <= 1)).all():
        raise ValueError("values: expected one per image, in [0, 1]")
    levels, counts = np.unique(array, return_counts=True)
    if side == "upper":
        return 1.0 - _lower_bound(1.0 - levels, counts, confidence)
    return _lower_bound(levels, counts, confidence)


def _lower_bound(levels: Floats, counts: npt.NDArray[np.int64], confidence: float) -> float:
    """Return Gaffke's lower bound of the mean, ``counts[l]`` images at ``levels[l]`` >= 0, ``[L]``."""
    some = (levels > 0) & (counts > 0)
    zeros = float(counts[levels == 0].sum()) + 1.0  # with the one more
    levels, weights = np.append(levels[some], 0.0), np.append(counts[some], zeros)
    top, miss = float(levels.max()), 1.0 - confidence
    if len(levels) == 1:
        return 0.0
    if len(levels) == 2:
        return top * float(special.betaincinv(weights[0], zeros, miss))
    levels = levels / top

    def excess(mean: float) -> float:
        below = _share_below(mean, levels, weights) if 0.0 < mean < 1.0 else mean
        return below - miss

    return top * float(scipy.optimize.brentq(excess, 0.0, 1.0, xtol=1e-12))


def _share_below(mean: float, levels: Floats, weights: Floats) -> float:
    """Return P(weighted mean of ``levels`` <= ``mean``) for Dirichlet-distributed weights, ``[L]``.

    The event is Q <= 0, where Q = sum of Gamma(weight) x (level - mean), with levels on both sides.
    Q's transform is known; inverting it is one integral along a line of the complex plane. Led
    through the saddle point (Rice 1980), it gives even a tiny probability to 7 digits.
    """
    offsets = levels - mean

    def slope(s: float) -> float:
        return float((weights * offsets / (1.0 - s * offsets)).sum()) - 1.0 / s

    pole = 1.0 / float(offsets.min())
    saddle = float(
        scipy.optimize.brentq(slope, pole * (1.0 - 1e-12), pole * 1e-15, xtol=1e-300, rtol=1e-12)
    )
    # Each factor of the integrand turns and falls with height over the saddle; the last is 1 / s.
    turns = np.append(offsets / (1.0 - saddle * offsets), 1.0 / saddle)
    powers, signed = np.append(weights, 1.0), np.append(weights, -1.0)

    def fall(heights: Floats) -> Floats:
        fallen: Floats = np.log1p(np.outer(heights, turns) ** 2) @ powers / 2.0
        return fallen

    width = 1.0 / math.sqrt(float(powers @ turns**2))
    reach = width * np.exp2(np.arange(1.0, 40.0))
    top = reach[(fall(reach) > _NEGLIGIBLE).argmax()]
    step = width / 4.0  # the trapezoidal rule's error falls exponentially: negligible here as well
    heights = np.arange(0.0, top, step)
    line = np.exp(-fall(heights)) * np.cos(np.arctan(np.outer(heights, turns)) @ signed)
    peak = math.exp(-float(np.log1p(-saddle * offsets) @ weights)) / -saddle
    return peak * float(line.sum() - line[0] / 2.0) * step / math.pi


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
    that the grid's length asks for no correction.

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
    _check(confidence, side)
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
    _check(confidence, side)
    grid, counts = np.asarray(shifts, dtype=np.float64), np.asarray(accepted)
    if grid.ndim != 1 or grid.shape != counts.shape or not grid.size:
        raise ValueError(f"{grid.shape} shifts and {counts.shape} counts do not fit together")
    sure = confidence if side == "lower" else adjusted(confidence, len(grid))
    bounds = np.array([proportion_bound(int(count), total, sure, side) for count in counts])
    failing = np.flatnonzero(bounds < level)
    return float(grid[max(failing[0] - 1, 0) if len(failing) else -1])


def mcnemar_p(lost: int, gained: int) -> float:
    """Return the exact two-sided p of "no difference" (McNemar 1947), from the discordant pairs.

    Raises:
        ValueError: a count is negative.
    """
    if min(lost, gained) < 0:
        raise ValueError(f"{lost} lost and {gained} gained are no counts of images")
    return min(1.0, 2.0 * float(special.bdtr(min(lost, gained), lost + gained, 0.5)))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, so that any under a level is significant (Holm 1979)."""
    order = sorted(range(len(p)), key=p.__getitem__)
    adjusted, least = [0.0] * len(p), 0.0
    for place, i in enumerate(order):
        least = max(least, min(1.0, p[i] * (len(p) - place)))
        adjusted[i] = least
    return adjusted


def _first(shifts: Floats, reached: npt.NDArray[np.bool_]) -> float | None:
    return float(shifts[reached.argmax()]) if reached.any() else None


def _check(confidence: float, side: Side = "lower") -> None:
    if not 0.5 <= confidence < 1.0:
        raise ValueError(f"confidence {confidence} is outside [0.5, 1)")
    if side not in get_args(Side):
        raise ValueError(f"side {side!r} is neither 'lower' nor 'upper'")


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

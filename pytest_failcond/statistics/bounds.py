"""One-sided confidence bounds, which thresholds are compared with.

All that a gate checks is the mean over images of something with a known range: an accuracy of 0 or
1, a drop of -1, 0 or 1, a mean over cells of anything from 0 to 1. So one method bounds them all,
Gaffke's, which for a proportion is Clopper and Pearson's. It is about new images of the same kind,
drawn independently, and needs neither a normal approximation nor a variance: it holds with few
images, with rates near 0 and 1, with images that are all alike, and at the high confidence that
many checks at once require. ``tests/quality/test_bounds_cover.py`` shows how often it covers.
"""

from __future__ import annotations

import math
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

    Bonferroni's inequality, which holds for any dependence between the checks.
    """
    check_confidence(confidence)
    if checks < 1:
        raise ValueError(f"{checks} checks: expected at least one")
    return 1.0 - (1.0 - confidence) / checks


def proportion_bound(successes: int, total: int, confidence: float, side: Side) -> float:
    """Bound a proportion, in [0, 1], exactly (Clopper & Pearson 1934).

    Raises:
        ValueError: the counts, the confidence or the side are impossible.
    """
    check_confidence(confidence, side)
    if total < 1 or not 0 <= successes <= total:
        raise ValueError(f"{successes} of {total} is not a proportion")
    if side == "upper":
        # The complement of the failures' lower bound would lose digits where it is tiny.
        if successes == total:
            return 1.0
        return float(special.betaincinv(successes + 1, total - successes, confidence))
    if successes == 0:
        return 0.0
    return float(special.betaincinv(successes, total - successes + 1, 1.0 - confidence))


def mean_bound(values: npt.ArrayLike, confidence: float, side: Side) -> float:
    """Bound the mean over images of a value in [0, 1], such as each image's mean over cells.

    The cells of one image rise and fall together, so images are the unit: taking 35 cells for 35
    times as many images covers far less than the stated confidence.

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
    check_confidence(confidence, side)
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not ((array >= 0) & (array <= 1)).all():
        raise ValueError("values: expected one per image, in [0, 1]")
    levels, counts = np.unique(array, return_counts=True)
    if side == "upper":
        return 1.0 - lower_bound(1.0 - levels, counts, confidence)
    return lower_bound(levels, counts, confidence)


def lower_bound(levels: Floats, counts: npt.NDArray[np.int64], confidence: float) -> float:
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


def check_confidence(confidence: float, side: Side = "lower") -> None:
    """Refuse what no bound is made for.

    Raises:
        ValueError: the confidence is under 0.5 or not under 1, or there is no such side.
    """
    if not 0.5 <= confidence < 1.0:
        raise ValueError(f"confidence {confidence} is outside [0.5, 1)")
    if side not in get_args(Side):
        raise ValueError(f"side {side!r} is neither 'lower' nor 'upper'")

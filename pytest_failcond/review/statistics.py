"""The statistics of answers: the images that show their class, and the choice of ``least_p``. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pytest_failcond.statistics.bounds import proportion_bound

LEVELS = (
    0.999, 0.998, 0.995, 0.99, 0.98, 0.97, 0.96, 0.95, 0.925, 0.9, 0.875, 0.85, 0.825, 0.8, 0.775, 0.75, 0.7,
    0.65, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05,
)  # fmt: skip
"""The levels to test, from the strictest; they are fixed, whatever the images are."""


def shown_by_most(answers: Sequence[bool]) -> bool:
    """Whether more than half of an image's readers named it rightly; ``answers``: whether each of them did."""
    return 2 * sum(answers) > len(answers)


@lru_cache
def faultless(target: float, confidence: float) -> int:
    """Return the fewest images that prove a share of ``target`` if all of them are readable.

    29 for .9 at 95 %.
    """
    count = max(1, math.ceil(math.log(1 - confidence) / math.log(target)))
    # The logarithms may lie on the wrong side of a whole number by their last bit.
    while proportion_bound(count, count, confidence, "lower") < target:
        count += 1
    while count > 1 and proportion_bound(count - 1, count - 1, confidence, "lower") >= target:
        count -= 1
    return count


@dataclass(frozen=True)
class Tested:
    """A tested level: the images that reach it, the readable ones among them, and the share's lower bound."""

    level: float
    readable: int
    total: int
    bound: float


@dataclass(frozen=True)
class Calibration:
    """The result of a calibration.

    Attributes:
        tested: the tested levels, in order; all are proven, except perhaps the last.
        proposed: the smallest proven level; None if no level is proven.
        missing: the least number of further answers, all of them right, for a proof; 0 if a level is proposed.
    """

    tested: tuple[Tested, ...]
    proposed: float | None
    missing: int


def calibrate(
    levels: Sequence[float],
    readable: Sequence[bool],
    target: float,
    confidence: float,
    loosest: float = 0.0,
) -> Calibration:
    """Find the smallest ``least_p`` whose readable share is at least ``target``, with confidence.

    Levels are tested in a fixed order, each at the full confidence. The first is the strictest one with enough
    images for a proof; the test ends at the first level that fails. The chance to propose a level whose share
    is under the target is then at most 1 - ``confidence``, however many levels are tested (fixed-sequence
    testing, Maurer, Hothorn & Lehmacher 1995; for risk control: Angelopoulos et al. 2021, arXiv 2110.01052).
    The first level depends on the images' levels alone, never on the answers.

    Args:
        levels: of the images that were read, ``[N]``.
        readable: whether each was named rightly, ``[N]``.
        target: the share, over 0 and under 1.
        confidence: over 0.5 and under 1.
        loosest: no level under it is tested: the images are not all that reach it.
    """
    tried = [level for level in LEVELS if level >= loosest] or [loosest]
    at = np.asarray(levels, dtype=np.float64)
    ascending = np.argsort(at)
    right = np.cumsum(np.asarray(readable, dtype=np.int64)[ascending][::-1])  # of the surest n
    totals = len(at) - np.searchsorted(at[ascending], tried)
    enough = faultless(target, confidence)
    tested: list[Tested] = []
    proposed = None
    for level, total in zip(tried, totals.tolist(), strict=True):
        if total < enough:
            continue
        some = int(right[total - 1])
        tested.append(Tested(level, some, total, _least(some, total, confidence)))
        if tested[-1].bound < target:
            break
        proposed = level
    if proposed is not None:
        return Calibration(tuple(tested), proposed, 0)
    if not tested:
        return Calibration((), None, enough - int(totals[-1]))
    return Calibration(tuple(tested), None, _missing(tested[0], target, confidence))


@lru_cache(maxsize=1 << 14)
def _least(readable: int, total: int, confidence: float) -> float:
    return proportion_bound(readable, total, confidence, "lower")


def _missing(first: Tested, target: float, confidence: float) -> int:
    """Return the number of further images, all readable, that would prove the share at a level."""
    low, high = 0, 1
    while not _proves(first, high, target, confidence):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _proves(first, middle, target, confidence) else (middle, high)
    return high


def _proves(first: Tested, more: int, target: float, confidence: float) -> bool:
    return _least(first.readable + more, first.total + more, confidence) >= target

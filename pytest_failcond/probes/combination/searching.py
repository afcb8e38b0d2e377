"""The first stage: a short combined shift of each start image that breaks the classifier and passes the guides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pytest_failcond.probes.combination.nearest import PAST, nearest, shortened
from pytest_failcond.probes.combination.problem import Problem
from pytest_failcond.probes.combination.slopes import Measure, Slopes


@dataclass(frozen=True)
class Effort:
    """How many slopes the stages may measure for an image, or how many looks they have without gradients.

    Attributes:
        first: steps to the nearest break, from the start image.
        pushes: steps towards any break, where that found none.
        push: the length of such a step in each dimension, σ, at the beginning.
        last: steps to a nearer break, from the one found.
        repairs: steps that make up for dimensions that are left out.
        usual: all slopes of an image, on the mean, in looks.
        looks: at an image, without gradients.
    """

    first: int
    pushes: int
    push: float
    last: int
    repairs: int
    usual: int
    looks: int


_LONGEST = 1.5  # σ: a step to the nearest break, over which slopes are taken for constant
_SHORTER = 0.7  # times: steps, after each break
_NOTHING = 1e-12
_BETTER, _PATIENCE = 0.99, 4  # an image is done if no step of 4 was 1 % nearer


class Best:
    """The shortest break of each start image so far.

    Attributes:
        shifts: σ, ``[N, D]``.
        length: σ, ``[N]``; infinite without a break.
    """

    def __init__(self, count: int, width: int) -> None:
        self.shifts = torch.zeros(count, width, dtype=torch.float64)
        self.length = torch.full((count,), torch.inf, dtype=torch.float64)

    @property
    def found(self) -> Tensor:
        """Rows with a break, int ``[n]``."""
        return torch.nonzero(self.length.isfinite())[:, 0]

    def see(self, rows: Tensor, shifts: Tensor, breaks: Tensor) -> Tensor:
        """Keep breaks that are shorter; returns which are shorter by 1 % or more."""
        length = shifts.norm(dim=1)
        shorter = breaks & (length < self.length[rows])
        clearly: Tensor = breaks & (length < _BETTER * self.length[rows])
        self.shifts[rows[shorter]], self.length[rows[shorter]] = shifts[shorter], length[shorter]
        return clearly


def search(problem: Problem, measure: Measure, effort: Effort, unmoved: Slopes) -> Best:
    """Search a short break of each start image that is not broken already.

    First straight to the nearest break. Where that finds none, because the way there is bent, a push towards any
    break, which is long, and then towards another class. Then to a nearer one from each.

    Args:
        problem: the question.
        measure: measures slopes.
        effort: how many.
        unmoved: slopes of the start images that are not broken already.
    """
    best = Best(len(problem.starts), len(problem.dimensions))
    rows = problem.open
    unmoved = led(problem, unmoved)
    close_in(problem, measure, best, rows, effort.first, unmoved)
    left = ~best.length[rows].isfinite()
    _push(problem, measure, best, rows[left], effort, unmoved.of(left))
    if (
        problem.toward is None
    ):  # the class that is nearest may be one that no accepted image is taken for
        other = replace(problem, aims=problem.second)
        left = (problem.second[rows] >= 0) & ~best.length[rows].isfinite()
        _push(other, measure, best, rows[left], effort)
    close_in(problem, measure, best, best.found, effort.last)
    return best


def close_in(
    problem: Problem,
    measure: Measure,
    best: Best,
    rows: Tensor,
    steps: int,
    slopes: Slopes | None = None,
) -> None:
    """Step to nearer and nearer breaks, from the best ones or from the start images; ``slopes``: there, if known."""
    shifts = best.shifts[rows].clone()
    longest = torch.full((len(rows),), _LONGEST, dtype=torch.float64)
    waited = torch.zeros(len(rows), dtype=torch.int64)
    for _ in range(steps):
        if not len(rows):
            return
        if slopes is None:
            slopes = led(problem, measure.slopes(problem, rows, shifts))
        breaks = slopes.seen.breaks
        clearly = best.see(rows, shifts, breaks)
        waited = torch.where(clearly, 0, waited + 1)
        longest = torch.where(breaks, longest * _SHORTER, longest)
        shifts = shifts + shortened(nearest(shifts, slopes) - shifts, longest)
        shifts = problem.within(rows, shifts)
        going = (waited < _PATIENCE) | ~best.length[rows].isfinite()
        rows, shifts, longest, waited = (v[going] for v in (rows, shifts, longest, waited))
        slopes = None
    if len(rows):
        best.see(rows, shifts, measure.seen(problem, rows, shifts).breaks)


def _push(
    problem: Problem,
    measure: Measure,
    best: Best,
    rows: Tensor,
    effort: Effort,
    slopes: Slopes | None = None,
) -> None:
    """Step from start images without a break towards any, by Adam on the conditions that do not hold, each as steep as the
    other; ``slopes``: of the start images, if known.
    """
    shifts = torch.zeros(len(rows), len(problem.dimensions), dtype=torch.float64)
    mean, power = torch.zeros_like(shifts), torch.zeros_like(shifts)
    for step in range(1, effort.pushes + 1):
        if not len(rows):
            return
        if slopes is None:
            slopes = led(problem, measure.slopes(problem, rows, shifts))
        best.see(rows, shifts, slopes.seen.breaks)
        kept = ~best.length[rows].isfinite()
        rows, shifts, mean, power = (v[kept] for v in (rows, shifts, mean, power))
        uphill = _uphill(slopes)[kept]
        mean, power = 0.9 * mean + 0.1 * uphill, 0.99 * power + 0.01 * uphill.square()
        unbiased = mean / (1 - 0.9**step), power / (1 - 0.99**step)
        shifts = shifts - effort.push * unbiased[0] / (unbiased[1].sqrt() + 1e-6)
        shifts = problem.within(rows, shifts)
        slopes = None


def _uphill(slopes: Slopes) -> Tensor:
    """Return the direction in which the conditions that do not hold get worse, ``[M, D]``."""
    right = (slopes.seen.margin > -PAST)[:, None] * _of_length_1(slopes.margin)
    doubted = (slopes.seen.doubt > 0)[:, None] * _of_length_1(slopes.doubt)
    return right + doubted


def _of_length_1(slopes: Tensor) -> Tensor:
    found: Tensor = slopes / slopes.norm(dim=1, keepdim=True).clamp(min=_NOTHING)
    return found


def led(problem: Problem, slopes: Slopes) -> Slopes:
    """Return slopes of which none is zero: where an image's own are, that of the class on the mean counts."""
    flat = ~slopes.margin.any(dim=1)
    if not flat.any():
        return slopes
    return Slopes(
        slopes.seen, torch.where(flat[:, None], -problem.lead, slopes.margin), slopes.doubt
    )

"""The second and third stage: the fewest dimensions that do, and the boundary along the way there."""

from __future__ import annotations

import torch
from torch import Tensor

from pytest_failcond.probes.combination.nearest import nearest, shortened
from pytest_failcond.probes.combination.problem import Problem
from pytest_failcond.probes.combination.searching import Best, led
from pytest_failcond.probes.combination.slopes import Measure, Slopes

LONGER = 0.1
"""How much longer a combination may become for having fewer dimensions."""
_STEP = 1.0  # σ, of a repair
_BISECTIONS = 7  # of the way from the start image: to 1/128 of it


def prune(problem: Problem, measure: Measure, best: Best, repairs: int) -> None:
    """Leave out dimensions of all breaks at once, by bisection on their number.

    The smallest shifts go first. The others are moved until the image breaks again, if that takes no more than a
    tenth in length.
    """
    rows = best.found
    order = torch.argsort(-best.shifts[rows].abs(), dim=1, stable=True)
    ranks = torch.argsort(order, dim=1, stable=True)
    longest = best.length[rows] * (1 + LONGER)
    low = torch.zeros(len(rows), dtype=torch.int64)
    high = (best.shifts[rows] != 0).sum(dim=1)
    while len(todo := torch.nonzero(high - low > 1)[:, 0]):
        middle = (low + high)[todo] // 2
        kept = ranks[todo] < middle[:, None]
        shifts, holds = _repaired(problem, measure, best, rows[todo], kept, longest[todo], repairs)
        best.shifts[rows[todo[holds]]] = shifts[holds]
        high[todo] = torch.where(holds, middle, high[todo])
        low[todo] = torch.where(holds, low[todo], middle)
    best.length[rows] = best.shifts[rows].norm(dim=1)


def _repaired(
    problem: Problem,
    measure: Measure,
    best: Best,
    rows: Tensor,
    kept: Tensor,
    longest: Tensor,
    repairs: int,
) -> tuple[Tensor, Tensor]:
    """Return shifts of the kept dimensions alone, ``[M, D]``, and whether they break, ``[M]``."""
    own = best.shifts[rows]
    shifts = own * kept
    length = shifts.norm(dim=1, keepdim=True).clamp(min=1e-12)
    shifts = problem.within(rows, shifts * own.norm(dim=1, keepdim=True) / length)
    found = Best(len(rows), own.shape[1])
    left = torch.arange(len(rows))
    for repair in range(repairs + 1):
        seen = measure.seen(problem, rows[left], shifts)
        allowed = shifts.norm(dim=1) <= longest[left]
        found.see(left, shifts, seen.breaks & allowed)
        going = ~found.length[left].isfinite()
        left, shifts = left[going], shifts[going]
        if repair == repairs or not len(left):
            break
        slopes = led(problem, measure.slopes(problem, rows[left], shifts))
        slopes = _only(slopes, kept[left])
        step = nearest(shifts, slopes) - shifts
        shifts = shifts + shortened(step, torch.full((len(left),), _STEP, dtype=torch.float64))
        shifts = problem.within(rows[left], shifts)
    return found.shifts, found.length.isfinite()


def _only(slopes: Slopes, kept: Tensor) -> Slopes:
    """Return slopes with those of the dimensions that are left out as 0."""
    return Slopes(slopes.seen, slopes.margin * kept, slopes.doubt * kept)


def bisect(problem: Problem, measure: Measure, best: Best) -> None:
    """Shorten each break along its own direction, to the boundary."""
    rows = best.found
    whole = best.shifts[rows]
    low, high = torch.zeros_like(whole[:, :1]), torch.ones_like(whole[:, :1])
    for _ in range(_BISECTIONS):
        if not len(rows):
            return
        middle = (low + high) / 2
        breaks = measure.seen(problem, rows, whole * middle).breaks[:, None]
        high = torch.where(breaks, middle, high)
        low = torch.where(breaks, low, middle)
    best.shifts[rows] = whole * high
    best.length[rows] = best.shifts[rows].norm(dim=1)

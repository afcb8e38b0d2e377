"""The first stage without gradients: a short break of each start image, by an evolution strategy.

CMA-ES (arXiv 1604.00772), of the package cmaes, whose random numbers are its own, keyed here by start image. A
strategy begins where measured slopes say that a break should be; one that has found none by half-time begins
again, wider. A generation of all start images is one batch.
"""

from __future__ import annotations

import numpy as np
import torch
from cmaes import CMA
from torch import Tensor

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.probes.combination.nearest import PAST, nearest, shortened
from pytest_failcond.probes.combination.problem import Problem, Seen
from pytest_failcond.probes.combination.searching import Best, led
from pytest_failcond.probes.combination.slopes import Measure, Slopes

_NARROW, _WIDE = 0.4, 1.0  # σ, of a first generation: around a middle, and around the start image
_FARTHEST = 4.0  # σ: a middle, at most
_ALONG = 8  # looks on the way that the class's dimensions lead, where an image has no slopes
_WRONG, _DOUBTED = 10.0, 3.0  # σ that a unit of margin, and of doubt, is worth
_NOTHING = 1e-12


def evolve(problem: Problem, measure: Measure, unmoved: Slopes, looks: int) -> Best:
    """Search a short break of each start image that is not broken already.

    Args:
        problem: the question.
        measure: looks at images.
        unmoved: slopes of the start images that are not broken already.
        looks: at each start image, at most.
    """
    best = Best(len(problem.starts), len(problem.dimensions))
    rows = problem.open
    if not len(rows):
        return best
    middles = _middles(problem, measure, best, unmoved)
    strategies = [_strategy(problem, row, m, _NARROW) for row, m in zip(rows, middles, strict=True)]
    many = strategies[0].population_size
    generations = (looks - _ALONG) // many
    for generation in range(generations):
        if generation == generations // 2:
            for i in torch.nonzero(~best.length[rows].isfinite())[:, 0].tolist():
                strategies[i] = _strategy(problem, rows[i], torch.zeros_like(middles[i]), _WIDE)
        asked = np.stack([[one.ask() for _ in range(many)] for one in strategies])
        shifts, seen = _look(problem, measure, best, rows, torch.from_numpy(asked))
        costs = _cost(shifts, seen).tolist()
        for one, moved, cost in zip(strategies, shifts.numpy(), costs, strict=True):
            one.tell(list(zip(moved, cost, strict=True)))
    return best


def _strategy(problem: Problem, row: Tensor, middle: Tensor, sigma: float) -> CMA:
    """Begin a strategy, with a seed of the start image and the question."""
    aim = -1 if problem.toward is None else problem.toward
    starts = problem.starts
    key = stream_key(
        "evolution", str(sigma), starts.class_index, aim, int(starts.samples[int(row)])
    )
    return CMA(mean=middle.numpy(), sigma=sigma, seed=int(key[0] >> np.uint64(32)))


def _middles(problem: Problem, measure: Measure, best: Best, unmoved: Slopes) -> Tensor:
    """Return where breaks should be by the slopes of the start images, ``[n, D]``.

    Where an image has no slopes, as of a model that answers labels alone, it is the first break on the way on
    which the class is lost on the mean.
    """
    rows = problem.open
    nothing = torch.zeros(len(rows), len(problem.dimensions), dtype=torch.float64)
    farthest = torch.full((len(rows),), _FARTHEST, dtype=torch.float64)
    steps = shortened(nearest(nothing, led(problem, unmoved)), farthest)
    middles = problem.within(rows, steps)
    flat = torch.nonzero(~unmoved.margin.any(dim=1))[:, 0]
    if len(flat):
        parts = torch.linspace(0, problem.most, _ALONG + 1, dtype=torch.float64)[1:]
        length = middles[flat].norm(dim=1, keepdim=True).clamp(min=_NOTHING)
        way = (middles[flat] / length)[:, None] * parts[None, :, None]
        _look(problem, measure, best, rows[flat], way)
        broken = flat[best.length[rows[flat]].isfinite()]
        middles[broken] = best.shifts[rows[broken]]
    return middles


def _look(
    problem: Problem, measure: Measure, best: Best, rows: Tensor, shifts: Tensor
) -> tuple[Tensor, Seen]:
    """Look at each start image ``[n]`` moved in M ways, ``[n, M, D]``, and keep its shortest break.

    Returns the shifts, cut to where the images may be moved, and what is seen, ``[n, M]`` each.
    """
    count, many, width = shifts.shape
    each = rows.repeat_interleave(many)
    moved = problem.within(each, shifts.reshape(count * many, width))
    flat = measure.seen(problem, each, moved)
    seen = Seen(flat.margin.view(count, many), flat.doubt.view(count, many))
    moved = moved.view(count, many, width)
    length = torch.where(seen.breaks, moved.norm(dim=2), torch.inf)
    first = torch.arange(count), length.argmin(dim=1)
    best.see(rows, moved[first], length[first].isfinite())
    return moved, seen


def _cost(shifts: Tensor, seen: Seen) -> Tensor:
    """Return what strategies minimise: the length, σ, and what is missing for a break, ``[n, M]``."""
    wrong, doubted = (seen.margin + PAST).clamp(min=0), seen.doubt.clamp(min=0)
    cost: Tensor = shifts.norm(dim=2) + _WRONG * wrong + _DOUBTED * doubted
    return cost

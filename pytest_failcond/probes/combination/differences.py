"""Slopes without gradients: each dimension is moved by a step."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from pytest_failcond.generators.base import batches_of
from pytest_failcond.probes.combination.problem import Problem, Seen
from pytest_failcond.probes.combination.slopes import Slopes

_STEP = 1.0  # σ; wide, so that a model that answers in steps shows its slope


class BySteps:
    """Slopes by moving each dimension one step further, on the side on which the image is moved.

    A start image is moved to the side that loses the class on the mean. D + 1 looks at an image, of which late dimensions
    cost less: the generator computes earlier layers once.
    """

    def price(self, problem: Problem) -> int:
        """See `Measure`."""
        return len(problem.dimensions) + 1

    def slopes(self, problem: Problem, rows: Tensor, shifts: Tensor) -> Slopes:
        """See `Measure`."""
        size = batches_of(problem.generator).images
        parts = zip(torch.split(rows, size), torch.split(shifts, size), strict=True)
        return Slopes.joined([_of_batch(problem, *part) for part in parts])

    def seen(self, problem: Problem, rows: Tensor, shifts: Tensor) -> Seen:
        """See `Measure`."""
        return problem.look(rows, shifts)


def _of_batch(problem: Problem, rows: Tensor, shifts: Tensor) -> Slopes:
    shifts = shifts.float().double()  # as they are rendered
    here = problem.look(rows, shifts)
    sides = torch.where(shifts == 0, problem.lead.sign(), shifts.sign())
    sides = torch.where(sides == 0, 1.0, sides)
    margin, doubt = torch.zeros_like(shifts), torch.zeros_like(shifts)
    styles = problem.styles(rows, shifts)
    layers = [problem.generator.style_space.layer_of(int(k)) for k in problem.dimensions]
    order = sorted(range(len(layers)), key=layers.__getitem__)
    count = np.arange(len(rows))
    for _, group in groupby(order, key=layers.__getitem__):
        some = list(group)
        mover = problem.generator.mover(
            styles, [{int(problem.dimensions[d]): float(problem.std[d])} for d in some]
        )
        which = np.repeat(np.arange(len(some)), len(rows))
        amounts = _STEP * sides[:, some].T.reshape(-1).numpy()
        images = mover.images(np.tile(count, len(some)), which, amounts)
        there = problem.judged(rows.repeat(len(some)), images)
        margin[:, some] = (there.margin.reshape(len(some), -1) - here.margin).T
        doubt[:, some] = (there.doubt.reshape(len(some), -1) - here.doubt).T
    by = _STEP * sides
    return Slopes(Seen(here.margin, here.doubt), margin / by, doubt / by)

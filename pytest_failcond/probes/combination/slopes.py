"""How margin and doubt of an image change with each dimension: by gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import batches_of
from pytest_failcond.probes.combination.problem import CERTAIN, Problem, Seen
from pytest_failcond.subjects.classifier import Classifier


@dataclass(frozen=True)
class Slopes:
    """What is seen of M images, and its change for each σ in each dimension.

    Attributes:
        seen: of the images.
        margin: change of the margin, ``[M, D]``.
        doubt: change of the doubt, ``[M, D]``.
    """

    seen: Seen
    margin: Tensor
    doubt: Tensor

    @staticmethod
    def joined(parts: list[Slopes]) -> Slopes:
        """Return those of all parts, in their order."""
        return Slopes(
            Seen(
                torch.cat([part.seen.margin for part in parts]),
                torch.cat([part.seen.doubt for part in parts]),
            ),
            torch.cat([part.margin for part in parts]),
            torch.cat([part.doubt for part in parts]),
        )


Measure = Callable[[Problem, Tensor, Tensor], Slopes]
"""Takes a problem, rows ``[M]`` and their shifts ``[M, D]``, and returns the slopes there."""


def by_gradient(problem: Problem, rows: Tensor, shifts: Tensor) -> Slopes:
    """Return slopes by gradient: exact, and as cheap as two or three looks.

    Images are rounded to 8 bits, and gradients flow through the rounding as if there were none.
    """
    size = batches_of(problem.generator).gradients
    parts = zip(torch.split(rows, size), torch.split(shifts, size), strict=True)
    return Slopes.joined([_of_batch(problem, *part) for part in parts])


def _of_batch(problem: Problem, rows: Tensor, shifts: Tensor) -> Slopes:
    with torch.enable_grad():
        given = shifts.detach().float().requires_grad_()
        images = problem.generator.render(problem.styles(rows, given))
        pixels = images + ((images * 255).round() / 255 - images).detach()
        logits = problem.classifier.logits(pixels).cpu().double()
        margin = problem.margin(rows, logits)
        odds = [_log_odds(guide, pixels, problem) for guide in problem.guides.judges]
        surest = torch.full((len(rows),), CERTAIN, dtype=torch.float64)
        doubt = problem.asked[rows] - torch.stack([surest, *odds]).amin(dim=0)
        steep = _gradient(margin, given, keep=bool(odds))
        doubtful = _gradient(doubt, given) if odds else torch.zeros_like(steep)
    return Slopes(Seen(margin.detach(), doubt.detach()), steep, doubtful)


def _log_odds(guide: Classifier, pixels: Tensor, problem: Problem) -> Tensor:
    """Return the log odds that a guide gives the class, ``[M]``; unlike p, they do not saturate."""
    logits = guide.logits(pixels).cpu().double()
    own = problem.starts.class_index
    others = torch.cat([logits[:, :own], logits[:, own + 1 :]], dim=1)
    return logits[:, own] - torch.logsumexp(others, dim=1)


def _gradient(values: Tensor, shifts: Tensor, keep: bool = False) -> Tensor:
    (found,) = torch.autograd.grad(values.sum(), shifts, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(shifts).double() if found is None else found.double()


def has_gradients(problem: Problem) -> bool:
    """Whether the margin of the start images has a gradient that is finite, and not zero at all."""
    models = (problem.classifier, *problem.guides.judges)
    if not all(model.differentiable for model in models):
        return False
    rows = problem.open[: batches_of(problem.generator).gradients]
    if not len(rows):
        return True
    try:
        slopes = by_gradient(problem, rows, torch.zeros(len(rows), len(problem.dimensions)))
    except FailcondError:
        raise
    except RuntimeError:  # an output without a graph, or a backward that is not written
        return False
    return bool(slopes.margin.isfinite().all()) and bool(slopes.margin.any())

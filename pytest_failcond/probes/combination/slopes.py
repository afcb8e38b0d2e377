"""What is seen of moved images, and how margin and doubt change with each dimension: by gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

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

    def of(self, rows: Tensor) -> Slopes:
        """Return those of some images."""
        seen = Seen(self.seen.margin[rows], self.seen.doubt[rows])
        return Slopes(seen, self.margin[rows], self.doubt[rows])

    @staticmethod
    def joined(parts: list[Slopes]) -> Slopes:
        """Return those of all parts, in their order."""
        return Slopes(
            Seen.joined([part.seen for part in parts]),
            torch.cat([part.margin for part in parts]),
            torch.cat([part.doubt for part in parts]),
        )


class Measure(Protocol):
    """Looks at moved start images: rows ``[M]`` of a problem, and their shifts ``[M, D]``."""

    def price(self, problem: Problem) -> int:
        """Return how many looks slopes cost as much as."""

    def slopes(self, problem: Problem, rows: Tensor, shifts: Tensor) -> Slopes:
        """Return the slopes there."""

    def seen(self, problem: Problem, rows: Tensor, shifts: Tensor) -> Seen:
        """Return what is seen there, which costs a third or less."""


class ByGradient:
    """Slopes by gradient: exact, and as cheap as three looks.

    Images are rounded to 8 bits, and gradients flow through the rounding as if there were none. Batches are not
    filled up: few images are often left.
    """

    def price(self, problem: Problem) -> int:
        """See `Measure`."""
        return 3

    def slopes(self, problem: Problem, rows: Tensor, shifts: Tensor) -> Slopes:
        """See `Measure`."""
        return Slopes.joined([_slopes(problem, *part) for part in _parts(problem, rows, shifts)])

    @torch.no_grad()
    def seen(self, problem: Problem, rows: Tensor, shifts: Tensor) -> Seen:
        """See `Measure`."""
        parts = [_seen(problem, *part) for part in _parts(problem, rows, shifts)]
        return Seen.joined(parts)


def _parts(problem: Problem, rows: Tensor, shifts: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    size = batches_of(problem.generator).gradients
    return zip(torch.split(rows, size), torch.split(shifts.float(), size), strict=True)


def _slopes(problem: Problem, rows: Tensor, shifts: Tensor) -> Slopes:
    with torch.enable_grad():
        given = shifts.detach().requires_grad_()
        seen = _seen(problem, rows, given)
        judged = bool(problem.guides.judges)
        margin = _gradient(seen.margin, given, keep=judged)
        doubt = _gradient(seen.doubt, given) if judged else torch.zeros_like(margin)
    return Slopes(Seen(seen.margin.detach(), seen.doubt.detach()), margin, doubt)


def _seen(problem: Problem, rows: Tensor, shifts: Tensor) -> Seen:
    """Return what is seen of one batch; gradients flow to ``shifts``."""
    images = problem.generator.render(problem.styles(rows, shifts))
    pixels = images + ((images * 255).round() / 255 - images).detach()
    margin = problem.margin(rows, problem.classifier.logits(pixels).cpu().double())
    odds = [_log_odds(guide, pixels, problem) for guide in problem.guides.judges]
    surest = torch.full((len(rows),), CERTAIN, dtype=torch.float64)
    return Seen(margin, problem.asked[rows] - torch.stack([surest, *odds]).amin(dim=0))


def _log_odds(guide: Classifier, pixels: Tensor, problem: Problem) -> Tensor:
    """Return the log odds that a guide gives the class, ``[M]``; unlike p, they do not saturate."""
    logits = guide.logits(pixels).cpu().double()
    own = problem.starts.class_index
    others = torch.cat([logits[:, :own], logits[:, own + 1 :]], dim=1)
    return logits[:, own] - torch.logsumexp(others, dim=1)


def _gradient(values: Tensor, shifts: Tensor, keep: bool = False) -> Tensor:
    (found,) = torch.autograd.grad(values.sum(), shifts, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(shifts).double() if found is None else found.double()


def unmoved_by_gradient(problem: Problem) -> Slopes | None:
    """Return the slopes of the start images that are not broken already; None: a model has no gradient, or the
    margin's is not finite, or zero for all.
    """
    models = (problem.classifier, *problem.guides.judges)
    if not all(model.differentiable for model in models):
        return None
    try:
        slopes = unmoved_slopes(ByGradient(), problem)
    except FailcondError:
        raise
    except RuntimeError:  # an output without a graph, or a backward that is not written
        return None
    useful = bool(slopes.margin.isfinite().all()) and bool(slopes.margin.any())
    return slopes if useful or not len(slopes.margin) else None


def unmoved_slopes(measure: Measure, problem: Problem) -> Slopes:
    """Return the slopes of the start images that are not broken already, ``[n, D]``."""
    rows = problem.open
    nothing = torch.zeros(len(rows), len(problem.dimensions), dtype=torch.float64)
    if not len(rows):
        return Slopes(Seen(nothing.sum(dim=1), nothing.sum(dim=1)), nothing, nothing)
    return measure.slopes(problem, rows, nothing)

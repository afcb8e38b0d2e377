"""The first break of each image along one dimension of its own, all images at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pytest_failcond.probes.combination.nearest import PAST
from pytest_failcond.probes.combination.problem import CLEARLY, Problem
from pytest_failcond.probes.combination.slopes import Measure

_LOOKS = 7
_LEAST = 0.25  # σ, of the first look
_WIDER = 1.1  # times: beyond where the break should be, so that it lies between two looks
_NARROW = 0.05  # σ: a break is known well enough


class Lines(NamedTuple):
    """M lines: an image and a dimension each.

    Attributes:
        rows: start images of a problem, int ``[M]``.
        places: of the dimension among those of the problem, int ``[M]``.
        signs: of the shift, ``[M]``.
        expected: where the image should break, σ, ``[M]``.
    """

    rows: Tensor
    places: Tensor
    signs: Tensor
    expected: Tensor


def first_breaks(problem: Problem, measure: Measure, lines: Lines, farthest: float) -> Tensor:
    """Return how far each image must be moved to break, as far as the guides let it pass: σ, ``[M]``; NaN: not
    found.

    Each look beyond the break is followed by one half-way back, and each before it by one where the break
    should lie by then.
    """
    most = _room(problem, lines).clamp(max=farthest)
    count = len(most)
    low, beyond = torch.zeros(count, dtype=torch.float64), torch.full_like(most, torch.inf)
    found = torch.full_like(most, torch.inf)
    at = torch.minimum((_WIDER * lines.expected).clamp(min=_LEAST), most)
    left = torch.nonzero(most > 0)[:, 0]
    for _ in range(_LOOKS):
        if not len(left):
            break
        here = at[left]
        seen = measure.seen(problem, lines.rows[left], _shifts(problem, lines, left, here))
        wrong, passes = seen.margin <= -CLEARLY, seen.doubt <= 0
        found[left] = torch.where(wrong & passes, here, found[left])
        beyond[left] = torch.where(wrong, here, beyond[left])
        low[left] = torch.where(wrong, low[left], here)
        onward = here * (1 + _WIDER * _short(seen.margin))
        at[left] = torch.where(
            beyond[left].isfinite(),
            (low[left] + beyond[left]) / 2,
            torch.minimum(onward, most[left]),
        )
        lost = ~wrong & ~passes & ~found[left].isfinite()
        ended = (beyond[left] - low[left] < _NARROW) | (at[left] <= low[left])
        left = left[~lost & ~ended]
    return torch.where(found.isfinite(), found, torch.nan)


def _short(margin: Tensor) -> Tensor:
    """Return how much farther an image must be moved, as a share of the way so far; its margin was 1 at the start."""
    return ((margin + PAST) / (1 - margin).clamp(min=1e-3)).clamp(0.1, 1)


def _room(problem: Problem, lines: Lines) -> Tensor:
    """Return how far each image may be moved along its line, σ, ``[M]``."""
    down, up = (problem.room[side, lines.rows, lines.places] for side in (0, 1))
    return torch.where(lines.signs < 0, -down, up)


def _shifts(problem: Problem, lines: Lines, some: Tensor, at: Tensor) -> Tensor:
    """Return the shifts of lines at a distance, σ, ``[M, D]``."""
    shifts = torch.zeros(len(some), len(problem.dimensions), dtype=torch.float64)
    shifts[torch.arange(len(some)), lines.places[some]] = lines.signs[some] * at
    return shifts

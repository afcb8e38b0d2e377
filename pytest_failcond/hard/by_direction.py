"""Hard images along single dimensions: at the break of a start image or past it, and just before it.

The slopes at a start image, which the search for combinations needs too, tell along which dimensions it should
break soonest; only there is a break looked for.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import Tensor

from pytest_failcond.hard.candidates import Candidate, Needed, Search
from pytest_failcond.hard.lines import Lines, first_breaks
from pytest_failcond.hard.manifest import Kind
from pytest_failcond.probes.combination.beginning import Begun
from pytest_failcond.probes.combination.nearest import PAST

_LINES = 2  # dimensions that are tried of each start image
_AS_SOON = 1.5  # times as far as the soonest: among such dimensions, take turns
_PAST = 0.0, 0.5  # σ past the break
_BEFORE = 0.05, 0.5  # σ before the break, and at most half of the way back


def single(
    search: Search, begun: Begun, needed: Needed, taken: Counter[tuple[Kind, int]]
) -> list[Candidate]:
    """Search breaks along single dimensions; each gives an image past it, and one before it.

    Args:
        search: the class, and what was asked for.
        begun: the start images.
        needed: images.
        taken: images kept, by kind and dimension.
    """
    problem = begun.problem
    lines = _promising(search, begun, taken)
    breaks = first_breaks(problem, begun.measure, lines, search.asked.max_shift).numpy()
    broken = np.flatnonzero(np.isfinite(breaks))
    breaks = breaks[broken]
    samples = problem.starts.samples[lines.rows.numpy()[broken]]
    places, signs = lines.places.numpy()[broken], lines.signs.numpy()[broken]
    dimensions = problem.dimensions[places]
    past = breaks + search.between(*_PAST, "past/single", samples)
    before = breaks - search.between(*_BEFORE, "before/single", samples)
    moved: dict[Kind, np.ndarray] = {
        "direction": past,
        "near": np.maximum(before, breaks / 2),
    }
    return [
        search.candidate(kind, sample, [k], [sign * shift])
        for kind, shifts in moved.items()
        if kind in needed
        for sample, k, sign, shift in zip(
            samples.tolist(), dimensions.tolist(), signs.tolist(), shifts, strict=True
        )
    ]


def _promising(search: Search, begun: Begun, taken: Counter[tuple[Kind, int]]) -> Lines:
    """Return the lines along which start images should break soonest, while the guides are still sure.

    Among those that are about as soon, dimensions come first of which few images are kept.
    """
    problem, unmoved = begun.problem, begun.unmoved
    few = search.asked.directions
    steep, doubt = unmoved.margin[:, :few], unmoved.doubt[:, :few]
    soonest = (unmoved.seen.margin[:, None] + PAST) / steep.abs()  # infinite where nothing changes
    signs = -steep.sign()
    lost = unmoved.seen.doubt[:, None] + torch.nan_to_num(soonest * signs * doubt) > 0
    reach = torch.where(
        lost | (soonest > search.asked.max_shift), torch.inf, soonest.clamp(min=1e-3)
    )
    kept = torch.tensor(
        [taken["direction", int(k)] + taken["near", int(k)] for k in problem.dimensions[:few]]
    )
    rows, places = [], []
    for _ in range(min(_LINES, reach.shape[1])):
        alike = reach <= _AS_SOON * reach.amin(dim=1, keepdim=True)
        alike &= reach.isfinite()
        turn = torch.where(alike, kept.double()[None], torch.inf)
        place = _first_least(turn, reach)
        some = torch.nonzero(alike.any(dim=1))[:, 0]
        rows.append(some)
        places.append(place[some])
        reach[some, place[some]] = torch.inf
    row, place = torch.cat(rows), torch.cat(places)
    return Lines(problem.open[row], place, signs[row, place], soonest[row, place])


def _first_least(values: Tensor, then: Tensor) -> Tensor:
    """Return the column with the least value of each row, and among equals the least of ``then``."""
    least = values <= values.amin(dim=1, keepdim=True)
    return torch.where(least, then, torch.inf).argmin(dim=1)

"""Hard images along several dimensions at once: at a small combined break or past it, and just before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_failcond.hard.candidates import Candidate, Needed, Search
from pytest_failcond.hard.manifest import Kind
from pytest_failcond.probes.combination.beginning import Begun
from pytest_failcond.probes.combination.record import farthest_first
from pytest_failcond.probes.combination.searching import Effort
from pytest_failcond.probes.combination.stages import smallest

_EFFORT = Effort(first=5, pushes=12, push=0.4, last=3, repairs=0, usual=0, looks=200)
"""Less than the tests take: a break need not be the nearest, and more images are worth more."""
_PAST = 0.0, 0.1  # of the distance, beyond the break
_BEFORE = 0.05, 0.25  # of the distance, before it


def combined(search: Search, begun: Begun, needed: Needed) -> list[Candidate]:
    """Search a small combined break of each start image; each gives an image past it, and one before it."""
    problem, best = begun.problem, smallest(begun, _EFFORT)
    rows = best.found
    samples, shifts = problem.starts.samples[rows.numpy()], best.shifts[rows].numpy()
    factors: dict[Kind, npt.NDArray[np.float64]] = {
        "combination": 1 + search.between(*_PAST, "past", samples),
        "near": 1 - search.between(*_BEFORE, "before", samples),
    }
    return [
        search.candidate(kind, sample, moved, moved.values())
        for kind, by in factors.items()
        if kind in needed
        for sample, row, factor in zip(samples.tolist(), shifts, by, strict=True)
        for moved in [farthest_first(problem.dimensions, factor * row)]
    ]

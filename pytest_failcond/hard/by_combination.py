"""Hard images along several dimensions at once: past the smallest combined break, and just before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_failcond.hard.candidates import Candidate, Needed, Search
from pytest_failcond.hard.manifest import Kind
from pytest_failcond.probes.combination.finding import find_combinations
from pytest_failcond.probes.direction.ranking import Ranking
from pytest_failcond.probes.direction.starts import Starts

_DIMENSIONS = 32  # the highest-ranked ones
_FARTHEST = 12.0  # σ
_PAST = 0.0, 0.1  # of the distance, beyond the break
_BEFORE = 0.05, 0.25  # of the distance, before it
_FEWEST, _SPARE = 8, 2  # start images at least, and for each image that is needed


class ByCombination:
    """Searches for each start image's smallest combined shift.

    Args:
        search: the class, and what was asked for.
        ranking: of the class.

    Attributes:
        std: σ of the dimensions that it moved.
    """

    def __init__(self, search: Search, ranking: Ranking) -> None:
        self._search, self._ranking = search, ranking
        self.std: dict[int, float] = {}

    def candidates(self, starts: Starts, needed: Needed) -> list[Candidate]:
        """Search; each break gives an image past it, and one before it."""
        search = self._search
        most = max(_FEWEST, _SPARE * max(needed.values()))
        some = Starts(starts.class_index, starts.samples[:most], starts.styles[:most])
        found = find_combinations(
            search.generator,
            search.classifier,
            search.label,
            dimensions=min(_DIMENSIONS, len(self._ranking.dimensions)),
            max_distance=_FARTHEST,
            judge=search.acceptance,
            guides=search.guides,
            seed=search.asked.seed,
            truncation=search.asked.truncation,
            ranking=self._ranking,
            starts=some,
        )
        self.std |= dict(zip(found.dimensions.tolist(), found.std.tolist(), strict=True))
        rows = np.flatnonzero(found.distance > 0)
        samples, shifts = some.samples[rows], found.shifts[rows].astype(np.float64)
        factors: dict[Kind, npt.NDArray[np.float64]] = {
            "combination": 1 + search.between(*_PAST, "past", samples),
            "near": 1 - search.between(*_BEFORE, "before", samples),
        }
        return [
            self._moved(kind, int(sample), found.dimensions, factor * row)
            for kind, by in factors.items()
            if kind in needed
            for sample, row, factor in zip(samples, shifts, by, strict=True)
        ]

    def _moved(
        self,
        kind: Kind,
        sample: int,
        dimensions: npt.NDArray[np.int64],
        shifts: npt.NDArray[np.float64],
    ) -> Candidate:
        """Name the dimensions that are moved, the farthest first."""
        order = np.argsort(-np.abs(shifts), kind="stable")[: np.count_nonzero(shifts)]
        return self._search.candidate(kind, sample, dimensions[order].tolist(), shifts[order])

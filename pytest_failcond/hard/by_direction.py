"""Hard images along single directions: past the break of a start image, and just before it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pytest_failcond.hard.candidates import Candidate, Needed, Search
from pytest_failcond.hard.manifest import Kind
from pytest_failcond.probes.direction.ranking import Ranking
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.probes.direction.walking import walk
from pytest_failcond.probes.keys import DirectionKey

ENOUGH_WALKED, LEAST_BROKEN = 128, 0.02
"""A direction is given up after so many start images, if it broke a smaller share of them."""
_TOGETHER = 4  # directions that are walked at a time
_PAST = 0.0, 0.5  # σ past the break
_BEFORE = 0.05, 0.5  # σ before the break, and at most half of the way back


class ByDirection:
    """Walks start images along a class's directions, those first of which fewest images are kept.

    Args:
        search: the class, and what was asked for.
        ranking: of the class.
        taken: images kept, by kind and dimension.
        walked: start images that were walked along a dimension before.
        broke: those of them that broke.
    """

    def __init__(
        self,
        search: Search,
        ranking: Ranking,
        taken: Counter[tuple[Kind, int]],
        walked: Counter[int],
        broke: Counter[int],
    ) -> None:
        self._search, self._taken = search, taken
        self.walked, self.broke = walked, broke
        self.std: dict[int, float] = {}
        count = min(search.asked.directions, int(np.count_nonzero(ranking.scores)))
        self._directions = [
            DirectionKey(search.label, int(k), ranking.sign(rank))
            for rank, k in enumerate(ranking.dimensions[:count])
        ]

    @property
    def exhausted(self) -> bool:
        """Whether all directions are given up."""
        return not self._left

    @property
    def _left(self) -> list[DirectionKey]:
        left = [key for key in self._directions if not self._given_up(key.dimension)]
        return sorted(left, key=lambda key: self._kept(key.dimension))

    def _given_up(self, k: int) -> bool:
        walked = self.walked[k]
        return walked >= ENOUGH_WALKED and self.broke[k] < LEAST_BROKEN * walked

    def _kept(self, k: int) -> int:
        return self._taken["direction", k] + self._taken["near", k]

    def candidates(self, starts: Starts, needed: Needed) -> list[Candidate]:
        """Walk along some directions; each break gives an image past it, and one before it."""
        search, found = self._search, list[Candidate]()
        walks = walk(
            search.generator,
            search.classifier,
            self._left[:_TOGETHER],
            starts,
            judge=search.acceptance,
            max_shift=search.asked.max_shift,
        )
        for walked in walks:
            k, sign = walked.direction.dimension, walked.direction.sign
            rows = np.flatnonzero(walked.breaks > 0)
            self.walked[k] += len(starts)
            self.broke[k] += len(rows)
            self.std[k] = float(walked.std)
            samples, breaks = starts.samples[rows], walked.breaks[rows]
            past = breaks + search.between(*_PAST, f"past/{k}", samples)
            before = breaks - search.between(*_BEFORE, f"before/{k}", samples)
            moved: dict[Kind, np.ndarray] = {
                "direction": past,
                "near": np.maximum(before, breaks / 2),
            }
            found += [
                search.candidate(kind, sample, [k], [sign * shift])
                for kind, shifts in moved.items()
                if kind in needed
                for sample, shift in zip(samples.tolist(), shifts, strict=True)
            ]
        return found

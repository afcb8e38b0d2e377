"""What a search for hard images asks, and what it proposes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.generators.base import Generator
from pytest_failcond.hard.manifest import Asked, Kind
from pytest_failcond.subjects.acceptance import Acceptance, Judge
from pytest_failcond.subjects.classifier import Classifier

_DIGITS = 4  # of a shift

Needed = Mapping[Kind, int]
"""Images that are still needed, by kind; none of the other kinds."""


class Candidate(NamedTuple):
    """A start image moved along dimensions, not yet looked at; attributes as of `HardImage`."""

    label: int
    kind: Kind
    sample: int
    dimensions: tuple[int, ...]
    shifts: tuple[float, ...]


class Found(NamedTuple):
    """A hard image: its pixels uint8 ``[H, W, C]``; the others as of `HardImage`."""

    candidate: Candidate
    pixels: npt.NDArray[np.uint8]
    predicted: int
    p: float
    level: float


@dataclass(frozen=True)
class Search:
    """A search in one class: the models that it asks, and what was asked for.

    ``guides``: judges that a search may use, which do not decide; None: there are none.
    """

    generator: Generator
    classifier: Classifier
    acceptance: Acceptance
    guides: Judge
    asked: Asked
    label: int

    def candidate(
        self, kind: Kind, sample: int, dimensions: Iterable[int], shifts: Iterable[float]
    ) -> Candidate:
        """Return a candidate of the class; its shifts are rounded as the manifest keeps them."""
        rounded = tuple(round(float(shift), _DIGITS) for shift in shifts)
        return Candidate(self.label, kind, sample, tuple(dimensions), rounded)

    def between(
        self, least: float, most: float, what: str, samples: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Draw a number for each start image, keyed by what it is for."""
        name = ("export", self.asked.seed, what, self.label)
        drawn: npt.NDArray[np.float64] = KeyedRandom(*name, indices=samples).uniform()
        return least + (most - least) * drawn


def rarest_first(
    candidates: Iterable[Candidate], taken: Counter[tuple[Kind, int]]
) -> list[Candidate]:
    """Order candidates so that dimensions of which few images are kept come first, turn by turn."""
    counts = Counter(taken)
    turns: list[tuple[int, int, Candidate]] = []
    for position, candidate in enumerate(candidates):
        key = candidate.kind, candidate.dimensions[0]
        turns.append((counts[key], position, candidate))
        counts[key] += 1
    return [candidate for _, _, candidate in sorted(turns)]

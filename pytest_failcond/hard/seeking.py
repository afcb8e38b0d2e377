"""The search for hard images of a class, block after block of its start images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.generators.base import batches_of
from pytest_failcond.hard.by_combination import ByCombination
from pytest_failcond.hard.by_direction import ByDirection
from pytest_failcond.hard.candidates import Candidate, Found, Needed, Search, rarest_first
from pytest_failcond.hard.manifest import SINGLE, HardImage, Kind, Progress
from pytest_failcond.hard.rendering import BLOCK, StartStyles
from pytest_failcond.hard.sharing import missing
from pytest_failcond.probes.direction.ranking import rank_dimensions
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.subjects.images import to_float

ENOUGH_DRAWN, LEAST_FOUND = 512, 0.01
"""A kind is given up after so many drawn images, if fewer of it were found for each."""
_SAMPLES = 128  # images that the ranking averages over
_AT_ONCE = 2 * BLOCK  # candidates in memory
_DIGITS = 4  # of a probability

Floats = npt.NDArray[np.float32]


class Seeker:
    """Seeks images of one class, from where an earlier session stopped.

    Args:
        search: the class, and what is asked for.
        wanted: images of the class.
        progress: of the earlier session.
        kept: the images of the class that it found.

    Raises:
        FailcondError: the class cannot be ranked.
    """

    def __init__(
        self, search: Search, wanted: int, progress: Progress, kept: Iterable[HardImage]
    ) -> None:
        self._search, self._wanted = search, wanted
        self._styles = StartStyles(search.generator, search.asked.seed, search.asked.truncation)
        self._drawn = progress.drawn
        self._accepted, self._usable = progress.accepted, progress.usable
        self._looked: Counter[Kind] = Counter(progress.looked)
        self._found: Counter[Kind] = Counter()
        self._taken: Counter[tuple[Kind, int]] = Counter()
        for image in kept:
            self._keep(image.kind, image.dimensions)
        walked, broke = (
            Counter({int(k): n for k, n in counts.items()})
            for counts in (progress.walked, progress.broke)
        )
        ranking = rank_dimensions(
            search.generator,
            search.classifier,
            search.label,
            samples=_SAMPLES,
            judge=search.acceptance,
            seed=search.asked.seed,
            truncation=search.asked.truncation,
        )
        self._directions = ByDirection(search, ranking, self._taken, walked, broke)
        self._combinations = ByCombination(search, ranking)

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        directions = self._directions
        return Progress(
            done=not self.needed,
            drawn=self._drawn,
            accepted=self._accepted,
            usable=self._usable,
            looked=dict(self._looked),
            walked={str(k): n for k, n in sorted(directions.walked.items())},
            broke={str(k): n for k, n in sorted(directions.broke.items())},
        )

    @property
    def std(self) -> dict[int, float]:
        """σ of the dimensions that were moved."""
        return self._directions.std | self._combinations.std

    @property
    def needed(self) -> Needed:
        """Images that are still needed of each kind that is not given up; empty: the search has ended."""
        kinds = self._search.asked.kinds
        given_up = {kind for kind in kinds if self._given_up(kind)}
        return missing(self._wanted, kinds, self._found, given_up)

    def block(self) -> list[Found]:
        """Search the next block of start images, and return what is needed of what it gives.

        Raises:
            FailcondError: a model fails.
        """
        needed = dict(self.needed)
        starts = self._starts()
        self._looked.update(dict.fromkeys(needed, BLOCK))
        if not len(starts):
            return []
        candidates = rarest_first(self._candidates(starts, needed), self._taken)
        kept = []
        for first in range(0, len(candidates), _AT_ONCE):
            part = [c for c in candidates[first : first + _AT_ONCE] if needed[c.kind]]
            for image in self._look(part):
                if needed[image.candidate.kind]:
                    needed[image.candidate.kind] -= 1
                    self._keep(image.candidate.kind, image.candidate.dimensions)
                    kept.append(image)
        return kept

    def _candidates(self, starts: Starts, needed: Needed) -> list[Candidate]:
        """Try single directions first: images just before a break come of them while there are any."""
        along = not self._directions.exhausted
        found = []
        if along and not {"direction", "near"}.isdisjoint(needed):
            found += self._directions.candidates(starts, needed)
        if "combination" in needed or ("near" in needed and not along):
            found += self._combinations.candidates(starts, needed)
        return found

    def _keep(self, kind: Kind, dimensions: Sequence[int]) -> None:
        self._found[kind] += 1
        for k in dimensions:
            self._taken[kind, k] += 1

    def _given_up(self, kind: Kind) -> bool:
        looked = self._looked[kind]
        rare = looked >= ENOUGH_DRAWN and self._found[kind] < LEAST_FOUND * looked
        only_single = kind == SINGLE or "combination" not in self._search.asked.kinds
        return rare or (only_single and self._directions.exhausted)

    def _starts(self) -> Starts:
        """Draw the next block: the images that are accepted, and that the classifier has right."""
        search, first = self._search, self._drawn
        drawn = self._styles.block(search.label, first)
        p, accepted = self._seen(search.generator.synthesize(drawn))
        rows = np.flatnonzero(accepted & (p.argmax(axis=1) == search.label))
        self._drawn += BLOCK
        self._accepted += int(accepted.sum())
        self._usable += len(rows)
        return Starts(search.label, first + rows, drawn[torch.from_numpy(rows)])

    def _look(self, candidates: Sequence[Candidate]) -> Iterator[Found]:
        """Make the images, and return those that are accepted and of their kind."""
        if not candidates:
            return
        pixels = self._styles.render(candidates, self.std)
        p, accepted = self._seen(to_float(pixels))
        predicted = p.argmax(axis=1)
        label = self._search.label
        for i, candidate in enumerate(candidates):
            right = predicted[i] == label
            if accepted[i] and right == (candidate.kind == "near"):
                yield Found(
                    candidate, pixels[i], int(predicted[i]), round(float(p[i, label]), _DIGITS)
                )

    def _seen(self, images: Tensor | Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return the classifier's probabilities ``[N, K]``, and whether each image is accepted."""
        search = self._search
        batch = batches_of(search.generator).images
        p = search.classifier.probabilities(images, batch=batch)
        accepted = search.acceptance.accepts(images, search.label, among=p.shape[1], batch=batch)
        return p, accepted

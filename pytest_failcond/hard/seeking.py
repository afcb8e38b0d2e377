"""The search for hard images of a class, block after block of its start images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.generators.base import batches_of
from pytest_failcond.hard.by_combination import combined
from pytest_failcond.hard.by_direction import single
from pytest_failcond.hard.candidates import Candidate, Found, Needed, Search, rarest_first
from pytest_failcond.hard.manifest import HardImage, Kind, Progress
from pytest_failcond.hard.rendering import BLOCK, StartStyles
from pytest_failcond.hard.sharing import missing
from pytest_failcond.probes.combination.beginning import begin
from pytest_failcond.probes.combination.posing import pose
from pytest_failcond.probes.direction.ranking import rank_dimensions
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.subjects.acceptance import Acceptance, Judgement
from pytest_failcond.subjects.images import to_float

ENOUGH_DRAWN, LEAST_FOUND = 512, 0.01
"""A kind is given up after so many drawn images, if fewer of it were found for each."""
_SAMPLES = 128  # images that the ranking averages over
_AT_ONCE = 4 * BLOCK  # candidates in memory
_FULL, _BLOCKS = (
    32,
    8,
)  # start images that fill a batch well enough, and blocks that are drawn for them at most
_FEWEST, _SPARE = 8, 1.5  # start images at least, and for each image that should be found
_DIGITS = 4  # of a probability

Floats = npt.NDArray[np.float32]


class Seeker:
    """Seeks images of one class, from where an earlier session stopped.

    Args:
        search: the class, and what is asked for.
        wanted: images of the class.
        progress: of the earlier session.
        kept: the images of the class that it found.

    Attributes:
        std: σ of the dimensions that are moved.

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
        self._all_std: dict[int, float] = dict(enumerate(search.generator.style_space.std.tolist()))
        self.std: dict[int, float] = {}
        for image in kept:
            self._keep(image.kind, image.dimensions)
        self._ranking = rank_dimensions(
            search.generator,
            search.classifier,
            search.label,
            samples=_SAMPLES,
            judge=search.acceptance,
            seed=search.asked.seed,
            truncation=search.asked.truncation,
        )
        asked = search.asked
        most = min(max(asked.dimensions, asked.directions), len(self._ranking.dimensions))
        self._dimensions = most

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return Progress(
            done=not self.needed,
            drawn=self._drawn,
            accepted=self._accepted,
            usable=self._usable,
            looked=dict(self._looked),
        )

    @property
    def needed(self) -> Needed:
        """Images that are still needed of each kind that is not given up; empty: the search has ended."""
        kinds = self._search.asked.kinds
        given_up = {kind for kind in kinds if self._given_up(kind)}
        return missing(self._wanted, kinds, self._found, given_up)

    def block(self) -> list[Found]:
        """Search from the next start images, and return what is needed of what it gives.

        Raises:
            FailcondError: a model fails.
        """
        needed = dict(self.needed)
        starts = self._starts(needed)
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
        """Search breaks of start images; images just before a break come of the same searches."""
        search = self._search
        acceptance, guides = search.acceptance, search.guides
        guiding = acceptance if guides is None else Acceptance.of(guides, acceptance.least_p)
        begun = begin(
            pose(
                search.generator,
                search.classifier,
                guiding,
                starts,
                None,
                self._ranking,
                self._dimensions,
                search.asked.max_distance,
            )
        )
        several = "combination" in search.asked.kinds or "direction" not in search.asked.kinds
        found = list[Candidate]()
        if "direction" in needed or not several:
            found += single(search, begun, needed, self._taken)
        if "combination" in needed or ("direction" not in needed and several):
            found += combined(search, begun, needed)
        return found

    def _keep(self, kind: Kind, dimensions: Sequence[int]) -> None:
        self._found[kind] += 1
        for k in dimensions:
            self._taken[kind, k] += 1
            self.std[k] = self._all_std[k]

    def _given_up(self, kind: Kind) -> bool:
        looked = self._looked[kind]
        return looked >= ENOUGH_DRAWN and self._found[kind] < LEAST_FOUND * looked

    def _starts(self, needed: Needed) -> Starts:
        """Draw blocks until they have enough start images: those that are accepted, and that the classifier has
        right.
        """
        most = self._enough(needed)
        samples, styles = [], []
        for _ in range(_BLOCKS):
            first = self._drawn
            drawn = self._styles.block(self._search.label, first)
            p, judgement = self._seen(self._search.generator.synthesize(drawn))
            accepted = judgement.accepted(self._search.label)
            rows = np.flatnonzero(accepted & (p.argmax(axis=1) == self._search.label))
            samples.append(first + rows)
            styles.append(drawn[torch.from_numpy(rows)])
            self._drawn += BLOCK
            self._accepted += int(accepted.sum())
            self._usable += len(rows)
            self._looked.update(dict.fromkeys(needed, BLOCK))
            if sum(map(len, samples)) >= min(most, _FULL):
                break
        return Starts(self._search.label, np.concatenate(samples)[:most], torch.cat(styles)[:most])

    def _enough(self, needed: Needed) -> int:
        """Return how many start images should give the images that are needed, as earlier ones did."""
        rates = {kind: (self._found[kind] + 1) / (self._looked[kind] + 2) for kind in needed}
        return max(_FEWEST, int(_SPARE * max(n / rates[kind] for kind, n in needed.items())))

    def _look(self, candidates: Sequence[Candidate]) -> Iterator[Found]:
        """Make the images, and return those that are accepted and of their kind."""
        if not candidates:
            return
        pixels = self._styles.render(candidates, self._all_std)
        p, judgement = self._seen(to_float(pixels))
        label, predicted = self._search.label, p.argmax(axis=1)
        accepted, level = judgement.accepted(label), judgement.level(label)
        for i, candidate in enumerate(candidates):
            right = predicted[i] == label
            if accepted[i] and right == (candidate.kind == "near"):
                seen = (round(float(value), _DIGITS) for value in (p[i, label], level[i]))
                yield Found(candidate, pixels[i], int(predicted[i]), *seen)

    def _seen(self, images: Tensor | Floats) -> tuple[Floats, Judgement]:
        """Return the classifier's probabilities ``[N, K]``, and the judges' answers."""
        search = self._search
        batch = batches_of(search.generator).images
        p = search.classifier.probabilities(images, batch=batch)
        return p, search.acceptance.see(images, among=p.shape[1], batch=batch)

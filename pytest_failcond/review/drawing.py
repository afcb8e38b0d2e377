"""The drawing of a deck: breaks of a run, wrong images that the judges reject, and checks of the reader.

Keys made of the subjects draw all images before anybody has seen one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.direction.starts import Starts, starts_of
from pytest_failcond.probes.direction.walking import Walk, walk
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.metric import STEP
from pytest_failcond.process.surroundings import ours
from pytest_failcond.review.deck import Claim, Drawn, Kind, Subjects, hash_pixels, random_of
from pytest_failcond.review.unreadable import unreadable
from pytest_failcond.subjects.images import to_uint8

Pixels = npt.NDArray[np.uint8]
Start = tuple[int, int]
"""A start image: its class, and its number in the generator's stream."""

_AT_ONCE = 64  # images or ways in a batch; few are wanted


@dataclass(frozen=True)
class Candidate:
    """A start image on its way along a direction.

    Attributes:
        direction: the direction.
        row: of the start image among those of its class.
        sample: its number in the generator's stream.
        shift: the distance that it is moved, σ.
        level: the least probability that any judge gave its class on the way; None without a judge.
    """

    direction: DirectionKey
    row: int
    sample: int
    shift: float = 0.0
    level: float | None = None

    @property
    def start(self) -> Start:
        """The start image."""
        return self.direction.class_index, self.sample


@dataclass(frozen=True)
class Pool:
    """The images that a deck is drawn from: the walks of a run, all classes together.

    Attributes:
        starts: start images that are accepted at the loosest level, by class.
        ways: each start image along each direction.
        breaks: the broken images that are accepted at the loosest level, each at its break.
    """

    starts: dict[int, Starts] = field(default_factory=dict)
    ways: list[Candidate] = field(default_factory=list)
    breaks: list[Candidate] = field(default_factory=list)


@ours()
def add_class(pool: Pool, laboratory: Laboratory, keys: Sequence[DirectionKey]) -> int:
    """Walk directions of one class again, at the loosest level of acceptance. Returns the number of broken images.

    Raises:
        FailcondError: there is no generator, or too few start images are accepted.
    """
    settings, index = laboratory.settings.corner_cases, keys[0].class_index
    generator, loosest = _generator(laboratory), laboratory.acceptance.loosest
    starts = starts_of(generator, loosest, index, laboratory.settings)
    walks = walk(
        generator, laboratory.classifier, keys, starts, judge=loosest, max_shift=settings.max_shift
    )
    found = [candidate for walked in walks for candidate in _breaks(walked, starts)]
    # A start image that the classifier has wrong unmoved is the same image on all of its ways.
    unmoved = {candidate.row: candidate for candidate in found if candidate.shift == 0}
    breaks = [*unmoved.values(), *(candidate for candidate in found if candidate.shift > 0)]
    pool.starts[index] = starts
    pool.breaks.extend(breaks)
    pool.ways.extend(
        Candidate(key, row, int(sample))
        for key in keys
        for row, sample in enumerate(starts.samples)
    )
    return len(breaks)


def _breaks(walked: Walk, starts: Starts) -> Iterator[Candidate]:
    """Yield the breaks of a walk that lie within its valid range."""
    end = walked.shifts[-1] if walked.valid_range is None else walked.valid_range
    for row in np.flatnonzero(walked.breaks <= end):  # NaN: did not break
        yield Candidate(
            direction=walked.direction,
            row=int(row),
            sample=int(starts.samples[row]),
            shift=float(walked.breaks[row]),
            level=float(walked.levels[row]) if walked.judged else None,
        )


@ours()
def draw(
    laboratory: Laboratory,
    pool: Pool,
    subjects: Subjects,
    number: int,
    counts: Mapping[Kind, int],
    *,
    seen: Collection[str] = (),
    used: Collection[Start] = (),
) -> list[Drawn]:
    """Draw the images of a deck. If a kind has too few images, all of them are taken.

    Args:
        laboratory: with generator, test images and judges.
        pool: the broken images.
        subjects: of the review.
        number: of the deck.
        counts: the number of images of each kind.
        seen: hashes of images of earlier decks, which are not drawn again.
        used: start images of earlier decks of the same subjects, which are not drawn again either.
    """
    breaks = _in_random_order(pool.breaks, random_of("breaks", subjects, number), used)
    images = _drawn(laboratory, pool, "break", breaks)
    found = _take(images, counts["break"], seen)
    if laboratory.acceptance.judged:
        samples = {(claim.class_name, claim.sample) for claim in (one.claim for one in found)}
        names = laboratory.class_names or ()
        taken = {*used, *((names.index(n), s) for n, s in samples if n in names and s is not None)}
        ways = _in_random_order(pool.ways, random_of("rejected", subjects, number), taken)
        # They are rare, and each costs a walk: only as many are looked for as are wanted.
        at_once = max(1, min(counts["rejected"], _AT_ONCE))
        candidates = _rejected(laboratory, pool, ways)
        rejected = _drawn(laboratory, pool, "rejected", candidates, at_once)
        found += _take(rejected, counts["rejected"], seen)
    return found + list(_checks(laboratory, subjects, number, counts, seen))


def _in_random_order(
    candidates: Sequence[Candidate], random: np.random.Generator, taken: Collection[Start]
) -> list[Candidate]:
    """Shuffle candidates, and keep the first of each start image that is not taken."""
    first_of: dict[Start, Candidate] = {}
    for i in random.permutation(len(candidates)):
        if candidates[i].start not in taken:
            first_of.setdefault(candidates[i].start, candidates[i])
    return list(first_of.values())


def _rejected(laboratory: Laboratory, pool: Pool, ways: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield the first image on each way that the classifier has wrong, if the judges reject it.

    Without judges these would be breaks; a reader sees whether the judges are too strict.
    """
    for first in range(0, len(ways), _AT_ONCE):
        wrong = _first_wrong(laboratory, pool, ways[first : first + _AT_ONCE])
        if not wrong:
            continue
        classes = np.array([candidate.direction.class_index for candidate in wrong])
        judgement = laboratory.acceptance.see(
            _images(laboratory, pool, wrong), among=len(_generator(laboratory).classes)
        )
        levels, accepted = judgement.level(classes), judgement.accepted(classes)
        for candidate, level, accept in zip(wrong, levels, accepted, strict=True):
            if not accept:
                yield replace(candidate, level=float(level))


def _first_wrong(laboratory: Laboratory, pool: Pool, ways: Sequence[Candidate]) -> list[Candidate]:
    """Move start images until the classifier is wrong; images that it has wrong unmoved are left out."""
    going, wrong = list(ways), list[Candidate]()
    for step in range(int(laboratory.settings.corner_cases.max_shift / STEP) + 1):
        if not going:
            break
        here = [replace(candidate, shift=step * STEP) for candidate in going]
        batch = batches_of(_generator(laboratory)).images
        p = laboratory.classifier.probabilities(_images(laboratory, pool, here), batch=batch)
        is_wrong = p.argmax(axis=1) != [c.direction.class_index for c in here]
        wrong += [c for c, lost in zip(here, is_wrong, strict=True) if lost and step > 0]
        going = [c for c, lost in zip(here, is_wrong, strict=True) if not lost]
    return wrong


def _images(laboratory: Laboratory, pool: Pool, some: Sequence[Candidate]) -> Tensor:
    """Make the images of candidates of any classes and directions: ``[N, C, H, W]`` in [0, 1]."""
    generator = _generator(laboratory)
    styles = torch.stack([pool.starts[c.direction.class_index].styles[c.row] for c in some])
    for row, candidate in enumerate(some):
        key = candidate.direction
        amount = candidate.shift * key.sign * generator.style_space.std[key.dimension]
        styles[row, key.dimension] += float(amount)
    return generator.synthesize(styles)


def _drawn(
    laboratory: Laboratory,
    pool: Pool,
    kind: Kind,
    candidates: Iterable[Candidate],
    at_once: int = _AT_ONCE,
) -> Iterator[Drawn]:
    """Yield candidates with their pixels, made in batches."""
    names = laboratory.class_names or ()
    waiting = iter(candidates)
    while some := list(islice(waiting, at_once)):
        pixels = to_uint8(_images(laboratory, pool, some).numpy())
        for candidate, image in zip(some, pixels, strict=True):
            claim = Claim(
                image=hash_pixels(image),
                kind=kind,
                class_name=names[candidate.direction.class_index],
                level=_rounded_down(candidate.level),
                direction=str(candidate.direction),
                sample=candidate.sample,
                shift=round(candidate.shift, 4),
            )
            yield Drawn(image, claim)


def _take(drawn: Iterator[Drawn], count: int, seen: Collection[str]) -> list[Drawn]:
    found: dict[str, Drawn] = {}
    for one in drawn:
        if len(found) >= count:
            break
        if one.claim.image not in seen:
            found.setdefault(one.claim.image, one)
    return list(found.values())


def _rounded_down(level: float | None) -> float | None:
    """Keep six decimals, rounded down: never more than the judges gave."""
    return None if level is None else float(np.floor(level * 1e6) / 1e6)


def _checks(
    laboratory: Laboratory,
    subjects: Subjects,
    number: int,
    counts: Mapping[Kind, int],
    seen: Collection[str],
) -> Iterator[Drawn]:
    """Draw untouched test images, and unreadable ones."""
    data, names = laboratory.test_images, laboratory.class_names or ()
    random = random_of("checks", subjects, number)
    order = iter(random.permutation(len(data)))
    for kind in ("test", "unreadable"):
        made = 0
        for row in order:
            if made == counts[kind]:
                break
            pixels = data.images[row]
            if kind == "unreadable":
                pixels = unreadable(pixels, made, random)
            image = hash_pixels(pixels)
            if image not in seen:
                named = names[data.labels[row]] if kind == "test" else None
                yield Drawn(pixels, Claim(image=image, kind=kind, class_name=named))
                made += 1


def _generator(laboratory: Laboratory) -> Generator:
    if laboratory.generator is None:
        raise FailcondError(NO_GENERATOR)
    return laboratory.generator

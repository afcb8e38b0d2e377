"""The drawing of a deck: breaks of a run, wrong images that the judges reject, and checks of the reader.

Keys made of the subjects draw all images before anybody has seen one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.moving import Break, Breaks, moved_images
from pytest_failcond.probes.keys import Key, untyped
from pytest_failcond.probes.metric import STEP, resolved
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.process.surroundings import ours
from pytest_failcond.review.deck import Claim, Drawn, Kind, Subjects, hash_pixels, random_of
from pytest_failcond.review.unreadable import unreadable
from pytest_failcond.subjects.images import to_uint8

Pixels = npt.NDArray[np.uint8]
Start = tuple[int, int]
"""A start image: its class, and its number in the generator's stream."""

_AT_ONCE = 64  # images or ways in a batch; few are wanted


def breaks_of(class_index: int, records: Mapping[Key, Any], laboratory: Laboratory) -> Breaks:
    """Return the breaks of a class in a run that a review may draw, of all probes.

    Raises:
        FailcondError: there is no generator, too few start images are accepted, or the run has others.
    """
    together = Breaks()
    for probe in PROBES:
        if probe.breaks is not None:
            together.add(resolved(probe.breaks)(class_index, records, laboratory))
    return together


@ours()
def draw(
    laboratory: Laboratory,
    pool: Breaks,
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
        pool: the broken images of all classes; single directions and each kind of search take turns, among
            rejected images too.
        subjects: of the review.
        number: of the deck.
        counts: the number of images of each kind.
        seen: hashes of images of earlier decks, which are not drawn again.
        used: start images of earlier decks of the same subjects, which are not drawn again either.
    """
    breaks = _one_of_each(_by_kind(pool.breaks, "breaks", subjects, number, used))
    images = _drawn(laboratory, "break", breaks)
    found = _take(images, counts["break"], seen)
    if laboratory.acceptance.judged:
        samples = {(claim.class_name, claim.sample) for claim in (one.claim for one in found)}
        names = laboratory.class_names or ()
        taken = {*used, *((names.index(n), s) for n, s in samples if n in names and s is not None)}
        ways = _in_random_order(pool.ways, random_of("rejected", subjects, number), taken)
        kinds = _by_kind(pool.rejected, "rejected", subjects, number, taken)
        rejected = _one_of_each([_rejected(laboratory, ways), *kinds])
        # They are rare, and each costs a walk: only as many are looked for as are wanted.
        at_once = max(1, min(counts["rejected"], _AT_ONCE))
        found += _take(_drawn(laboratory, "rejected", rejected, at_once), counts["rejected"], seen)
    return found + list(_checks(laboratory, subjects, number, counts, seen))


def _by_kind(
    breaks: Sequence[Break], what: str, subjects: Subjects, number: int, taken: Collection[Start]
) -> list[Iterator[Break]]:
    """Return breaks in random order, single directions first, then those of each kind of search."""
    kinds: dict[str, list[Break]] = {}
    for one in breaks:
        kinds.setdefault("" if one.search is None else untyped(one.search).probe, []).append(one)
    return [
        iter(
            _in_random_order(
                kinds[kind], random_of(f"{what} {kind}".strip(), subjects, number), taken
            )
        )
        for kind in sorted(kinds)
    ]


def _one_of_each(kinds: Sequence[Iterator[Break]]) -> Iterator[Break]:
    """Yield one break of each kind in turn, and no start image twice."""
    drawn: set[Start] = set()
    waiting = list(kinds)
    while waiting:
        for kind in tuple(waiting):
            one = next((one for one in kind if _start(one) not in drawn), None)
            if one is None:
                waiting.remove(kind)
            else:
                drawn.add(_start(one))
                yield one


def _in_random_order(
    breaks: Sequence[Break], random: np.random.Generator, taken: Collection[Start]
) -> list[Break]:
    """Shuffle breaks, and keep the first of each start image that is not taken."""
    first_of: dict[Start, Break] = {}
    for i in random.permutation(len(breaks)):
        if _start(breaks[i]) not in taken:
            first_of.setdefault(_start(breaks[i]), breaks[i])
    return list(first_of.values())


def _start(one: Break) -> Start:
    return one.moved.class_index, one.moved.sample


def _rejected(laboratory: Laboratory, ways: Sequence[Break]) -> Iterator[Break]:
    """Yield the first image on each way that the classifier has wrong, if the judges reject it.

    Without judges these would be breaks; a reader sees whether the judges are too strict.
    """
    for first in range(0, len(ways), _AT_ONCE):
        wrong = _first_wrong(laboratory, ways[first : first + _AT_ONCE])
        if not wrong:
            continue
        classes = np.array([one.moved.class_index for one in wrong])
        judgement = laboratory.acceptance.see(
            _images(laboratory, wrong), among=len(_generator(laboratory).classes)
        )
        levels, accepted = judgement.level(classes), judgement.accepted(classes)
        for one, level, accept in zip(wrong, levels, accepted, strict=True):
            if not accept:
                yield replace(one, level=float(level))


def _first_wrong(laboratory: Laboratory, ways: Sequence[Break]) -> list[Break]:
    """Move start images until the classifier is wrong; images that it has wrong unmoved are left out."""
    going, wrong = list(ways), list[Break]()
    for step in range(int(laboratory.settings.corner_cases.max_shift / STEP) + 1):
        if not going:
            break
        here = [replace(one, moved=replace(one.moved, shifts=(step * STEP,))) for one in going]
        batch = batches_of(_generator(laboratory)).images
        p = laboratory.classifier.probabilities(_images(laboratory, here), batch=batch)
        is_wrong = p.argmax(axis=1) != [one.moved.class_index for one in here]
        wrong += [one for one, lost in zip(here, is_wrong, strict=True) if lost and step > 0]
        going = [one for one, lost in zip(here, is_wrong, strict=True) if not lost]
    return wrong


def _images(laboratory: Laboratory, some: Sequence[Break]) -> Tensor:
    """Make the images of breaks of any classes: ``[N, C, H, W]`` in [0, 1]."""
    styles = torch.stack([one.style for one in some])
    return moved_images(_generator(laboratory), styles, [one.moved for one in some])


def _drawn(
    laboratory: Laboratory, kind: Kind, breaks: Iterable[Break], at_once: int = _AT_ONCE
) -> Iterator[Drawn]:
    """Yield breaks with their pixels, made in batches."""
    names = laboratory.class_names or ()
    waiting = iter(breaks)
    while some := list(islice(waiting, at_once)):
        pixels = to_uint8(_images(laboratory, some).numpy())
        for one, image in zip(some, pixels, strict=True):
            yield Drawn(image, _claim(one, kind, names[one.moved.class_index], image))


def _claim(one: Break, kind: Kind, class_name: str, image: Pixels) -> Claim:
    moved = one.moved
    return Claim(
        image=hash_pixels(image),
        kind=kind,
        class_name=class_name,
        level=_rounded_down(one.level),
        direction=str(moved.directions[0]) if one.search is None else None,
        search=one.search,
        moves=None if one.search is None else moved.moves,
        sample=moved.sample,
        shift=round(moved.distance, 4),
    )


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

"""The relation of a review to the current session: the decks that count, and their readers'
findings. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field

from pytest_failcond.review.answers import Answer, Review
from pytest_failcond.review.deck import Claim, Deck, Kind, Subjects
from pytest_failcond.review.statistics import shown_by_most
from pytest_failcond.storage.reading import Many, Record
from pytest_failcond.words.commands import command_line
from pytest_failcond.words.printing import count

_LEAST_NAMED, _MOST_NAMED, _FEW = 0.8, 0.2, 5


class Share(Record):
    """Some of all."""

    some: int = Field(ge=0)
    all: int = Field(ge=0)

    def __str__(self) -> str:
        return f"{self.some} of {self.all}"


class Reader(Record):
    """A reader, and the reader's answers to the checks.

    Attributes:
        name, kind: of the reader.
        tests: untouched test images that the reader named rightly.
        unreadable: unreadable images that the reader named as a class.
    """

    name: str
    kind: Literal["person", "model"]
    tests: Share
    unreadable: Share

    @property
    def reliable(self) -> bool:
        """Whether the checks speak for the reader; with too few checks they do."""
        tests, unreadable = self.tests, self.unreadable
        knows = tests.all < _FEW or tests.some >= _LEAST_NAMED * tests.all
        guesses = unreadable.all >= _FEW and unreadable.some > _MOST_NAMED * unreadable.all
        return knows and not guesses


class Standing(Record):
    """The findings of a review about the tested classifier.

    Attributes:
        version: the reviewed classifier.
        same: whether it is the tested one.
        outdated: why the review does not apply; empty if it does.
        breaks: corner cases that show their class, among those that are accepted now.
        found_by: the same by the probe that found them, if several did.
        unread: whether combinations are searched, and no deck that was read draws from them.
        rejected: rejected breaks that show their class, among all.
        agreement: images with the same answer from all their readers, among those with several readers.
        read: images that have an answer, among all of the decks that count and have answers.
        readers: of the decks that count.
        decks: ids of the decks that count.
    """

    model_config = ConfigDict(frozen=True)
    version: str = ""
    same: bool = False
    outdated: str = ""
    breaks: Share = Share(some=0, all=0)
    found_by: dict[str, Share] = Field({})
    unread: bool = False
    rejected: Share = Share(some=0, all=0)
    agreement: Share = Share(some=0, all=0)
    read: Share = Share(some=0, all=0)
    readers: Many[Reader] = Field([])
    decks: Many[str] = Field([])


@dataclass(frozen=True)
class Read:
    """The claim about an image, and its readers' answers."""

    claim: Claim
    answers: tuple[Answer, ...]

    @property
    def readable(self) -> bool:
        """Whether more than half of the image's readers named it rightly."""
        named = self.claim.class_name
        return shown_by_most([named is not None and a.answer == named for a in self.answers])


def read_images(review: Review, decks: Iterable[Deck]) -> list[Read]:
    """Join the claims of decks with the answers, by the images' hashes; images without an answer are
    left out.
    """
    found = []
    for deck in decks:
        answers: dict[str, list[Answer]] = {}
        for answer in review.answers:
            if answer.deck == deck.id:
                answers.setdefault(answer.image, []).append(answer)
        found += [
            Read(claim, tuple(answers[claim.image]))
            for claim in deck.claims
            if claim.image in answers
        ]
    return found


def standing(review: Review, now: Subjects, given: Mapping[str, str] | None = None) -> Standing:
    """Return the findings of a review about the present subjects.

    Decks count if their generator, judges, truncation, walks and searches are the present ones and they did not
    choose ``least_p``: the decks of this classifier, or if there are none, those of the last reviewed
    one. The images that reach ``least_p`` count. ``given``: the options that chose the subjects, for printed
    commands.
    """
    valid = [deck for deck in review.decks if not why_not(deck, now)]
    if not valid:
        return Standing(outdated=_why_outdated(review, now, given or {}))
    own = [deck for deck in valid if _is_same(deck.subjects, now)]
    last = valid[-1].subjects
    decks = own or [deck for deck in valid if deck.subjects.classifier == last.classifier]
    images = read_images(review, decks)
    version = decks[-1].subjects.version
    read = {answer.deck for answer in review.answers}
    searched = any(deck.subjects.combinations and deck.id in read for deck in decks)
    if not images:
        return Standing(
            version=version,
            same=bool(own),
            outdated=_unread(review, decks[-1], now, given or {}),
        )
    breaks = [one for one in images if is_accepted(one.claim, now)]
    return Standing(
        version=version,
        same=bool(own),
        breaks=_readable(breaks),
        found_by=_by_probe(breaks),
        unread=now.combinations is not None and not searched,
        rejected=_readable(
            one for one in images if one.claim.kind == "rejected" and _is_searched(one.claim, now)
        ),
        agreement=_agreement(images),
        read=Share(
            some=len(images), all=sum(len(deck.claims) for deck in decks if deck.id in read)
        ),
        readers=_readers(images),
        decks=[deck.id for deck in decks],
    )


def _is_same(reviewed: Subjects, now: Subjects) -> bool:
    """Whether the classifier is the reviewed one; a plain callable has no hash, and never is."""
    return now.classifier is not None and reviewed.classifier == now.classifier


def why_not(deck: Deck, now: Subjects) -> str:
    """Say why a deck does not count for the present subjects, as ``is of other judges``; empty if it may."""
    then = deck.subjects
    if deck.calibrated:
        return "chose least_p"
    if then.generator != now.generator:
        return "is of another generator"
    if then.judges != now.judges:
        return "is of other judges"
    if then.truncation != now.truncation:
        return f"is of start images at truncation {then.truncation:g}"
    if now.max_shift > then.max_shift:
        return f"is of walks to {then.max_shift:g} σ"
    if then.combinations and now.combinations and then.combinations != now.combinations:
        return "is of another search for combinations"
    if now.least_p < deck.loosest:
        return f"is of images with least_p {deck.loosest:g} and over"
    return ""


def command(given: Mapping[str, str], *words: str) -> str:
    """Return the ``failcond review RUN`` of a configuration, in backticks."""
    return f"`{command_line(['review', 'RUN', *words], given, ['config'])}`"


def another(given: Mapping[str, str]) -> str:
    """Say how to draw another deck."""
    return f"draw another deck with {command(given, '--new')}"


def _why_outdated(review: Review, now: Subjects, given: Mapping[str, str]) -> str:
    if not review.decks:
        return f"the review has no deck yet; begin with {command(given)}"
    fresh = [deck for deck in review.decks if not deck.calibrated]
    if not fresh:
        return f"all answers of the review chose least_p; {another(given)}"
    return f"the review {why_not(fresh[-1], now)}; review these with {command(given)}"


def unread(deck: Deck) -> str:
    """Say that a deck waits for its readers."""
    return f"deck {deck.id} has no answers yet"


def _unread(review: Review, deck: Deck, now: Subjects, given: Mapping[str, str]) -> str:
    """Say which deck waits for a reader, and which decks have answers that do not count."""
    wanted = count(len(deck.images), "image")
    parts = [f"{unread(deck)}; name its {wanted} with {command(given)}"]
    read = {answer.deck for answer in review.answers}
    parts += [
        f"deck {other.id} does not count: it {reason}"
        for other in review.decks
        if other.id in read and (reason := why_not(other, now))
    ]
    return "; ".join(parts)


def is_accepted(claim: Claim, now: Subjects) -> bool:
    """Whether a claim is a corner case at the configured level, and of a kind that is searched now."""
    high = claim.level is None or claim.level >= now.least_p
    return claim.kind == "break" and high and _is_searched(claim, now)


def _is_searched(claim: Claim, now: Subjects) -> bool:
    return claim.search is None or now.combinations is not None


def _readable(images: Iterable[Read]) -> Share:
    found = [one.readable for one in images]
    return Share(some=sum(found), all=len(found))


def _by_probe(breaks: Sequence[Read]) -> dict[str, Share]:
    """Return the shares by the probe that found the images; empty if one found all."""
    probes = sorted({one.claim.found_by for one in breaks})
    if len(probes) < 2:
        return {}
    return {name: _readable(one for one in breaks if one.claim.found_by == name) for name in probes}


def _agreement(images: Iterable[Read]) -> Share:
    several = [{a.answer for a in one.answers} for one in images if len(one.answers) > 1]
    return Share(some=sum(len(said) == 1 for said in several), all=len(several))


def _readers(images: Sequence[Read]) -> list[Reader]:
    answers = [(one.claim, answer) for one in images for answer in one.answers]
    kinds = {answer.reader: answer.kind for _, answer in answers}

    def checks(reader: str, kind: Kind) -> list[tuple[Claim, Answer]]:
        return [(c, a) for c, a in answers if a.reader == reader and c.kind == kind]

    found = []
    for name, kind in kinds.items():
        tests, unreadable = checks(name, "test"), checks(name, "unreadable")
        right = sum(answer.answer == claim.class_name for claim, answer in tests)
        named = sum(answer.answer is not None for _, answer in unreadable)
        found.append(
            Reader(
                name=name,
                kind=kind,
                tests=Share(some=right, all=len(tests)),
                unreadable=Share(some=named, all=len(unreadable)),
            )
        )
    return found

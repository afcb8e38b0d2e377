"""The relation of a review to the current session: the decks that apply, and their readers'
findings. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field

from pytest_failcond.review.answers import Answer, Review
from pytest_failcond.review.deck import Claim, Deck, Kind, Subjects
from pytest_failcond.review.statistics import shown_by_most
from pytest_failcond.storage.reading import Many, Record

COMMAND = "`failcond review RUN`"
AGAIN = "draw another deck with `failcond review RUN --new`"
_LEAST_NAMED, _MOST_NAMED, _FEW = 0.8, 0.2, 5


class Share(Record):
    """Some of all."""

    some: int = Field(ge=0)
    all: int = Field(ge=0)

    def __str__(self) -> str:
        return f"{self.some} of {self.all}"


class Reader(Record):
    """A reader, and how well the checks were read.

    Attributes:
        name, kind: of the reader.
        tests: untouched test images that were named rightly.
        unreadable: unreadable images that were given a name.
    """

    name: str
    kind: Literal["person", "model"]
    tests: Share
    unreadable: Share

    @property
    def reliable(self) -> bool:
        """Whether the checks support the reader; too few of them count as support."""
        tests, unreadable = self.tests, self.unreadable
        knows = tests.all < _FEW or tests.some >= _LEAST_NAMED * tests.all
        guesses = unreadable.all >= _FEW and unreadable.some > _MOST_NAMED * unreadable.all
        return knows and not guesses


class Standing(Record):
    """What a review says of the classifier that is tested.

    Attributes:
        version: the classifier that was reviewed.
        same: whether it is the one that is tested.
        outdated: why the review says nothing of what is tested; empty where it does.
        breaks: corner cases, of those that are accepted now, that show their class.
        rejected: wrong and rejected images that show their class all the same.
        agreement: images that several readers gave the same answer, of those that several read.
        readers: who read.
        decks: ids of the decks that count.
    """

    model_config = ConfigDict(frozen=True)
    version: str = ""
    same: bool = False
    outdated: str = ""
    breaks: Share = Share(some=0, all=0)
    rejected: Share = Share(some=0, all=0)
    agreement: Share = Share(some=0, all=0)
    readers: Many[Reader] = Field([])
    decks: Many[str] = Field([])


@dataclass(frozen=True)
class Read:
    """An image that was read: what it is claimed to be, and what its readers said."""

    claim: Claim
    answers: tuple[Answer, ...]

    @property
    def readable(self) -> bool:
        """Whether more than half of the readers named it rightly."""
        named = self.claim.class_name
        return shown_by_most([named is not None and a.answer == named for a in self.answers])


def read_images(review: Review, decks: Iterable[Deck]) -> list[Read]:
    """Join the claims of some decks with the answers, by the images' hashes; unread images are left
    out.
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


def standing(review: Review, now: Subjects) -> Standing:
    """Say what a review says of what is tested now.

    Decks of the same generator, judges, truncation and walks count, unless ``least_p`` was chosen
    by them: those of this very classifier, or without any, those of the last reviewed one. A
    stricter ``least_p`` is spoken of by those of their images that reach it.
    """
    fresh = [deck for deck in review.decks if not deck.calibrated]
    valid = [deck for deck in fresh if not _difference(deck, now)]
    if not valid:
        return Standing(outdated=_why_outdated(review, fresh, now))
    own = [deck for deck in valid if _is_same(deck.subjects, now)]
    last = valid[-1].subjects
    decks = own or [deck for deck in valid if deck.subjects.classifier == last.classifier]
    images = read_images(review, decks)
    version = decks[-1].subjects.version
    if not images:
        return Standing(
            version=version,
            same=bool(own),
            outdated=f"the deck has no answers yet; read it with {COMMAND}",
        )
    return Standing(
        version=version,
        same=bool(own),
        breaks=_readable(r for r in images if is_accepted(r.claim, now)),
        rejected=_readable(r for r in images if r.claim.kind == "rejected"),
        agreement=_agreement(images),
        readers=_readers(images),
        decks=[deck.id for deck in decks],
    )


def _is_same(reviewed: Subjects, now: Subjects) -> bool:
    """Whether the classifier is the one that was reviewed; a plain callable has no hash to tell it by."""
    return now.classifier is not None and reviewed.classifier == now.classifier


def _difference(deck: Deck, now: Subjects) -> str:
    """Say what else was reviewed than what is tested now, where that is decisive."""
    then = deck.subjects
    if then.generator != now.generator:
        return "of another generator"
    if then.judges != now.judges:
        return "of other judges"
    if then.truncation != now.truncation:
        return f"of start images at truncation {then.truncation:g}"
    if now.max_shift > then.max_shift:
        return f"of walks to {then.max_shift:g} σ"
    if now.least_p < deck.loosest:
        return f"of images with least_p {deck.loosest:g} and over"
    return ""


def _why_outdated(review: Review, fresh: Sequence[Deck], now: Subjects) -> str:
    if not review.decks:
        return f"the review has no deck yet; begin with {COMMAND}"
    if not fresh:
        return f"all answers that there are were used to choose least_p; {AGAIN}"
    return f"the review is {_difference(fresh[-1], now)}; review these with {COMMAND}"


def is_accepted(claim: Claim, now: Subjects) -> bool:
    """Whether it is a corner case at the level that is configured now."""
    return claim.kind == "break" and (claim.level is None or claim.level >= now.least_p)


def _readable(images: Iterable[Read]) -> Share:
    found = [one.readable for one in images]
    return Share(some=sum(found), all=len(found))


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

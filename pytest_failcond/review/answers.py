"""The review file: decks and answers, and beside it a folder with the images as PNG files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.review.deck import Deck, Hash, Name, hash_pixels
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.locks import lock_path
from pytest_failcond.storage.reading import Many, Record, read_json, validate

SCHEMA = 1
FILE = "failcond-review.json"
"""The default review file."""
_REMEDY = "take it from the last commit"
ReaderKind = Literal["person", "model"]


class Answer(Record):
    """A reader's answer to an image.

    Attributes:
        deck: id of the deck.
        image: SHA-256 of the image's pixels.
        answer: name of the class; None: the reader can't tell.
        reader: name of the reader.
        kind: a person or a model.
    """

    deck: str
    image: Hash
    answer: str | None
    reader: Name
    kind: ReaderKind


class _Content(Record):
    schema_: int = Field(alias="schema")
    decks: Many[Deck]
    answers: Many[Answer]


@dataclass(frozen=True)
class Review:
    """The content of a review file."""

    decks: tuple[Deck, ...] = ()
    answers: tuple[Answer, ...] = ()

    @cached_property
    def _decks(self) -> dict[str, Deck]:
        return {deck.id: deck for deck in self.decks}

    def deck(self, deck_id: str) -> Deck:
        """Return the deck with an id.

        Raises:
            FailcondError: there is no such deck.
        """
        if deck_id not in self._decks:
            raise FailcondError(f"there is no deck {deck_id!r}{nearest(deck_id, self._decks)}")
        return self._decks[deck_id]

    def answers_of(self, deck: Deck, reader: str) -> dict[str, Answer]:
        """Return a reader's answers to a deck, by image."""
        return {a.image: a for a in self.answers if a.deck == deck.id and a.reader == reader}

    def with_deck(self, deck: Deck) -> Review:
        """Return the review with a deck added, or in place of the deck with its id."""
        if deck.id in self._decks:
            return replace(self, decks=tuple(deck if d.id == deck.id else d for d in self.decks))
        return replace(self, decks=(*self.decks, deck))

    def with_answers(self, answers: Iterable[Answer]) -> Review:
        """Return the review with answers added; a reader's newer answer replaces an older one.

        Raises:
            FailcondError: an image is not in its deck, an answer is not a class of it, or the reader was of
                another kind before.
        """
        found = {(a.deck, a.reader, a.image): a for a in self.answers}
        kinds = {a.reader: a.kind for a in self.answers}
        for answer in answers:
            _check_answer(answer, self.deck(answer.deck))
            if kinds.setdefault(answer.reader, answer.kind) != answer.kind:
                raise FailcondError(
                    f"reader {answer.reader!r} is a {kinds[answer.reader]} in the review and a "
                    f"{answer.kind} here; name each reader differently with --reader"
                )
            found[answer.deck, answer.reader, answer.image] = answer
        return replace(self, answers=tuple(found.values()))

    def without(self, deck: str, reader: str, image: str) -> Review:
        """Return the review without one answer, which its reader took back."""
        gone = (deck, reader, image)
        kept = tuple(a for a in self.answers if (a.deck, a.reader, a.image) != gone)
        return replace(self, answers=kept)


def _check_answer(answer: Answer, deck: Deck) -> None:
    if answer.image not in deck.images:
        raise FailcondError(
            f"{answer.image[:23]}… is not an image of deck {deck.id}; name the deck that was read "
            "with --deck"
        )
    if answer.answer is not None and answer.answer not in deck.classes:
        raise FailcondError(
            f"answer {answer.answer!r} is not a class of deck {deck.id}, which has "
            f"{', '.join(deck.classes[:30])}; '?' means can't tell"
        )


def read_review(path: Path) -> Review | None:
    """Read a review file; None if it is missing.

    Raises:
        FailcondError: it is damaged, wrongly edited, or of a newer version.
    """
    if not path.exists():
        return None
    data = read_json(path, "a review file of pytest-failcond", _REMEDY)
    schema = data.get("schema") if isinstance(data, dict) else None
    if type(schema) is not int:
        raise FailcondError(f"{path}: not a review file of pytest-failcond; {_REMEDY}")
    if schema > SCHEMA:
        raise FailcondError(
            f"{path}: written with schema {schema}, this version reads {SCHEMA}; update "
            "pytest-failcond"
        )
    try:
        content = validate(_Content, data)
        for deck in content.decks:
            if wrong := deck.disagreement():
                raise ValueError(f"deck {deck.id}: {wrong}")
        if len({deck.id for deck in content.decks}) < len(content.decks):
            raise ValueError("a deck occurs twice")
        review = Review(tuple(content.decks)).with_answers(content.answers)
        if len(review.answers) < len(content.answers):
            raise ValueError("a reader's answer to an image occurs twice")
    except (ValueError, FailcondError) as error:
        raise FailcondError(f"{path}: {error}; {_REMEDY}, or correct it") from error
    return review


def update_review(
    path: Path, change: Callable[[Review], Review], images: Mapping[str, bytes] | None = None
) -> Review:
    """Change a review file under its lock. The file is written whole, or stays as it is.

    Args:
        path: of the file; made if it is missing.
        change: makes the new content from the old.
        images: PNG files to write beside it first, by the hash of their pixels.

    Raises:
        FailcondError: the file cannot be read or written, or the change is refused; nothing is lost.
    """
    with lock_path(path):
        review = change(read_review(path) or Review())
        for image, content in (images or {}).items():
            write_atomically(image_path(path, image), content)
        write_atomically(path, _text(review))
    return review


def _text(review: Review) -> str:
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "decks": [deck.model_dump(by_alias=True) for deck in review.decks],
        "answers": [answer.model_dump() for answer in review.answers],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def image_path(path: Path, image: str) -> Path:
    """Return the file of an image, by the hash of its pixels, beside a review file."""
    return path.with_name(f"{path.name}.files") / f"{image.removeprefix('sha256:')[:32]}.png"


def read_images(path: Path, deck: Deck) -> list[npt.NDArray[np.uint8]]:
    """Return the images of a deck in the order of reading, each uint8 ``[H, W, C]``.

    Raises:
        FailcondError: an image is missing, or its pixels have changed.
    """
    return [_read_image(image_path(path, image), image) for image in deck.images]


def _read_image(file: Path, image: str) -> npt.NDArray[np.uint8]:
    from pytest_failcond.images.image_files import read_pixels

    if not file.exists():
        raise FailcondError(f"{file}: this image of the review is missing; {_REMEDY}")
    pixels = read_pixels(file)
    if hash_pixels(pixels) != image:
        raise FailcondError(f"{file}: its pixels differ from those of the deck; {_REMEDY}")
    return pixels

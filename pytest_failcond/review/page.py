"""The page of a review. It has a deck's images, and no claim about them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from pytest_failcond import __version__
from pytest_failcond.report.filling import data_uri, embedded, fill, source_hash, template
from pytest_failcond.review.answers import Answer, ReaderKind
from pytest_failcond.review.choices import RULE, keys_of
from pytest_failcond.words.printing import escape_html

_UNKNOWN = -1  # as in review.js: can't tell


@dataclass(frozen=True)
class Blind:
    """The part of a deck that a reader may see.

    Attributes:
        deck: its id.
        classes: names, by index.
        images: hashes of the images, in the order of reading.
        pngs: the images as PNG files.
        size: width and height of an image, px.
    """

    deck: str
    classes: tuple[str, ...]
    images: tuple[str, ...]
    pngs: tuple[bytes, ...]
    size: tuple[int, int]


def page_as_file(blind: Blind, reader: str, kind: ReaderKind) -> str:
    """Return a page that needs no server: it contains the images, and its reader downloads the answers."""
    style, script = _style(), _script()
    policy = (
        f"default-src 'none'; img-src data:; script-src '{source_hash(script)}'; "
        f"style-src '{source_hash(style)}'; base-uri 'none'; form-action 'none'"
    )
    images = [data_uri(png, "png") for png in blind.pngs]
    shown = {"images": images, "hashes": list(blind.images), "answers": [None] * len(images)}
    return _fill(policy, "", _data(blind, reader, kind) | shown)


def page_to_serve(
    blind: Blind, reader: str, kind: ReaderKind, answers: dict[str, Answer]
) -> tuple[str, str]:
    """Return a page that asks for each image by its position, and the policy for its header.

    Args:
        blind: the deck.
        reader: name of the reader.
        kind: of the reader.
        answers: this reader's answers so far, by image.
    """
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; img-src 'self' data:; connect-src 'self'; script-src 'nonce-{nonce}'; "
        f"style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'"
    )
    given = [_number(blind, answers.get(image)) for image in blind.images]
    shown = {"images": None, "hashes": None, "answers": given}
    # Only the header can forbid frames; the page's own policy cannot.
    header = f"{policy}; frame-ancestors 'none'"
    return _fill(policy, nonce, _data(blind, reader, kind) | shown), header


def _number(blind: Blind, answer: Answer | None) -> int | None:
    if answer is None:
        return None
    return _UNKNOWN if answer.answer is None else blind.classes.index(answer.answer)


def answer_of(blind: Blind, number: int) -> str | None:
    """Return the name of the class of an answer's number on the page, or None for can't tell."""
    return None if number == _UNKNOWN else blind.classes[number]


def is_answer(blind: Blind, number: Any) -> bool:
    """Whether a value is the number of an answer."""
    return type(number) is int and _UNKNOWN <= number < len(blind.classes)


def _data(blind: Blind, reader: str, kind: ReaderKind) -> dict[str, Any]:
    return {
        "deck": blind.deck,
        "classes": list(blind.classes),
        "keys": keys_of(blind.classes),
        "count": len(blind.images),
        "size": list(blind.size),
        "reader": reader,
        "kind": kind,
    }


def _fill(policy: str, nonce: str, data: dict[str, Any]) -> str:
    contents = {
        "policy": policy,
        "nonce": nonce,
        "version": escape_html(__version__),
        "rule": escape_html(RULE),
        "style": _style(),
        "script": _script(),
        "data": embedded(data),
    }
    return fill(template("review.html"), contents)


def _style() -> str:
    return template("review.css")


def _script() -> str:
    return '"use strict";\n' + template("review.js")

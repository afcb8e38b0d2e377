"""A deck as a folder of image files, named by position, for a reader who opens files; files of answers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from pytest_failcond.errors import FailcondError
from pytest_failcond.review.answers import Answer, ReaderKind, Review
from pytest_failcond.review.choices import RULE
from pytest_failcond.review.deck import Deck, Hash, Name
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.opening import read_bytes
from pytest_failcond.storage.reading import Many, Record, parse_json, shown, validate

Pixels = npt.NDArray[np.uint8]
GROUND = 128
"""Level of the ground around an image, the same as on the page."""
_SIDE = 448  # px; images are enlarged by whole factors up to this side
_SOURCE = "the page downloads one, and `failcond review RUN --images FOLDER` writes one to fill in"
_ON_SHEET = 112
_ACROSS = 10
_MARGIN = 16
_LABEL = 14  # px above an image of the sheet, for its position
UNKNOWN = "?"
ANSWERS = "answers.csv"


def write_folder(folder: Path, deck: Deck, images: Sequence[Pixels]) -> None:
    """Write a deck's images as PNG files, a sheet of all of them, and a table to fill in.

    Raises:
        FailcondError: the folder is not empty, or cannot be written.
    """
    from pytest_failcond.subjects.images import png

    if folder.is_dir() and any(folder.iterdir()):
        raise FailcondError(f"--images: {folder} is not empty; name a new folder")
    digits = max(2, len(str(len(images))))
    for position, pixels in enumerate(images, start=1):
        content = png(on_ground(enlarged(pixels, _SIDE), _MARGIN))
        write_atomically(folder / f"{position:0{digits}d}.png", content)
    write_atomically(folder / "sheet.png", png(_sheet(images)))
    write_atomically(folder / ANSWERS, _table(deck, len(images)))


def enlarged(pixels: Pixels, side: int) -> Pixels:
    """Enlarge an image by the largest whole factor, 1 or more, that keeps it within ``side`` px."""
    factor = max(1, side // max(pixels.shape[:2]))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def on_ground(pixels: Pixels, margin: int) -> Pixels:
    """Put the ground around an image."""
    around = ((margin, margin), (margin, margin), (0, 0))
    return np.pad(pixels, around, constant_values=GROUND)


def _sheet(images: Sequence[Pixels]) -> Pixels:
    """Lay out all images in rows, each below its position."""
    from PIL import Image, ImageDraw

    small = [enlarged(pixels, _ON_SHEET) for pixels in images]
    height, width, channels = small[0].shape
    across, down = width + _MARGIN, height + _MARGIN + _LABEL
    rows = -(-len(small) // _ACROSS)
    shape = (rows * down + _MARGIN, min(len(small), _ACROSS) * across + _MARGIN, channels)
    sheet = np.full(shape, GROUND, dtype=np.uint8)
    places = [divmod(number, _ACROSS) for number in range(len(small))]
    for (row, column), pixels in zip(places, small, strict=True):
        top, left = row * down + _LABEL + _MARGIN // 2, column * across + _MARGIN
        sheet[top : top + height, left : left + width] = pixels
    picture = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    draw = ImageDraw.Draw(picture)
    for number, (row, column) in enumerate(places, start=1):
        draw.text(
            (column * across + _MARGIN, row * down + _MARGIN // 2 - 2), str(number), fill="white"
        )
    return np.asarray(picture).reshape(shape)


def _table(deck: Deck, count: int) -> str:
    classes = ", ".join(deck.classes)
    head = (
        f"# deck {deck.id}: write the class that each image shows, or {UNKNOWN} if you can't tell.\n"
        f"# {RULE}\n"
        f"# classes: {classes}\n"
    )
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["position", "answer"])
    table.writerows([position, ""] for position in range(1, count + 1))
    return head + text.getvalue()


class _Given(Record):
    image: Hash
    number: int | None = Field(alias="class", ge=0)


class _Downloaded(Record):
    deck: str
    reader: Name
    kind: ReaderKind
    answers: Many[_Given]


def read_answers(
    path: Path, review: Review, reader: str | None, kind: ReaderKind | None, deck_id: str | None
) -> list[Answer]:
    """Read a file of answers: the page's download, or the filled table of `write_folder`.

    Args:
        path: of the file.
        review: with the deck that was read.
        reader: name of the reader, in place of the file's.
        kind: of the reader, in place of the file's.
        deck_id: of the deck, if the file does not name it.

    Raises:
        FailcondError: it is damaged or foreign, it has no answers, or they do not fit the deck.
    """
    content = read_bytes(path, _SOURCE)
    try:
        if content.lstrip()[:1] == b"{":
            found, how = _from_page(parse_json(content), review, reader, kind), "read the page"
        else:
            found = _from_table(content, review, reader, kind, deck_id)
            how = f"write the class that each image shows, or {UNKNOWN}, into the column answer"
        if not found:
            raise ValueError(f"no image has an answer yet; {how}, then read the file again")
    except (ValueError, FailcondError) as error:
        raise FailcondError(f"{path}: {error}") from error
    return found


def _from_page(
    data: Any, review: Review, reader: str | None, kind: ReaderKind | None
) -> list[Answer]:
    try:
        found = validate(_Downloaded, data)
    except (ValueError, ValidationError) as error:
        raise ValueError(
            f"not a file of answers: {error}; download it again from the page, or give the "
            f"filled {ANSWERS}"
        ) from error
    deck = review.deck(found.deck)
    answers = []
    for given in found.answers:
        if given.number is not None and given.number >= len(deck.classes):
            raise ValueError(
                f"expected a class from 0 to {len(deck.classes) - 1}, got {given.number}; download "
                "the file again from the page"
            )
        named = None if given.number is None else deck.classes[given.number]
        answers.append(
            Answer(
                deck=deck.id,
                image=given.image,
                answer=named,
                reader=reader or found.reader,
                kind=kind or found.kind,
            )
        )
    return answers


def _from_table(
    content: bytes,
    review: Review,
    reader: str | None,
    kind: ReaderKind | None,
    deck_id: str | None,
) -> list[Answer]:
    if reader is None or kind is None:
        wanted = {"--reader NAME": reader, "--kind person or model": kind}
        missing = " and ".join(option for option, value in wanted.items() if value is None)
        raise ValueError(f"a table does not say who has read it; add {missing}")
    lines = _text(content).splitlines()
    told = next(filter(None, (re.match(r"#\s*deck ([0-9a-f]{8})\b", line) for line in lines)), None)
    if told is None and deck_id is None and len(review.decks) > 1:
        raise ValueError(
            f"the deck is not named; add --deck {' or '.join(d.id for d in review.decks)}"
        )
    deck = review.deck(deck_id or (told[1] if told else review.decks[-1].id))
    rows = list(csv.reader(line for line in lines if line.strip() and not line.startswith("#")))
    if not rows or [cell.strip() for cell in rows[0]] != ["position", "answer"]:
        raise ValueError(
            f"not a table of answers; its first row must be position,answer as in {ANSWERS}"
        )
    found: dict[int, str] = {}
    for row in rows[1:]:
        position, answer = _read_row(row, deck)
        if position in found:
            raise ValueError(f"position {position} occurs twice; leave one")
        found[position] = answer
    return [
        Answer(
            deck=deck.id,
            image=deck.images[position - 1],
            answer=None if answer == UNKNOWN else answer,
            reader=reader,
            kind=kind,
        )
        for position, answer in found.items()
        if answer
    ]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"not text; give the filled {ANSWERS} in UTF-8") from None


def _read_row(row: list[str], deck: Deck) -> tuple[int, str]:
    cells = [cell.strip() for cell in row]
    if len(cells) != 2 or not re.fullmatch(r"0*[0-9]{1,9}", cells[0]):
        raise ValueError(f"expected a position and an answer, got the row {shown(','.join(row))}")
    position, answer = int(cells[0]), cells[1]
    if not 1 <= position <= len(deck.images):
        raise ValueError(
            f"expected a position from 1 to {len(deck.images)} in deck {deck.id}, got {position}"
        )
    names = {name.strip(): name for name in deck.classes}
    if answer not in ("", UNKNOWN, *names):
        raise ValueError(
            f"position {position}: {shown(answer)} is not a class of deck {deck.id}; write one of "
            f"{', '.join(deck.classes[:30])}, or {UNKNOWN}"
        )
    return position, names.get(answer, answer)

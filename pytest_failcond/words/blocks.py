"""A section of a report, described once: terminal, HTML and Markdown each draw it.

A block has the content, not the looks. If a medium shows less on purpose, the block, or the column
of a table, names its media (`on`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pytest_failcond.errors import FailcondError
from pytest_failcond.words.drawings import Curve, Heat, Legend, Strip
from pytest_failcond.words.media import MEDIA, Medium

Kind = Literal["word", "number", "name", "prose", "verdict"]
Place = Literal["gates", "changes", "findings"]
"""Where a section belongs: with the gates, which decide; with the changes since another run; or with
the findings. Pages go down from the gates; a terminal goes up from them, to the verdict at its end."""


@dataclass(frozen=True)
class Note:
    """A paragraph.

    Attributes:
        text: its text.
        tone: ``aside`` has less weight; a ``warning`` catches the eye, an ``error`` more so.
        command: a command at its end.
        status: the verdict that colours it, None for none.
        on: the media that show it.
    """

    text: str
    tone: Literal["plain", "aside", "warning", "error"] = "plain"
    command: str = ""
    status: str | None = None
    on: Collection[Medium] = MEDIA


@dataclass(frozen=True)
class Heading:
    """A title within a section, a ``minor`` one above a single block."""

    text: str
    minor: bool = False
    on: Collection[Medium] = MEDIA


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its head.
        kind: a word, a number, a name (never broken), prose (long), or a verdict.
        on: the media that show it.
        spare: whether a medium with little room leaves it out.
        repeats: whether a cell equal to the one above is shown again; else it may be left blank.
        signed: whether the sign of each cell's verdict follows its text.
        told: its meaning, shown below the table.
    """

    title: str
    kind: Kind = "word"
    on: Collection[Medium] = MEDIA
    spare: bool = False
    repeats: bool = True
    signed: bool = False
    told: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: its text.
        status: the verdict that colours it, None for none.
        key: the key that it names; a medium may show more about it elsewhere.
        title: a name before the text, of more weight.
        marked: whether the sign of its verdict precedes it; then the verdict colours the sign
            alone.
        below: lines beneath it, of less weight.
        inside: whether it belongs to the row above.
        lines: parts in place of ``text``: a line each if there is little room, else with commas
            between.
    """

    text: str = ""
    status: str | None = None
    key: str | None = None
    title: str = ""
    marked: bool = False
    below: Sequence[str] = ()
    inside: bool = False
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        head: titles of the columns, or columns, ``[C]``.
        rows: cells, or texts, ``[R][C]``; a row may end early.
        words: how many columns, from the left, are words, if columns are titles alone; the others
            are numbers.
        name: its name for screen readers; empty for the title of its section.
        first: how many rows are shown if a medium can fold the others away; None for all.
        rest: the title of the folded rows.
        told: its meaning, shown below; a medium for summaries leaves it out.
        dense: whether its columns are close to each other.
        on: the media that show it.
    """

    head: Sequence[str | Column]
    rows: Sequence[Sequence[str | Cell]]
    words: int = 1
    name: str = ""
    first: int | None = None
    rest: str = ""
    told: str = ""
    dense: bool = False
    on: Collection[Medium] = MEDIA

    def columns(self) -> list[Column]:
        """Return the columns, ``[C]``."""
        return [
            title
            if isinstance(title, Column)
            else Column(title, "word" if i < self.words else "number")
            for i, title in enumerate(self.head)
        ]

    def seen_on(
        self, medium: Medium, *, spare: bool = True
    ) -> tuple[list[Column], list[list[Cell]]]:
        """Return the columns that a medium shows, and the rows of their cells.

        Args:
            medium: the medium.
            spare: whether there is room for columns that may be left out.
        """
        columns = self.columns()
        shown = [i for i, c in enumerate(columns) if medium in c.on and (spare or not c.spare)]
        rows = [[_cell(row[i]) if i < len(row) else Cell() for i in shown] for row in self.rows]
        return [columns[i] for i in shown], rows

    def explained(self, columns: Sequence[Column]) -> str:
        """Return the meaning of the table and of its shown columns."""
        return " ".join(filter(None, [self.told, *(column.told for column in columns)]))


def _cell(of: str | Cell) -> Cell:
    return of if isinstance(of, Cell) else Cell(of)


@dataclass(frozen=True)
class Fold:
    """Blocks folded away under a title, or shown below it if a medium cannot fold."""

    title: str
    blocks: Sequence[Block]
    on: Collection[Medium] = MEDIA


Block = Note | Heading | Table | Strip | Curve | Legend | Heat | Fold


@dataclass(frozen=True)
class Section:
    """A heading, and the blocks below it.

    Attributes:
        title: the heading.
        blocks: its content.
        order: the order of the blocks, in words, shown if there is room.
        short: whether the title and the first note, its only one of weight, make one line.
        titled: the media that show the title; on others, the blocks need none.
        place: where it belongs in the report.
        rank: its rank there, least first; sections of one rank come in the order of their probes.
    """

    title: str
    blocks: Sequence[Block]
    order: str = ""
    short: bool = False
    titled: Collection[Medium] = MEDIA
    place: Place = "findings"
    rank: int = 100

    def __post_init__(self) -> None:
        """Refuse an unknown place.

        Raises:
            FailcondError: there is no such place.
        """
        if self.place not in get_args(Place):
            known = ", ".join(map(repr, get_args(Place)))
            raise FailcondError(
                f"section {self.title!r}: place = {self.place!r} does not exist; take one of {known}"
            )

"""A section of a report, described once: terminal, HTML and Markdown each draw it in their way.

A block says what is told, not how it looks. Where a medium shows less on purpose, the block, or the column of a
table, says on which media it is (`on`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_failcond.words.drawings import Curve, Heat, Legend, Strip
from pytest_failcond.words.media import MEDIA, Medium

Kind = Literal["word", "number", "name", "prose", "verdict"]


@dataclass(frozen=True)
class Note:
    """A paragraph.

    Attributes:
        text: what it says.
        tone: ``aside`` is said with less weight; a ``warning`` is for the eye, an ``error`` more so.
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
        kind: a word or a number; a name, which is not broken; prose, which is long; a verdict.
        on: the media that show it.
        spare: whether a medium with little room leaves it out.
        repeats: whether a cell is shown again where it is that of the row above; else it may be left blank.
        signed: whether the sign of each cell's verdict stands behind its text.
        told: what it means, said below the table.
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
        text: what it says.
        status: the verdict that colours it, None for none.
        key: the key that it names, and of which a medium may tell more elsewhere.
        title: a name before the text, of more weight.
        marked: whether the sign of its verdict stands before it; then the verdict colours the sign alone.
        below: lines beneath it, of less weight.
        inside: whether it is one of the things that the row above names.
        lines: what it says in place of ``text``, in lines of their own where there is little room, else with
            commas between.
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
        words: how many columns, from the left, are words, where they are titles alone; the others are numbers.
        name: what it is called where it is read aloud; empty for the title of its section.
        first: how many rows are shown where a medium can fold the others away; None for all.
        rest: how those are called.
        told: what it means, said below; a medium for summaries leaves it out.
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
        """Say what the table and those of its columns that are shown mean."""
        return " ".join(filter(None, [self.told, *(column.told for column in columns)]))


def _cell(of: str | Cell) -> Cell:
    return of if isinstance(of, Cell) else Cell(of)


@dataclass(frozen=True)
class Fold:
    """Blocks that are folded away under a title where a medium can, else shown below it."""

    title: str
    blocks: Sequence[Block]
    on: Collection[Medium] = MEDIA


Block = Note | Heading | Table | Strip | Curve | Legend | Heat | Fold


@dataclass(frozen=True)
class Section:
    """A heading, and the blocks below it.

    Attributes:
        title: the heading.
        blocks: what is below.
        order: how the blocks are ordered, said where there is room.
        short: whether the title and the first note, its only one of weight, make one line.
        titled: the media on which the title is written; elsewhere, the blocks say by themselves what they are.
    """

    title: str
    blocks: Sequence[Block]
    order: str = ""
    short: bool = False
    titled: Collection[Medium] = MEDIA

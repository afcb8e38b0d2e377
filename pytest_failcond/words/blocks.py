"""A section of a report, described once: terminal, HTML and Markdown each draw it in their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        head: titles of the columns, ``[C]``.
        rows: cells, ``[R][C]``.
        words: how many columns, from the left, are words; the others are numbers.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


Block = Note | Table


@dataclass(frozen=True)
class Section:
    """A heading, and what stands below it."""

    title: str
    blocks: Sequence[Block]

"""Blocks that are more than text where a medium can draw: pictures, curves, shades."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_failcond.words.media import MEDIA, Medium


@dataclass(frozen=True)
class Said:
    """A line below a picture; what is ``failed`` is for the eye, what is ``soft`` has less weight."""

    text: str
    tone: Literal["plain", "failed", "soft"] = "plain"


@dataclass(frozen=True)
class Frame:
    """Pictures of one thing, one above the other, and what is said of it.

    Attributes:
        said: lines below.
        alts: what each of its pictures shows, in words; empty for no picture.
        file: the file that is its picture; empty where it is cut from that of the strip.
        wrong: whether the pictures show a failure.
    """

    said: Sequence[Said]
    alts: Sequence[str] = ()
    file: str = ""
    wrong: bool = False


@dataclass(frozen=True)
class Strip:
    """Pictures of a run side by side; nothing on media without pictures.

    Attributes:
        frames: from left to right.
        file: the picture of the run that holds all of them, a column each; empty where each has its own.
        title: said above.
        name: what it is called where its file cannot be read.
        steps: whether the frames are steps of one way, so that what changed from first to last is shown, too.
    """

    frames: Sequence[Frame]
    file: str = ""
    title: str = ""
    name: str = ""
    steps: bool = False
    on: Collection[Medium] = MEDIA


@dataclass(frozen=True)
class Line:
    """A line of a drawing: values of a kind, as counts of a total with its bounds, or as shares."""

    kind: str
    values: Sequence[float]
    total: int | None = None


@dataclass(frozen=True)
class Curve:
    """A degradation curve; nothing on media without drawings.

    Attributes:
        told: what it shows, in words.
        shift: where its values are, in σ, ``[T]``.
        lines: what became of the start images, each ``[T]``.
        tested: up to where something is claimed, in σ.
        breaks: where it breaks, in σ; None for nowhere.
        valid: whether ``tested`` is the end of what is valid.
        confidence: of the bounds.
        caption: its title, where several are side by side.
    """

    told: str
    shift: Sequence[float]
    lines: Sequence[Line]
    tested: float
    breaks: float | None
    valid: bool
    confidence: float
    caption: str = ""
    on: Collection[Medium] = MEDIA


@dataclass(frozen=True)
class Legend:
    """What the lines of curves are; nothing on media without drawings.

    Attributes:
        names: kinds of lines, and what they are called.
        told: what else is to be known of them.
    """

    names: Sequence[tuple[str, str]]
    told: str
    on: Collection[Medium] = MEDIA


@dataclass(frozen=True)
class Shade:
    """A cell of a heat map: a share, None if it could not be measured, and the verdict on it."""

    share: float | None
    status: str | None = None


@dataclass(frozen=True)
class Heat:
    """Shares by row and column, and each row's mean.

    Attributes:
        rows: names of the rows, ``[R]``.
        columns: names of the columns, ``[C]``.
        cells: by row and column, ``[R][C]``; None for what was not asked for.
        means: of the rows, ``[R]``; None where not every cell was measured.
        clean: what all cells are compared with.
        judge: the same means of the judge, ``[R]``, and that beside ``clean``; None where no judge saw any.
        gravest: whether a cell may show the gravest of several verdicts.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Shade | None]]
    means: Sequence[float | None]
    clean: Shade | None = None
    judge: tuple[Sequence[float | None], float | None] | None = None
    gravest: bool = False
    on: Collection[Medium] = MEDIA

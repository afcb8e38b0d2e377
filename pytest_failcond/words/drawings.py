"""Blocks with drawings, on media that can draw: pictures, curves, shades."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_failcond.words.media import MEDIA, Medium


@dataclass(frozen=True)
class Said:
    """A line below a picture; a ``failed`` one catches the eye, a ``soft`` one has less weight."""

    text: str
    tone: Literal["plain", "failed", "soft"] = "plain"


@dataclass(frozen=True)
class Frame:
    """Pictures of one thing, one above the other, and the lines below them.

    Attributes:
        said: lines below.
        alts: the content of each of its pictures, in words; empty for no picture.
        file: the file of its picture; empty if the picture is cut from that of the strip.
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
        file: the picture of the run that holds all of them, a column each; empty if each has its
            own.
        title: shown above.
        name: its name in the message about an unreadable file.
        steps: whether the frames are steps of one way; then the change from first to last is shown,
            too.
        beside: a picture that belongs to all of them, apart from the others; None for none.
    """

    frames: Sequence[Frame]
    file: str = ""
    title: str = ""
    name: str = ""
    steps: bool = False
    beside: Frame | None = None
    on: Collection[Medium] = MEDIA


@dataclass(frozen=True)
class Line:
    """A line of a drawing: values of a kind, as counts of a total with its bounds, or as shares.

    It may end before the other lines of its drawing, or have shifts of its own, ``at``.
    """

    kind: str
    values: Sequence[float]
    total: int | None = None
    at: Sequence[float] | None = None

    def shifts(self, of: Curve) -> Sequence[float]:
        """Return the shifts of its values, σ: its own, or the first of its drawing's."""
        return of.shift[: len(self.values)] if self.at is None else self.at


@dataclass(frozen=True)
class Curve:
    """A degradation curve; nothing on media without drawings.

    Attributes:
        told: its content, in words.
        shift: the shifts of its values, σ, ``[T]``.
        lines: the outcomes of the start images, each ``[T]`` or shorter.
        tested: the shift up to which something is claimed, σ.
        breaks: its breaking shift, σ; None if it does not break.
        valid: whether ``tested`` is the end of the valid range.
        confidence: of the bounds.
        caption: its title, if several are side by side.
        axis: what the shifts are, below them.
    """

    told: str
    shift: Sequence[float]
    lines: Sequence[Line]
    tested: float
    breaks: float | None
    valid: bool
    confidence: float
    caption: str = ""
    axis: str = "shift, σ"
    on: Collection[Medium] = MEDIA


@dataclass(frozen=True)
class Legend:
    """The legend of curves; nothing on media without drawings.

    Attributes:
        names: kinds of lines, and their names.
        told: further explanations.
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
        cells: by row and column, ``[R][C]``; None if a cell was not requested.
        means: of the rows, ``[R]``; None if not every cell was measured.
        clean: the cell that all others are compared with.
        readable: mean shares that the judges accept, ``[R]``, and that beside ``clean``; None without a
            judge.
        gravest: whether a cell may show the gravest of several verdicts.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Shade | None]]
    means: Sequence[float | None]
    clean: Shade | None = None
    readable: tuple[Sequence[float | None], float | None] | None = None
    gravest: bool = False
    on: Collection[Medium] = MEDIA

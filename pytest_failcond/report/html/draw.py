"""Blocks, drawn as HTML."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import wording
from pytest_failcond.report.html import curves, heat, parts, pictures
from pytest_failcond.report.html.parts import anchor, note, tag
from pytest_failcond.words import blocks
from pytest_failcond.words.blocks import Block, Column, Fold, Heading, Note, Section, Table
from pytest_failcond.words.drawings import Curve, Frame, Heat, Legend, Strip

_KINDS = {"word": "", "number": "number", "name": "name", "prose": "why", "verdict": "sign"}


@dataclass(frozen=True)
class Drawing:
    """Draws the blocks of a run.

    Attributes:
        run: whose pictures are shown.
        pictures: whether they are.
        linked: keys that have an article on the page.
    """

    run: Shown
    pictures: bool = True
    linked: Collection[str] = ()

    def section(self, section: Section) -> list[Markup]:
        """Return the content of a section below its title; empty if nothing is for a page."""
        return self.draw(section.blocks, name=section.title)

    def draw(self, blocks: Iterable[Block], *, name: str) -> list[Markup]:
        """Return the HTML of blocks; unnamed tables get ``name``."""
        drawn: list[Markup] = []
        shown = (block for block in blocks if "html" in block.on)
        for beside, group in groupby(shown, _is_captioned):
            made = [part for block in group for part in self._block(block, name)]
            drawn += [tag("div", *made, class_="curves")] if beside else made
        return drawn

    def _block(self, block: Block, name: str) -> list[Markup]:
        match block:
            case Note():
                return [_note(block)]
            case Heading():
                return [
                    tag("p", block.text, class_="title") if block.minor else tag("h3", block.text)
                ]
            case Table():
                return self._table(block, block.name or name)
            case Heat():
                return heat.draw(block, name)
            case Fold():
                inside = self.draw(block.blocks, name=name)
                return [parts.fold(block.title, *inside)] if inside else []
            case Strip():
                return self._strip(block)
            case Curve():
                return [curves.draw(block)]
            case Legend():
                return [curves.legend(block)]

    def _table(self, table: Table, name: str) -> list[Markup]:
        columns, cells = table.seen_on("html")
        head = [column.title for column in columns]
        rows = [[self._cell(*pair) for pair in zip(columns, row, strict=True)] for row in cells]
        shown, rest = rows[: table.first], rows[len(rows) if table.first is None else table.first :]
        drawn = [parts.table(head, shown, label=name)]
        if rest:
            drawn.append(parts.fold(table.rest, parts.table(head, rest, label=f"{name}, more")))
        if told := table.explained(columns):
            drawn.append(note(told))
        return drawn

    def _cell(self, column: Column, cell: blocks.Cell) -> parts.Cell:
        said = ", ".join(cell.lines) or cell.text
        if column.signed and cell.status is not None:
            said += f" {wording.sign(cell.status)}"
        href = f"#{anchor(cell.key)}" if cell.key is not None and cell.key in self.linked else ""
        kind = f"{_KINDS[column.kind]} {cell.status or ''}".strip()
        return parts.Cell("; ".join([said, *cell.below]), kind, href)

    def _strip(self, strip: Strip) -> list[Markup]:
        """Lay out frames; frames cut from one file vanish without it, of others the words
        remain.
        """
        if not strip.frames or (strip.file and not self.pictures):
            return []
        title = [tag("p", strip.title, class_="title")] if strip.title else []
        rows = max(len(frame.alts) for frame in strip.frames)
        try:
            images = (
                pictures.cut(self.run, strip.file, len(strip.frames), rows) if strip.file else []
            )
        except FailcondError as error:
            return [*title, note(f"{strip.name}: {error}" if strip.name else str(error))]
        entries = [
            _frame(frame, [pictures.encode(row[i]) for row in images])
            if images
            else self._alone(frame)
            for i, frame in enumerate(strip.frames)
        ]
        if not strip.steps:
            return [*title, tag("ul", *entries, class_="strip examples")]
        if images:
            entries.append(_difference(images[0][0], images[0][-1]))
        if strip.beside is not None:
            entries.append(self._beside(strip.beside))
        return [*title, tag("ol", *entries, class_="strip")]

    def _alone(self, frame: Frame) -> Markup:
        """Draw a frame that has its own file, or none."""
        try:
            content = self.run.picture(frame.file) if self.pictures and frame.file else None
        except FailcondError as error:
            return _frame(frame, [], note(str(error)))
        return _frame(frame, [] if content is None else [content])

    def _beside(self, frame: Frame) -> Markup:
        """Draw a frame apart from those of its strip."""
        try:
            ((pixels,),) = pictures.cut(self.run, frame.file, 1)
        except FailcondError as error:
            return _frame(frame, [], note(str(error)), class_="apart")
        return _frame(frame, [pictures.encode(pixels)], class_="apart")


def _note(block: Note) -> Markup:
    kinds = {"plain": None, "aside": "note", "warning": "note", "error": "error"}
    if block.command:
        command = tag("code", block.command)
        return tag("p", block.text, command, class_="command")
    return tag("p", block.text, class_=kinds[block.tone])


def _is_captioned(block: Block) -> bool:
    """Whether a block is one of several drawings side by side."""
    return isinstance(block, Curve) and bool(block.caption)


def _frame(
    frame: Frame, contents: Sequence[bytes], *below: Markup, class_: str | None = None
) -> Markup:
    kind = "wrong" if frame.wrong else None
    drawn = [
        parts.picture(content, alt, kind)
        for content, alt in zip(contents, frame.alts, strict=False)
    ]
    said = [
        tag("span", line.text, class_=None if line.tone == "plain" else line.tone)
        for line in frame.said
    ]
    return tag("li", *([tag("div", *drawn)] if drawn else []), *said, *below, class_=class_)


def _difference(first: pictures.Pixels, last: pictures.Pixels) -> Markup:
    """Show the change over the steps of a strip."""
    change, most = pictures.difference(first, last)
    alt = "the change from the first to the last: brighter or darker than gray where the image is"
    said = [tag("span", "difference"), tag("span", f"at most {most:.2f}", class_="soft")]
    return tag("li", tag("div", parts.picture(pictures.encode(change), alt)), *said, class_="apart")

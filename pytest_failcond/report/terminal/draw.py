"""Blocks, drawn in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from pytest_failcond.report import wording
from pytest_failcond.report.page import Page
from pytest_failcond.report.terminal import heat
from pytest_failcond.report.terminal.styles import STYLES
from pytest_failcond.words.blocks import Block, Cell, Column, Fold, Heading, Note, Section, Table
from pytest_failcond.words.drawings import Curve, Heat, Legend, Strip
from pytest_failcond.words.media import Medium
from pytest_failcond.words.printing import printable

_WIDE = 76  # columns of a terminal with room for spare columns
_GAP = 2
_TONES = {"plain": "", "aside": "dim", "warning": "yellow", "error": "bold red"}


def show_section(page: Page, section: Section, medium: Medium = "terminal") -> None:
    """Print a section, and an empty line; nothing if nothing is for this terminal."""
    blocks = [block for block in section.blocks if medium in block.on]
    if not blocks:
        return
    first = blocks[0]
    if section.short and isinstance(first, Note):
        title = page.text(f"{printable(section.title)}  ", "bold")
        page.show(title.append_text(page.text(first.text, f"not bold {_style(first)}".rstrip())))
        del blocks[0]
    elif medium in section.titled:
        page.print(section.title, "bold")
    show(page, blocks, medium)
    page.print()


def show(page: Page, blocks: Iterable[Block], medium: Medium = "terminal") -> None:
    """Print blocks."""
    for block in blocks:
        if medium not in block.on:
            continue
        match block:
            case Note():
                page.print(f"{block.text}{block.command}", _style(block))
            case Heading():
                page.print(block.text, "bold")
            case Table():
                _show_table(page, block, medium)
            case Heat():
                heat.show(page, block)
            case Fold():
                page.print(block.title, "bold")
                show(page, block.blocks, medium)
            case Strip() | Curve() | Legend():
                pass  # a terminal shows no pictures


def _style(note: Note) -> str:
    return STYLES.get(note.status, "") or _TONES[note.tone]


def _show_table(page: Page, table: Table, medium: Medium) -> None:
    columns, rows = table.seen_on(medium, spare=page.width >= _WIDE)
    widths = [
        max([len(c.title), *(len(row[i].text) for row in rows)]) for i, c in enumerate(columns)
    ]
    # A sign is to the right of its number, so these cells are filled up by hand.
    titles = [
        f"{c.title:>{width}}" if c.signed else c.title
        for c, width in zip(columns, widths, strict=True)
    ]
    drawn = page.table("", titles)
    if table.dense:
        drawn.padding = (0, 0, 0, 0)
    for column, of in zip(drawn.columns, columns, strict=True):
        column.justify = "right" if of.kind == "number" and not of.signed else "left"
        column.no_wrap = of.kind in ("number", "name", "verdict")
    above: Sequence[Cell] = ()
    for row in rows:
        again = [bool(above) and not c.repeats for c in columns]
        drawn.add_row(*(
            page.text("") if same and cell == above[i] else _cell(page, columns[i], cell, widths[i])
            for i, (cell, same) in enumerate(zip(row, again, strict=True))
        ))  # fmt: skip
        above = row
    page.show(drawn)
    if told := table.explained(columns):
        page.print(told, _TONES["aside"])


def _cell(page: Page, column: Column, cell: Cell, width: int) -> RenderableType:
    if cell.lines:
        return page.stack(cell.lines)
    text, indent = _text(page, column, cell, width), _GAP * cell.inside
    if not cell.below and not indent:
        return text
    below = [Padding(page.text(line, "dim"), (0, 0, 0, indent + _GAP)) for line in cell.below]
    return Group(Padding(text, (0, 0, 0, indent)) if indent else text, *below)


def _text(page: Page, column: Column, cell: Cell, width: int) -> Text:
    sign, style = wording.sign(cell.status), STYLES.get(cell.status, "")
    if column.signed:
        return page.text(f"{cell.text:>{width}} {sign or ' '}", style)
    if not cell.marked and not cell.title:
        return page.text(cell.text, style)
    text = Text()
    if cell.marked:
        text.append_text(page.text(f"{sign} ", style))
    if cell.title:
        text.append_text(page.text(f"{cell.title}  ", "bold"))
    return text.append_text(page.text(cell.text))

"""Blocks, drawn as Markdown; no pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pytest_failcond.report import wording
from pytest_failcond.words.blocks import Block, Cell, Column, Fold, Heading, Note, Section, Table
from pytest_failcond.words.drawings import Curve, Heat, Legend, Shade, Strip
from pytest_failcond.words.printing import printable


def escape(text: str) -> str:
    """Keep a name from acting as Markdown, HTML, a mention or a row of a table."""
    text = printable(text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*\[\]|~$])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    # Addresses become links without marks, and ::, ##[ and the like are commands to GitHub in a
    # log.
    text = re.sub(r"(:)(?=//|:)|(www)(?=\.)|(#)(?=#)", r"\1\2\3<!-- -->", text)
    return re.sub(r"([@#])(?=\w)", r"\1<!-- -->", text)


def paragraph(text: str) -> str:
    """Write a line of text; its first character opens no heading, list, rule or fence."""
    return re.sub(r"^(\s*(?:\d+(?=[.)]))?)([-+#=.)])", r"\1\\\2", escape(text)) + "\n"


def section(section: Section) -> str:
    """Write a section; empty if nothing is for Markdown."""
    blocks = [block for block in section.blocks if "markdown" in block.on]
    parts = []
    if section.short and blocks and isinstance(first := blocks[0], Note):
        parts.append(paragraph(f"{section.title}: {first.text}"))
        del blocks[0]
    parts += write(blocks)
    if parts and not section.short and "markdown" in section.titled:
        parts.insert(0, f"### {escape(section.title)}\n")
    return "\n".join(parts)


def write(blocks: Iterable[Block]) -> list[str]:
    """Write blocks, each ending in a newline."""
    return [part for block in blocks if "markdown" in block.on for part in _block(block)]


def _block(block: Block) -> list[str]:
    match block:
        case Note():
            return [paragraph(f"{block.text}{block.command}")]
        case Heading():
            return [f"#### {escape(block.text)}\n"]
        case Table():
            return [_table(block)]
        case Heat():
            return [_heat(block)]
        case Fold():
            inside = write(block.blocks)
            return [paragraph(block.title), *inside] if inside else []
        case Strip() | Curve() | Legend():
            return []


def _table(table: Table) -> str:
    columns, rows = table.seen_on("markdown")
    lines = [[escape(column.title) for column in columns]]
    lines.append(["---:" if column.kind == "number" else "---" for column in columns])
    lines += [[_cell(*pair) for pair in zip(columns, row, strict=True)] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(column: Column, cell: Cell) -> str:
    said = ", ".join(cell.lines) or cell.text
    if column.signed and cell.status not in (None, "passed"):
        said += f" {wording.sign(cell.status)}"
    return escape("; ".join([said, *cell.below]))


def _heat(heat: Heat) -> str:
    rows = [] if heat.clean is None else [["clean", _shade(heat.clean)]]
    for name, mean, shades in zip(heat.rows, heat.means, heat.cells, strict=True):
        rows.append([name, wording.accuracy(mean), *map(_shade, shades)])
    return _table(Table(["accuracy", "mean", *heat.columns], rows))


def _shade(shade: Shade | None) -> str:
    if shade is None:
        return wording.NOTHING
    text = "error" if shade.share is None else wording.accuracy(shade.share)
    return text if shade.status in (None, "passed") else f"{text} {wording.sign(shade.status)}"

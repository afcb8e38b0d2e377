"""The run as Markdown, for pull requests and job summaries; no pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_failcond.printing import printable
from pytest_failcond.report import changes, contents, corpus, direction_text, need, wording
from pytest_failcond.report.grid import Cell, clean_of, grid_of
from pytest_failcond.run import Run
from pytest_failcond.words.blocks import Note, Section


def render(run: Run) -> str:
    """Return verdict, failing checks, accuracy and directions as Markdown."""
    line, status = contents.verdict_line(run)
    sign = "" if status is None else f"{wording.SIGNS[status]} "
    parts = [f"## {sign}failcond\n\n**{escape(line)}**\n\n{_paragraph(changes.subject(run))}"]
    parts += [_paragraph(remark) for remark in contents.remarks(run)]
    parts += [
        _failures(run),
        _gates(run),
        _changes(run),
        _accuracy(run),
        _directions(run),
        _corpus(run),
        *map(_section, contents.sections(run)),
    ]
    return "\n".join(part for part in parts if part)


def escape(text: str) -> str:
    """Keep a name from acting as Markdown, HTML, a mention or a row of a table."""
    text = printable(text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*\[\]|~$])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    # Addresses become links by themselves, and ::, ##[ and the like speak to GitHub where a log shows them.
    text = re.sub(r"(:)(?=//|:)|(www)(?=\.)|(#)(?=#)", r"\1\2\3<!-- -->", text)
    return re.sub(r"([@#])(?=\w)", r"\1<!-- -->", text)


def _paragraph(text: str) -> str:
    """Write a line of text; its first character opens no heading, list, rule or fence."""
    return re.sub(r"^(\s*(?:\d+(?=[.)]))?)([-+#=.)])", r"\1\\\2", escape(text)) + "\n"


def _section(section: Section) -> str:
    parts = [f"### {escape(section.title)}\n"]
    for block in section.blocks:
        if isinstance(block, Note):
            parts.append(_paragraph(block.text))
        else:
            parts.append(_table(block.head, block.rows, left=block.words))
    return "\n".join(parts)


def _failures(run: Run) -> str:
    shown, more = need.few_classes(need.failures(run))
    rows = [
        [
            wording.label(wording.status_of(c)),
            c.gate,
            wording.check_text(run, c),
            wording.threshold(c),
            wording.reason(run, c),
        ]
        for c in shown
    ]
    rows += [["", gate, f"… and {n:,} more", "", ""] for gate, n in more.items()]
    for key, why in contents.unmeasured(run).items():
        rows.append([wording.label("error"), "", wording.key_text(run, key), "", why])
    for entry in contents.lost(run):
        rows.append([wording.label("failed"), "", corpus.title(entry), "", corpus.told(run, entry)])
    if not rows:
        return ""
    whys = need.told_once((row[0] == wording.label("error"), row[-1]) for row in rows)
    rows = [[*row[:-1], why] for row, why in zip(rows, whys, strict=True)]
    table = _table(["verdict", "gate", "key", "threshold", "why"], rows, left=5)
    return (
        f"{table}\n{_paragraph(wording.BOUNDS)}"
        if any(c.bound is not None for c in run.checks)
        else table
    )


def _gates(run: Run) -> str:
    """A line per gate with its worst check, and what numbers do not say, such as waivers."""
    rows = []
    for gate in need.gates_by_need(run):
        worst = need.by_need(gate.checks)[0]
        rows.append([
            wording.label(wording.status_of(worst)),
            gate.id,
            wording.gate_title(gate),
            wording.check_text(run, worst),
            wording.value(run, worst),
            wording.bound(run, worst),
            "; ".join(need.asides(gate)),
        ])  # fmt: skip
    head = ["verdict", "gate", "demand", "worst check", "value", "bound", "checks"]
    return _table(head, rows, left=4) if rows else ""


def _changes(run: Run) -> str:
    comparison = run.comparison
    if comparison is None:
        return ""
    keys, rest = changes.shown(run, comparison)
    parts = [f"### Since the baseline\n\n{_paragraph(changes.headline(comparison))}"]
    parts.append(_paragraph(changes.summary(comparison)))
    if keys:
        parts.append(_table(changes.HEAD, [changes.row(run, entry) for entry in keys]))
    parts += [_paragraph(remark) for remark in changes.remarks(comparison, rest)]
    if found := changes.shown_directions(comparison, every=False)[0]:
        rows = [changes.direction_row(run, entry) for entry in found]
        parts.append(_table(changes.DIRECTIONS_HEAD, rows))
    return "\n".join(parts)


def _accuracy(run: Run) -> str:
    grid = grid_of(run)
    if grid is None:
        clean = clean_of(run)
        return "" if clean is None else _paragraph(f"Clean accuracy: {_cell(clean)}")
    rows = [] if grid.clean is None else [["clean", _cell(grid.clean)]]
    for name in grid.names:
        cells = [_cell(grid.cells.get((name, s))) for s in grid.severities]
        rows.append([name, wording.accuracy(grid.mean(name)), *cells])
    table = _table(["accuracy", "mean", *map(str, grid.severities)], rows)
    return f"{table}\n{_paragraph(f'{grid.summary(run)} · {wording.constants(run)}')}"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return wording.NOTHING
    text = "error" if cell.error else wording.accuracy(cell.accuracy)
    return text if cell.status in (None, "passed") else f"{text} {wording.SIGNS[cell.status]}"


def _directions(run: Run) -> str:
    shown, others = contents.few_classes(run)
    rows = [
        [
            wording.class_name(run, d.class_index),
            str(d.rank or wording.NOTHING),
            direction_text.dimension(d),
            direction_text.breaks_at(d),
            direction_text.valid_to(d),
            direction_text.broken(d),
            wording.share(d.curve.mean_p[0]),
            direction_text.attributes(d),
        ]
        for d in shown
    ]
    head = ["class", "#", "direction", "breaks at", "valid to", "broken", "start p", "what changes"]
    lines = [_paragraph(more)] if (more := contents.more_classes(run, others)) else []
    lines += map(_paragraph, direction_text.all_passed_over(run))
    parts = [_table(head, rows, left=3)] if rows else []
    if broken := direction_text.what_breaks(run):
        lines.insert(0, _paragraph(broken))
    return "\n".join([*parts, *lines])


def _corpus(run: Run) -> str:
    lines = [f"Corpus: {line}" if (line := corpus.summary(run)) else "", corpus.advice(run)]
    return "\n".join(_paragraph(line) for line in lines if line)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Lay out a table; the columns after the first ``left`` hold numbers."""
    lines = [[escape(text) for text in head]]
    lines.append(["---" if i < left else "---:" for i in range(len(head))])
    lines += [[escape(text) for text in row] + [""] * (len(head) - len(row)) for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

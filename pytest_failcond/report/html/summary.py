"""The top of the report: within ten seconds, what broke, how badly and since when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from pytest_failcond.report import changes, contents, direction_text, need, wording
from pytest_failcond.report.grid import clean_of, grid_of
from pytest_failcond.report.html import curves
from pytest_failcond.report.html.corpus import corpus_section
from pytest_failcond.report.html.details import changed_images
from pytest_failcond.report.html.heat import heat_map
from pytest_failcond.report.html.parts import (
    Cell,
    fold,
    fragment,
    note,
    status,
    table,
    tag,
    text,
)
from pytest_failcond.report.html.tables import checks_table, direction_table, link_to
from pytest_failcond.run import Run
from pytest_failcond.words import blocks

_WORST, _PASSED = 12, 3  # checks shown one by one
_CHANGED = 8  # keys shown before the others are folded away
_PICTURED = 3  # keys whose changed images are shown at the top
Section = tuple[str, list[str]]
"""A heading, and the HTML below it."""


def summary(run: Run, *, pictures: bool = True) -> str:
    """Return the verdict, gates, accuracy, what changed, and directions."""
    parts = [verdict(run)]
    for title, below in sections(run, pictures=pictures):
        parts += [text("h2", title), *below]
    return fragment(parts)


def verdict(run: Run) -> str:
    """Return the verdict line."""
    line, of = contents.verdict_line(run)
    return text("p", line, class_=f"verdict {of or ''}".strip())


def sections(run: Run, *, pictures: bool, linked: Collection[str] = ()) -> list[Section]:
    """Return what follows the verdict; keys that are ``linked`` have an article on the page."""
    found = [
        ("Not measured", _unmeasured(run)),
        (
            "Noticed",
            [text("p", line) for line in contents.remarks(run)],
        ),
        ("Gates: failed first, then the smallest margins", _gates(run, linked)),
        ("Accuracy by corruption and severity", _accuracy(run)),
        ("Since the baseline", _changes(run, pictures, linked)),
        ("Directions along which a class is lost fastest", _directions(run, linked)),
        ("Corpus", corpus_section(run, pictures)),
        *((section.title, _drawn(section)) for section in contents.sections(run)),
    ]
    return [(title, below) for title, below in found if below]


def _drawn(section: blocks.Section) -> list[str]:
    parts = []
    for block in section.blocks:
        if isinstance(block, blocks.Note):
            parts.append(text("p", block.text))
            continue
        kinds = ["" if place < block.words else "number" for place in range(len(block.head))]
        rows = [
            [Cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in block.rows
        ]
        parts.append(table(block.head, rows, label=section.title))
    return parts


def _unmeasured(run: Run) -> list[str]:
    rows = [
        [Cell(wording.key_text(run, key)), Cell(why, "error")]
        for key, why in contents.unmeasured(run).items()
    ]
    return [table(["key", "why"], rows, label="Not measured")] if rows else []


def _gates(run: Run, linked: Collection[str]) -> list[str]:
    """A line per gate; below, the checks that matter most, and the others folded away."""
    if not run.gates:
        return []
    rows = []
    for gate in need.gates_by_need(run):
        first = need.by_need(gate.checks)[0]
        rows.append([
            status(wording.status_of(first)),
            Cell(gate.id),
            Cell(wording.gate_title(gate)),
            Cell(need.together(gate.checks)),
            Cell(wording.value(run, first), "number"),
            Cell(wording.margin(first), "number"),
            Cell(wording.check_text(run, first), href=link_to(first.key, linked)),
        ])  # fmt: skip
    head = ["verdict", "gate", "demand", "checks", "worst", "margin", "at"]
    parts = [table(head, rows, label="Gates")]
    checks, more = need.few_classes(need.by_need(run.checks))
    doubtful = sum(wording.status_of(check) != "passed" for check in checks)
    count = min(doubtful, _WORST) + _PASSED * (doubtful <= _WORST)
    shown, rest = (checks, []) if len(checks) <= count + 1 else (checks[:count], checks[count:])
    parts += [text("h3", "Check by check"), checks_table(run, shown, linked)]
    if rest:
        title = f"{len(rest)} more: {need.together(rest)}"
        parts.append(fold(title, checks_table(run, rest, linked)))
    if more:
        parts.append(note(need.and_more(more)))
    return [*parts, *map(note, (*run.notes, f"{wording.MARGIN} {wording.BOUNDS}"))]


def _accuracy(run: Run) -> list[str]:
    grid = grid_of(run)
    if grid is not None:
        seeds = wording.seeds(run, contents.spread(run))
        return [heat_map(run, grid), *map(note, filter(None, (wording.rises(run), seeds)))]
    clean = clean_of(run)
    if clean is None:
        return []
    sign = "" if clean.status is None else f" {wording.SIGNS[clean.status]}"
    said = "error" if clean.error else wording.accuracy(clean.accuracy)
    return [text("p", f"Clean accuracy {said}{sign}")]


def _changes(run: Run, pictures: bool, linked: Collection[str]) -> list[str]:
    """What was lost and gained since the baseline."""
    comparison = run.comparison
    if comparison is None:
        return []
    parts = [text("p", f"{changes.headline(comparison)}; {changes.summary(comparison)}.")]
    keys, rest = changes.shown(run, comparison)
    rows = [_row(changes.row(run, entry), link_to(entry.key, linked)) for entry in keys]
    shown, folded = (rows, []) if len(rows) <= _CHANGED + 1 else (rows[:_CHANGED], rows[_CHANGED:])
    if shown:
        parts.append(table(changes.HEAD, shown, label="Keys"))
    if folded:
        others = table(changes.HEAD, folded, label="More keys")
        parts.append(fold(f"{len(folded)} more", others))
    parts += [note(changes.note(comparison))] if shown else []
    parts += [note(remark) for remark in changes.remarks(comparison, rest)]
    directions, more = changes.shown_directions(comparison, every=False)
    if directions:
        rows = [_row(changes.direction_row(run, d), link_to(d.key, linked)) for d in directions]
        parts.append(text("h3", "Shared directions, most changed first"))
        parts.append(table(changes.DIRECTIONS_HEAD, rows, label="Shared directions"))
    if more:
        parts.append(note(f"{wording.count(more, 'more direction')}, less changed"))
    for entry in keys[:_PICTURED] if pictures else ():
        if images := changed_images(run, entry):
            parts.append(fold(f"{wording.key_text(run, entry.key)}: lost and gained", *images))
    return parts


def _row(cells: Sequence[str], href: str) -> list[Cell]:
    first, *numbers = cells
    return [Cell(first, href=href), *(Cell(number, "number") for number in numbers)]


def _directions(run: Run, linked: Collection[str]) -> list[str]:
    parts: list[str] = []
    directions, others = contents.few_classes(run)
    if directions:
        parts += [
            direction_table(run, directions, linked),
            *map(note, filter(None, [contents.more_classes(run, others)])),
            note(f"{direction_text.EXPLAINED} {direction_text.START_P}"),
        ]
        if line := direction_text.what_breaks(run):
            parts.append(text("p", line))
    parts += map(note, direction_text.all_passed_over(run))
    if directions:
        parts += [text("h3", "Degradation curves"), curves.legend(run)]
    for index, found in groupby(directions, key=lambda direction: direction.class_index):
        drawn = []
        for direction in found:
            caption = text("figcaption", direction_text.dimension(direction))
            drawn.append(tag("figure", caption, curves.degradation(run, direction, small=True)))
        title = f"class {wording.class_name(run, index)}"
        parts.append(fold(title, tag("div", *drawn, class_="curves")))
    return parts

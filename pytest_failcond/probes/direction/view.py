"""The directions along which each class is lost, as blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from pytest_failcond.probes.direction import chosen, fitness_view
from pytest_failcond.probes.direction import words as direction_text
from pytest_failcond.probes.direction.record import Direction, directions_in
from pytest_failcond.probes.direction.reproduce import show_command
from pytest_failcond.probes.direction.way import strip_of
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents, wording
from pytest_failcond.words.blocks import Block, Cell, Column, Fold, Heading, Note, Section, Table
from pytest_failcond.words.drawings import Curve, Legend, Line
from pytest_failcond.words.media import (
    BRIEF,
    HTML,
    MARKDOWN,
    MEDIA,
    NONE,
    PAGES,
    TERMINAL,
    VERBOSE,
    Medium,
)

_FEW = f"those of the worst {contents.MOST_CLASSES} classes"
_MOST_ATTRIBUTES = 3  # of a direction, if all directions are shown; else one


def sections(run: Shown) -> Iterator[Section]:
    """Describe the directions, and the changes along them; then the generator's fitness."""
    found = [
        *_in_terminal(run),
        *_all_in_terminal(run),
        *_on_pages(run),
        *_in_words(run),
        *_drawn(run),
    ]
    title = "Directions along which a class is lost fastest"
    yield Section(title, found, titled=TERMINAL | HTML, rank=20)
    yield from fitness_view.sections(run)


def details(run: Shown, key: Key) -> Iterator[Block]:
    """Describe one direction: its numbers, pictures of the way, the command to make them again, its
    curve.
    """
    direction = directions_in(run.records).get(key)
    if direction is None:
        return
    yield Note(direction_text.title(run, direction))
    yield _table(run, [direction], every=True)
    yield strip_of(run, direction)
    command = show_command(run, direction, direction.strip.shift[-1])
    yield Note("The last of them again, to the pixel: ", command=command)
    yield curve_of(run, direction)
    yield _legend(run)


def _in_terminal(run: Shown) -> Iterator[Block]:
    """Describe the worst directions, and count the others."""
    shown, more = chosen.shown_directions(run)
    which = ""
    if more:
        classes = len({d.class_index for d in directions_in(run.records).values()})
        rest = "all" if classes <= contents.MOST_CLASSES else _FEW
        which = f"The worst {len(shown)} of {len(shown) + more}; -v shows {rest}. "
    if shown:
        yield _table(run, shown, every=False, which=which, on=BRIEF)


def _all_in_terminal(run: Shown) -> Iterator[Block]:
    """Describe the directions of the worst classes, and count the others."""
    shown, others = chosen.few_classes(run)
    which = f"The worst {len(shown)} of {len(shown) + len(others)}, {_FEW}. " if others else ""
    if shown:
        yield _table(run, shown, every=True, which=which, on=VERBOSE)


def _on_pages(run: Shown) -> Iterator[Block]:
    """Describe the directions of the classes with the worst ones, and the verdicts of the
    others.
    """
    shown, others = chosen.few_classes(run)
    if shown:
        yield _table(run, shown, every=True, on=PAGES)
        if said := direction_text.no_change(shown):  # tables of Markdown have no legend
            yield Note(said, "aside", on=MARKDOWN)
    if more := chosen.more_classes(run, others):
        yield Note(more, "aside", on=PAGES)


def _in_words(run: Shown) -> Iterator[Block]:
    """Describe the changes that break each class, the images wrong without any, the ways of ranking, and
    the directions passed over.
    """
    if said := direction_text.what_breaks(run, later=False):
        yield Note(said, on=BRIEF)
    if said := direction_text.what_breaks(run):
        yield Note(said, on=VERBOSE | PAGES)
    if said := direction_text.wrong_unmoved(run):
        yield Note(said)
    for line in direction_text.ranked_by_effect(run):
        yield Note(line)
    for line in direction_text.without_directions(run):
        yield Note(line)
    for line in direction_text.all_passed_over(run):
        yield Note(line, "aside")


def _table(
    run: Shown,
    directions: Sequence[Direction],
    *,
    every: bool,
    which: str = "",
    on: Collection[Medium] = MEDIA,
) -> Table:
    """Describe a table of directions.

    Args:
        run: of the directions.
        directions: the rows.
        every: whether a terminal shows all columns.
        which: a text on the choice of the directions.
        on: the media that show the table.
    """
    most = _MOST_ATTRIBUTES if every else 1
    in_terminal = direction_text.meaning(directions, most)
    unranked = direction_text.UNRANKED if any(d.rank is None for d in directions) else ""
    head = [
        Column("class", repeats=False),
        Column("#", told=unranked),
        Column("direction", "name"),
        Column("breaks at", "number", on=TERMINAL | HTML, signed=True),
        Column("breaks at", "number", on=MARKDOWN),
        Column("valid to", "number", on=MEDIA if every else PAGES),
        Column("broken", "number"),
        Column("newly", "number", on=PAGES, told=direction_text.NEWLY),
        Column("start p", "number", on=PAGES, told=direction_text.START_P),
        Column("what changes", "prose", on=TERMINAL if in_terminal else NONE, spare=True,
               told=in_terminal),
        Column("what changes", "prose", on=PAGES, told=direction_text.meaning(directions)),
    ]  # fmt: skip
    rows: list[list[str | Cell]] = [
        [
            wording.class_name(run, d.class_index),
            wording.NOTHING if d.rank is None else str(d.rank),
            Cell(direction_text.dimension(d), key=d.key),
            Cell(direction_text.breaks_at(d), contents.status_of_key(run, d.key)),
            direction_text.breaks_at(d),
            direction_text.valid_to(d),
            direction_text.broken(d),
            direction_text.newly(d),
            wording.share(d.curve.mean_p[0]),
            Cell(lines=direction_text.changes(d, most)),
            direction_text.attributes(d),
        ]
        for d in directions
    ]
    told = f"{which}{direction_text.EXPLAINED}"
    return Table(head, rows, name="Directions", told=told, dense=every, on=on)


def _drawn(run: Shown) -> Iterator[Block]:
    """Describe the degradation curves, folded away by class."""
    directions, _ = chosen.few_classes(run)
    if directions:
        yield Heading("Degradation curves", on=HTML)
        yield _legend(run)
    for index, found in groupby(directions, key=lambda direction: direction.class_index):
        curves = [curve_of(run, d, caption=direction_text.dimension(d)) for d in found]
        yield Fold(f"class {wording.class_name(run, index)}", curves, on=HTML)


def curve_of(run: Shown, direction: Direction, *, caption: str = "") -> Curve:
    """Describe the outcomes of a direction's start images over the shift; with a caption, one of
    several.
    """
    curve, total = direction.curve, direction.total
    lines = [Line(kind, getattr(curve, kind), total) for kind in ("lost", "right", "broken")]
    if right := direction.right_unmoved:
        lines.append(Line("newly", [broken - curve.broken[0] for broken in curve.broken], right))
    told = (
        f"Degradation curve of {direction_text.title(run, direction)}: breaks at "
        f"{direction_text.breaks_at(direction)}, valid to {direction_text.valid_to(direction)}, "
        f"broken {direction_text.broken(direction)}, newly {direction_text.newly(direction)}"
    )
    return Curve(
        told=told,
        shift=curve.shift,
        lines=[*lines, Line("p", curve.mean_p)],
        tested=direction.tested_to,
        breaks=direction.breaking_shift,
        valid=direction.valid_range is not None,
        confidence=_confidence(run),
        caption=caption,
    )


def _legend(run: Shown) -> Legend:
    names = [
        ("right", "still right"),
        ("broken", "broken"),
        ("newly", "newly broken, of those right unmoved"),
        ("lost", "lost to the judge"),
        ("p", "mean p(class)"),
    ]
    told = (
        f"share of the start images over the shift, σ; bands: {_confidence(run):.0%} one-sided bounds, "
        "up and down (Clopper–Pearson); gray ground: beyond the tested range, where nothing is "
        "claimed"
    )
    return Legend(names, told)


def _confidence(run: Shown) -> float:
    return float(run.settings.get("confidence", 0.95))

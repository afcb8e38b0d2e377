"""Combined corner cases as blocks: how far each class is from being lost, and by what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from pytest_failcond.probes.combination import words
from pytest_failcond.probes.combination.pairs import matrix
from pytest_failcond.probes.combination.record import (
    Combined,
    Pictured,
    combined_in,
    untargeted,
)
from pytest_failcond.probes.combination.reproduce import show_command
from pytest_failcond.probes.combination.strip import strip_of
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.metric import STEP
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents
from pytest_failcond.report.wording import GRAVITY, sigma
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

_WORST = 6  # classes, if not all are shown


def sections(run: Shown) -> Iterator[Section]:
    """Describe the searches: a table of the classes, the distances between classes, pictures."""
    everything = list(combined_in(run.records).values())
    found = _worst_first(run, untargeted(everything))
    blocks = [*_tables(run, found), *matrix(run, everything), *_notes(run, everything)]
    blocks += [*_drawn(run, found)]
    yield Section("Combined corner cases", blocks, rank=25)


def details(run: Shown, key: Key) -> Iterator[Block]:
    """Describe one search: its numbers, its typical cases, the command to make one again, its curve."""
    found = combined_in(run.records).get(key)  # type: ignore[call-overload]
    if found is None:
        return
    yield Note(f"{words.title(run, found)}: {words.summary(run, found)}")
    yield _table(run, [found])
    if said := words.without_gradients(run, [found]):
        yield Note(said)
    for warning in words.warnings([found]):
        yield Note(warning, "warning")
    if found.pictured is not None:
        yield strip_of(run, found, found.pictured)
        yield from _again(run, found, found.pictured)
    curve = curve_of(run, found)
    yield curve
    yield _legend(run, [curve])


def _again(run: Shown, found: Combined, pictured: Pictured) -> Iterator[Block]:
    """Give the command that makes each picture again, under the number of its start image."""
    first, *others = ((found.samples[row], show_command(run, found, row)) for row in pictured.rows)
    yield Note(f"Sample {first[0]} again, to the pixel: ", command=first[1])
    if others:
        notes = [Note(f"Sample {sample}: ", command=command) for sample, command in others]
        yield Fold("The others again, to the pixel", notes, on=HTML)


def _worst_first(run: Shown, found: Sequence[Combined]) -> list[Combined]:
    """Sort searches: those that a gate fails, those that hold least, those that break nearest."""

    def order(one: Combined) -> tuple[int, float, float]:
        gravity = GRAVITY.index(contents.status_of_key(run, one.key) or "passed")
        near = one.distance
        return -gravity, np.inf if near is None else near, -one.broken_by(one.tested_to) / one.total

    return sorted(found, key=order)


def _tables(run: Shown, worst: Sequence[Combined]) -> Iterator[Block]:
    """Describe the worst classes, by class, and count the others."""
    for most, on in ((_WORST, BRIEF), (contents.MOST_CLASSES, VERBOSE | PAGES)):
        few = worst if len(worst) <= most + 1 else worst[:most]
        if not few:
            continue
        which = ""
        if len(few) < len(worst):
            rest = "; -v shows more" if on == BRIEF else ""
            which = f"The worst {len(few)} of {len(worst)} classes{rest}. "
        by_class = sorted(few, key=lambda one: one.class_index)
        yield _table(run, by_class, which=which, on=on)
        if said := words.no_change(by_class):  # tables of Markdown have no legend
            yield Note(said, "aside", on=on & MARKDOWN)


def _table(
    run: Shown, found: Sequence[Combined], *, which: str = "", on: Collection[Medium] = MEDIA
) -> Table:
    """Describe searches, a row each."""
    compared = MEDIA if any(words.is_compared(run, one) for one in found) else NONE
    head = [
        Column("class"),
        Column("half at", "number", on=TERMINAL | HTML, signed=True),
        Column("half at", "number", on=MARKDOWN),
        Column("broken", "number"),
        Column("one direction", "number", on=compared, told=words.SINGLE),
        Column("moved", "number", told=words.DIMENSIONS),
        Column("rejected", "number", told=words.REJECTED),
        Column("what changes", "prose", spare=True, told=words.meaning(found)),
    ]
    rows: list[list[str | Cell]] = [
        [
            Cell(words.name(run, one), key=one.key),
            Cell(words.half_at(one), contents.status_of_key(run, one.key)),
            words.half_at(one),
            words.broken(one),
            words.single(run, one),
            words.moved(one),
            str(one.rejections),
            Cell(lines=words.together(one)),
        ]
        for one in found
    ]
    end = sigma(max(one.tested_to for one in found))
    told = f"{which}{words.EXPLAINED.format(end=end)}"
    return Table(head, rows, name="Combined corner cases", told=told, on=on)


def _notes(run: Shown, found: Sequence[Combined]) -> Iterator[Block]:
    """Say what a distance means, how it was searched, and how far the cases can be believed."""
    if found:
        yield Note(words.UPPER, "aside")
    if said := words.without_gradients(run, found):
        yield Note(said)
    for warning in words.warnings(found):
        yield Note(warning, "warning")


def _drawn(run: Shown, worst: Sequence[Combined]) -> Iterator[Block]:
    """Describe the curves and the typical cases, folded away by class."""
    shown = sorted(worst[: contents.MOST_CLASSES], key=lambda one: one.class_index)
    curves = [curve_of(run, one) for one in shown]
    if shown:
        yield Heading("Broken by combinations, and typical cases", on=HTML)
        yield _legend(run, curves)
    for one, curve in zip(shown, curves, strict=True):
        inside: list[Block] = [Note(words.summary(run, one)), curve]
        inside += [] if one.pictured is None else [strip_of(run, one, one.pictured)]
        yield Fold(words.title(run, one), inside, on=HTML)


def curve_of(run: Shown, found: Combined) -> Curve:
    """Describe the share broken within each distance, beside the best single direction's.

    Its marker is a point of its line: the drawn share is one half or more there, as it is said.
    """
    steps = [*np.arange(0, found.tested_to, STEP).tolist(), found.tested_to]
    grid = sorted({*steps, *([] if found.distance is None else [found.distance])})
    lines = [Line("broken", [found.broken_by(distance) for distance in grid], found.total)]
    best = None if found.toward is not None else words.best_single(run, found.class_index)
    if best is not None:
        end = min(best.tested_to, found.tested_to)
        walked = [distance for distance in steps if distance <= end]
        by = [best.broken_by(distance) for distance in walked]
        lines.append(Line("single", by, best.total, at=walked))
    told = (
        f"Share of the start images of {words.title(run, found)} broken within a distance: half at "
        f"{words.half_at(found)}, {words.broken(found)} in all"
    )
    if best is not None:
        told += f"; by one direction {words.single(run, found)}"
    return Curve(
        told=told,
        shift=grid,
        lines=lines,
        tested=found.tested_to,
        breaks=found.distance,
        valid=False,
        confidence=_confidence(run),
        axis="distance, σ",
    )


def _legend(run: Shown, curves: Sequence[Curve]) -> Legend:
    """Describe the lines that are drawn."""
    names = [("broken", "broken by a combination")]
    told = (
        f"share of the start images over the distance, σ; bands: {_confidence(run):.0%} one-sided "
        "bounds, up and down (Clopper–Pearson)"
    )
    if any(line.kind == "single" for curve in curves for line in curve.lines):
        names.append(("single", "broken by the best single direction"))
        told += "; a single direction's line ends with its valid range"
    return Legend(names, told)


def _confidence(run: Shown) -> float:
    return float(run.settings.get("confidence", 0.95))

"""Typical combined corner cases, as pictures: each start image above its combination."""

from __future__ import annotations

from pytest_failcond.probes.combination.record import Combined, Pictured
from pytest_failcond.probes.combination.words import sign
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import wording
from pytest_failcond.report.strips import seen_as
from pytest_failcond.report.wording import count
from pytest_failcond.words.drawings import Frame, Said, Strip
from pytest_failcond.words.printing import printable


def strip_of(run: Shown, found: Combined, pictured: Pictured) -> Strip:
    """Describe one case of each group, the largest group first."""
    moved = sum(map(len, found.groups))
    many = len(pictured.rows) > 1
    groups = len(pictured.rows)
    title = (
        f"One case of each of {groups} groups that look alike, the largest group first:"
        if many
        else ""
    )
    frames = [_frame(run, found, pictured, place, moved) for place in range(len(pictured.rows))]
    return Strip(frames, pictured.file, title=title, name=found.key)


def _frame(run: Shown, found: Combined, pictured: Pictured, place: int, moved: int) -> Frame:
    row = pictured.rows[place]
    name = wording.class_name(run, found.class_index)
    seen = wording.class_name(run, found.predicted[row])
    distance, dimensions = found.distances[row] or 0.0, int(found.is_moved[row].sum())
    before, after = map(wording.share, pictured.p[place])
    said = [
        Said(
            f"sample {found.samples[row]}: {wording.sigma(distance)}, {count(dimensions, 'dimension')}"
        ),
        seen_as("", seen, found.predicted[row] != found.class_index),
        Said(f"p({name}) {before} → {after}"),
    ]
    if (level := found.levels[row]) is not None:
        said.append(Said(f"judges {wording.share(level)}", "soft"))
    if changes := pictured.changes[place]:
        said.append(
            Said(", ".join(f"{printable(n)} {sign(c)}" for n, c in changes.items()), "soft")
        )
    if (alike := _alike(found, row)) > 1:
        said.append(Said(f"one of {alike} alike, of {moved}", "soft"))
    alts = [f"a {name}, unmoved", f"the same moved by {wording.sigma(distance)}, taken for {seen}"]
    return Frame(said, alts)


def _alike(found: Combined, row: int) -> int:
    return next(len(group) for group in found.groups if row in group)

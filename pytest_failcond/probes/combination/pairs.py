"""The distances between classes: a confusion matrix in σ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents, wording
from pytest_failcond.words.blocks import Block, Cell, Column, Heading, Table

_TOLD = (
    "Distance within which half of a class's start images are taken for another class, σ, over pairs of "
    "{of}; >: not within the search."
)


def matrix(run: Shown, found: Sequence[Combined]) -> Iterator[Block]:
    """Describe the distance of each class to each wanted one; the nearest if there are many."""
    by_pair = {(one.class_index, one.toward): one for one in found if one.toward is not None}
    if not by_pair:
        return
    rows = _nearest(by_pair, 0)
    columns = _nearest(by_pair, 1)
    head = [
        Column("class"),
        *(Column(f"→ {wording.class_name(run, c)}", "number") for c in columns),
    ]
    cells: list[list[str | Cell]] = [
        [wording.class_name(run, r), *(_cell(run, by_pair.get((r, c))) for c in columns)]
        for r in rows
    ]
    every = len(rows) == len({r for r, _ in by_pair}) and len(columns) == len(
        {c for _, c in by_pair}
    )
    told = _TOLD.format(of="all classes" if every else "the nearest classes")
    yield Heading("Distance to each class", minor=True)
    yield Table(head, cells, name="Distance to each class", told=told, dense=True)


def _nearest(by_pair: dict[tuple[int, int], Combined], side: int) -> list[int]:
    """Return the classes of the nearest pairs on one side, by index; ten at most."""
    order: dict[int, float] = {}
    for pair, one in by_pair.items():
        index, distance = pair[side], one.distance
        far = float("inf") if distance is None else distance
        order[index] = min(order.get(index, far), far)
    return sorted(sorted(order, key=lambda index: (order[index], index))[: contents.MOST_CLASSES])


def _cell(run: Shown, one: Combined | None) -> Cell:
    if one is None:
        return Cell(wording.NOTHING)
    distance = one.distance
    text = f"> {one.tested_to:g}" if distance is None else f"{distance:.1f}"
    return Cell(text, contents.status_of_key(run, one.key), key=one.key)

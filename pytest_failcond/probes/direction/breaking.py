"""The changes of images that break each class, over all directions of a run."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failcond.probes.direction.record import Direction, directions_in
from pytest_failcond.probes.shown import Shown

LEAST_BROKEN = 0.1
"""Share of the start images that a direction must break, beyond those broken unmoved, to count."""


_Change = tuple[str | None, int, tuple[str, ...]]


@dataclass(frozen=True)
class BreakingChange:
    """A change, and the classes that it breaks.

    Attributes:
        name: the attribute; None if no change stands out.
        sign: the direction of its change; 0 without a name.
        places: without a name, the places that change; empty if none does, or none is known.
        first: indices of the classes whose first breaking direction changes this most.
        later: indices of the classes for which only a later breaking direction does.
    """

    name: str | None
    sign: int
    places: tuple[str, ...]
    first: tuple[int, ...]
    later: tuple[int, ...]


def breaking_changes(run: Shown) -> list[BreakingChange]:
    """Group the breaking directions by their largest change, over classes.

    A direction *breaks* if, by the end of what was tested, it has broken a tenth of the start
    images that were not broken unmoved, counted in all start images. Among a class's breaking
    directions, all moved as far as every one of them was tested, the *first* is the one that has
    broken most there, the better ranked of two alike. A direction counts as its largest change, or,
    if none stands out, as the places that change.

    Changes that break most classes first come first, places after attributes, unnamed ones last. A
    run whose directions have no attributes gives no groups.
    """
    if not any(direction.attributes for direction in directions_in(run.records).values()):
        return []
    by_class: dict[int, list[Direction]] = {}
    for direction in directions_in(run.records).values():
        if _breaks(direction):
            by_class.setdefault(direction.class_index, []).append(direction)
    first: dict[_Change, set[int]] = {}
    every: dict[_Change, set[int]] = {}
    for index, directions in sorted(by_class.items()):
        first.setdefault(_leading(_first(directions)), set()).add(index)
        for direction in directions:
            every.setdefault(_leading(direction), set()).add(index)
    found = [
        BreakingChange(
            *change,
            first=tuple(sorted(first.get(change, ()))),
            later=tuple(sorted(indices - first.get(change, set()))),
        )
        for change, indices in every.items()
    ]
    return sorted(
        found,
        key=lambda c: (
            c.name is None,
            not c.places,
            -len(c.first),
            -len(c.later),
            c.name or "",
            c.sign,
            c.places,
        ),
    )


def _breaks(direction: Direction) -> bool:
    broken = direction.broken_by(direction.tested_to) - direction.broken_by(0.0)
    return broken >= LEAST_BROKEN * direction.total


def _first(directions: list[Direction]) -> Direction:
    common = min(direction.tested_to for direction in directions)

    def order(direction: Direction) -> tuple[float, float]:
        rank = float("inf") if direction.rank is None else direction.rank
        return -direction.broken_by(common) / direction.total, rank

    return min(directions, key=order)


def _leading(direction: Direction) -> _Change:
    if changes := direction.standing_out:
        return changes[0].name, 1 if changes[0].change > 0 else -1, ()
    return None, 0, () if direction.where is None else direction.where.places

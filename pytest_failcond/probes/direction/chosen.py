"""The choice of the directions to show if there are many: the worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from pytest_failcond.probes.direction.record import Direction, directions_in, rankings_in
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents
from pytest_failcond.report.wording import GRAVITY, LABELS
from pytest_failcond.words.printing import count, plural

_WORST = 6  # directions, if not all are shown


def directions_of(run: Shown) -> list[Direction]:
    """Return the directions by class and rank, unranked ones last."""
    return sorted(
        directions_in(run.records).values(),
        key=lambda d: (d.class_index, d.rank is None, d.rank or 0, d.key),
    )


def few_classes(run: Shown) -> tuple[list[Direction], list[Direction]]:
    """Return the directions of the ten classes with the worst ones, and those of the other
    classes.
    """
    found = directions_of(run)
    order = _worst_first(run)
    worst = dict.fromkeys(d.class_index for d in sorted(found, key=order))
    chosen = set(list(worst)[: contents.MOST_CLASSES])
    return (
        [d for d in found if d.class_index in chosen],
        [d for d in found if d.class_index not in chosen],
    )


def more_classes(run: Shown, others: Iterable[Direction]) -> str:
    """Return the number of classes left out, and the verdicts of their directions; empty if there
    are none.
    """
    left_out = list(others)
    if not left_out:
        return ""
    statuses = Counter(filter(None, (contents.status_of_key(run, d.key) for d in left_out)))
    told = ", ".join(f"{statuses[s]} {LABELS[s]}" for s in reversed(GRAVITY) if statuses[s])
    number = len({d.class_index for d in left_out})
    line = f"… and {count(len(left_out), 'direction')} of {number:,} more {plural(number, 'class')}"
    return f"{line}: {told}" if told else line


def _worst_first(run: Shown) -> Callable[[Direction], tuple[int, float]]:
    """Sort directions: those that a gate fails, those that hold least, those that break most."""

    def order(direction: Direction) -> tuple[int, float]:
        gravity = GRAVITY.index(contents.status_of_key(run, direction.key) or "passed")
        return -gravity, -direction.broken_by(direction.tested_to) / direction.total

    return order


def shown_directions(run: Shown) -> tuple[list[Direction], int]:
    """Return the worst directions, by class and rank, and the number of the others.

    Worst are those that a gate fails, then those that hold least, then those that break most.
    """
    found = directions_of(run)
    worst = {direction.key for direction in sorted(found, key=_worst_first(run))[:_WORST]}
    if len(found) <= _WORST + 1:
        return found, 0
    return [d for d in found if d.key in worst], len(found) - len(worst)


def passed_over(run: Shown) -> list[tuple[int, list[tuple[DirectionKey, float]]]]:
    """Return per class the directions passed over: their keys and valid ranges."""
    return [
        (
            ranking.class_index,
            [(p["key"], p["valid_range"]) for p in ranking.passed_over],
        )
        for ranking in rankings_in(run.records).values()
        if ranking.passed_over
    ]

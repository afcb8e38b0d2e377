"""The searches of two runs side by side, as blocks: distances, and combinations tried again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.regression.record import (
    MOST_DIRECTIONS,
    CombinationComparison,
    Comparison,
    search_changed,
)
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import wording
from pytest_failcond.report.wording import count, sigma
from pytest_failcond.words.blocks import Block, Cell, Heading, Note, Table
from pytest_failcond.words.media import MARKDOWN, Medium

TITLE = "Searches for combinations"
_TOLD = (
    "Distance within which half of the same start images are broken; broken: their share within the whole "
    "search; still: combinations of {other}, tried again, that break this classifier too."
)


def blocks(
    run: Shown, comparison: Comparison, head: Sequence[str], other: str, *, every: bool,
    on: Collection[Medium],
) -> Iterator[Block]:  # fmt: skip
    """Describe the searches of both, the most changed first; all, or a dozen."""
    found = sorted(comparison.combinations, key=_order)
    if not found:
        return
    changed = sum(map(search_changed, found))
    shown = found if every else found[: max(1, min(changed, MOST_DIRECTIONS))]
    told = _TOLD.format(other=other)
    yield Heading(f"{TITLE}, most changed first", on=frozenset(on) - MARKDOWN)
    yield Table([*head, "still"], [_row(run, one) for one in shown], name=TITLE, told=told, on=on)
    if otherwise := [one.key for one in found if one.searched_otherwise]:
        yield Note(_searched_otherwise(run, otherwise, other), "warning", on=on)
    if len(shown) < len(found):
        more = f"{count(len(found) - len(shown), 'more key')} of searches, less changed"
        yield Note(more, "aside", on=frozenset(on) - MARKDOWN)


def _searched_otherwise(run: Shown, keys: Sequence[Key], other: str) -> str:
    """Say of which searches the distances cannot be told from the strength of the search."""
    which = wording.listed([wording.key_text(run, key) for key in keys])
    return (
        f"{which}: not searched as in {other} (by gradient or without): the two searches differ in "
        "strength, so a difference of their distances is not the models' alone, and does not count as a change"
    )


def _order(entry: CombinationComparison) -> tuple[bool, int, str]:
    return not search_changed(entry), -abs(entry.broken - entry.broken_then), entry.key


def _row(run: Shown, entry: CombinationComparison) -> list[str | Cell]:
    shares = (wording.share(number / entry.total) for number in (entry.broken_then, entry.broken))
    still = wording.NOTHING if entry.replayed is None else f"{entry.still} of {entry.replayed}"
    return [
        Cell(wording.key_text(run, entry.key), key=entry.key),
        _half_at(entry.distance_then, entry.tested_to),
        _half_at(entry.distance, entry.tested_to),
        *shares,
        still,
    ]


def _half_at(distance: float | None, tested_to: float) -> str:
    return f"> {sigma(tested_to)}" if distance is None else sigma(distance)

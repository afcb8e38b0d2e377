"""How two runs compare, for a terminal: a run and its baseline, or A and B side by side."""

from __future__ import annotations

from pytest_failcond.comparison import Comparison
from pytest_failcond.printing import printable
from pytest_failcond.report import changes, wording
from pytest_failcond.report.changes import Words
from pytest_failcond.report.page import Page
from pytest_failcond.run import Run

_MODELS: dict[changes.Model, str] = {
    "same": "A and B are the same model",
    "same weights": "A and B have the same weights, different code or surroundings: their predictions "
    "on the same pixels differ",
    "another": "A and B are different models",
    "unknown": "whether A and B are the same model is not known: their hashes cannot be compared",
}


def show_two(
    page: Page, run: Run, comparison: Comparison, a: str, b: str, *, every: bool = False
) -> None:
    """Print what B lost and gained against A.

    Args:
        page: to print on.
        run: B.
        comparison: of both.
        a: what A is called.
        b: what B is called.
        every: whether each key and direction is shown.
    """
    page.print("B against A", "bold")
    for letter, name in (("A", a), ("B", b)):
        page.print(f"{letter}  {printable(name)}")
    page.print(f"{_MODELS[changes.model_of(comparison)]}; {changes.summary(comparison)}")
    show(page, run, comparison, changes.A_AND_B, every=every)


def show(page: Page, run: Run, comparison: Comparison, words: Words, *, every: bool) -> None:
    """Print the keys and the directions that changed, and what is said of the rest."""
    keys, rest = changes.shown(run, comparison, every=every)
    if keys:
        table = page.table("", changes.HEAD)
        for entry in keys:
            table.add_row(*map(page.text, changes.row(run, entry)))
        page.show(table)
        page.print(changes.note(comparison, words), "dim")
    for remark in changes.remarks(comparison, rest, words):
        page.print(remark, "dim")
    directions, more = changes.shown_directions(comparison, every=every)
    if directions:
        table = page.table("Shared directions, most changed first", words.directions)
        for found in directions:
            table.add_row(*map(page.text, changes.direction_row(run, found)))
        page.show(table)
        page.print(changes.DIRECTIONS_NOTE, "dim")
    if more:
        page.print(f"{wording.count(more, 'more direction')}, less changed", "dim")

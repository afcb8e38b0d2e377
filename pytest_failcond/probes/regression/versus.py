"""The comparison of two runs, for a terminal: a run and its baseline, or A and B side by side."""

from __future__ import annotations

from pytest_failcond.probes.regression import view as changes
from pytest_failcond.probes.regression.record import Comparison
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report.page import Page
from pytest_failcond.report.terminal import draw
from pytest_failcond.words.media import Medium
from pytest_failcond.words.printing import printable

_MODELS: dict[changes.Model, str] = {
    "same": "A and B are the same model",
    "same weights": "A and B have the same weights, different code or surroundings: their predictions "
    "on the same pixels differ",
    "another": "A and B are different models",
    "unknown": "whether A and B are the same model is not known: their hashes cannot be compared",
}


def show_two(
    page: Page, run: Shown, comparison: Comparison, a: str, b: str, *, every: bool = False
) -> None:
    """Print the losses and gains of B against A.

    Args:
        page: to print on.
        run: B.
        comparison: of both.
        a: the name of A.
        b: the name of B.
        every: whether each key and direction is shown.
    """
    page.print("B against A", "bold")
    for letter, name in (("A", a), ("B", b)):
        page.print(f"{letter}  {printable(name)}")
    page.print(f"{_MODELS[changes.model_of(comparison)]}; {changes.summary(comparison)}")
    medium: Medium = "verbose" if every else "terminal"
    draw.show(page, changes.blocks(run, comparison, changes.A_AND_B), medium)

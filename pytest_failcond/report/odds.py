"""The findings of a self-test, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.padding import Padding

from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import wording
from pytest_failcond.report.page import Page
from pytest_failcond.runs.selftest import GateOdds, Odds
from pytest_failcond.verdicts.gates import GateResult, amount
from pytest_failcond.words.printing import printable

_SHOWN = 3  # of a gate's checks, unless all are wanted
_EXPLAINED = (
    "by chance: share of the draws on which it fails, for a classifier as good as measured",
    "on half: the same for random halves of the images",
    "finds: the smallest loss that turns it red on 95 % of the draws; for a gate, the loss is added to "
    "all of its checks, for a check, to that one",
)
_RED = "already red"
_NOT_FOUND = "not found"
_CELLS = {
    _RED: "it fails on 95 % of the draws or more without any loss",
    _NOT_FOUND: "not even the largest loss that can be added turns it red on 95 % of the draws; breaks "
    "can only move of images that break within the walk",
}


def show(
    page: Page, run: Shown, found: Sequence[GateOdds], *, resamples: int, every: bool = False
) -> None:
    """Print a line per gate, and its checks that are most likely to fail by chance."""
    table = page.table(
        f"Gates, tried on {resamples:,} draws of the images", ["", "by chance", "on half", "finds"]
    )
    reasons: list[str] = []
    for gate, result in zip(found, run.gates, strict=True):
        title = page.text(f"{printable(gate.id)}  ", "bold")
        title.append_text(page.text(wording.gate_title(result), "not bold"))
        alone = len(gate.checks) == 1
        table.add_row(title, *map(page.text, [] if alone else _numbers(result, gate.whole)))
        chosen = _chosen(gate, every=every)
        for odds in chosen:
            key = wording.key_text(run, odds.key or "")
            if odds.class_index is not None:
                key += f", class {wording.class_name(run, odds.class_index)}"
            cells = map(page.text, _numbers(result, odds))
            table.add_row(Padding(page.text(key), (0, 0, 0, 2)), *cells)
        if more := len(gate.checks) - len(chosen):
            line = f"… {more} more (--verbose shows them)"
            table.add_row(Padding(page.text(line, "dim"), (0, 0, 0, 2)))
        reasons += [
            f"{printable(gate.id)}: {printable(odds.reason)}" for odds in gate.checks if odds.reason
        ]
    page.show(table)
    met = {_finds(gate.metric, odds) for gate in found for odds in (gate.whole, *gate.checks)}
    explained = [f"{cell}: {meaning}" for cell, meaning in _CELLS.items() if cell in met]
    for line in (*dict.fromkeys(reasons), *_EXPLAINED, *explained):
        page.print(line, "dim")


def _chosen(gate: GateOdds, *, every: bool) -> list[Odds]:
    """Return the checks with their own line: those most likely to fail by chance."""
    tried = [odds for odds in gate.checks if odds.by_chance is not None]
    if every or not tried:
        return list(gate.checks)
    return sorted(tried, key=lambda odds: -(odds.by_chance or 0.0))[:_SHOWN]


def _numbers(gate: GateResult, odds: Odds) -> list[str]:
    if odds.by_chance is None or odds.on_half is None:
        return [wording.NOTHING] * 3
    return [_percent(odds.by_chance), _percent(odds.on_half), _finds(gate.metric, odds)]


def _finds(metric: str, odds: Odds) -> str:
    if odds.by_chance is None:
        return wording.NOTHING
    if odds.finds is None:
        return _NOT_FOUND
    if not odds.finds:
        return _RED
    if PROBES.metric(metric).unit == "severity":  # its loss is one of accuracy
        return f"{odds.finds:z.4f}"
    return amount(metric, odds.finds)


def _percent(share: float) -> str:
    """Round, but never to a certainty."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{share:.1%}".replace("%", " %")

"""A metric over several runs: as a table for a terminal, and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rich.console import Group, RenderableType

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.report import figures, wording
from pytest_failcond.report.page import Page
from pytest_failcond.runs.history import METRIC_OF, Point, Question
from pytest_failcond.verdicts.gates import amount
from pytest_failcond.words.printing import printable

_TICKS = 12
_LONGEST, _LONGEST_TICK = 34, 17  # characters of a run's name: two lines of its column; a label
_DROP = "drop in accuracy"  # that of a gate is named by its gate
_EXPLAINED = "low, high: one-sided 95 % bounds; change: since the row before."
_DIRTY = "+ after a commit: files differed from it."


def title(question: Question) -> str:
    """Name the metric and its key."""
    text = f"{_noun(question)}, {printable(question.key)}"
    if question.at is not None:
        text += f" at {question.at:.1f} σ"
    if question.class_name is not None:
        text += f", class {printable(question.class_name)}"
    return text[0].upper() + text[1:]


def _noun(question: Question) -> str:
    return _DROP if question.metric == "drop" else METRICS[METRIC_OF[question.metric]].noun


def show(page: Page, points: Sequence[Point], question: Question) -> None:
    """Print a row per run; without any commit, that column is left out."""
    commits = ["commit"] if any(point.commit is not None for point in points) else []
    head = ["date", *commits, "run", "value", "low", "high", "change", "n"]
    table = page.table(title(question), head, left=2 + len(commits))
    for column in table.columns[: 1 + len(commits)]:
        column.no_wrap = True
    for point in points:
        run: list[RenderableType] = [page.text(_shortened(point.name, _LONGEST))]
        if point.other_inputs:
            other = " and ".join(point.other_inputs)
            run.append(page.text(f"other {other} than the newest", "yellow"))
        if point.missing:
            run.append(page.text(printable(point.missing), "yellow"))
        numbers = [
            _number(question, point, point.value),
            _number(question, point, point.low),
            _number(question, point, point.high),
            "" if point.change is None else _change(question, point.change),
            str(point.n or ""),
        ]
        table.add_row(
            page.text(_date(point)),
            *(page.text(_commit(point)) for _ in commits),
            Group(*run),
            *map(page.text, numbers),
        )
    page.show(table)
    dirty = any(point.commit is not None and point.dirty for point in points)
    page.print(f"{_EXPLAINED} {_DIRTY}" if dirty else _EXPLAINED, "dim")


def draw(points: Sequence[Point], question: Question) -> bytes:
    """Draw values with their bounds, runs of other inputs than the newest's hollow (PNG).

    Raises:
        FailcondError: no run has a value.
    """
    values = {i: point.value for i, point in enumerate(points) if point.value is not None}
    if not values:
        raise FailcondError("--plot: no run has a value to draw")
    width = min(max(4.8, 1.6 + 0.55 * len(points)), 14.0)
    figure = figures.new_figure((width, 3.7))
    axes = figure.add_axes((0.85 / width, 0.30, 1 - 1.05 / width, 0.58))
    kinds = (
        (
            "as the newest",
            figures.RIGHT,
            figures.RIGHT,
            [p for p in values if not points[p].other_inputs],
        ),
        ("other inputs", figures.FAINT, "white", [p for p in values if points[p].other_inputs]),
    )
    for label, colour, face, chosen in kinds:
        if chosen:
            errors = list(zip(*(_error(points[place]) for place in chosen), strict=True))
            style: dict[str, Any] = {"markerfacecolor": face, "capsize": 3, "linewidth": 1.2}
            axes.errorbar(chosen, [values[p] for p in chosen], yerr=errors, fmt="o",
                          color=colour, label=label, **style)  # fmt: skip
    for before, after in pairwise(values):
        if points[after].change is not None:
            pair = [values[before], values[after]]
            colour = figures.FAINT if points[after].other_inputs else figures.RIGHT
            axes.plot([before, after], pair, color=colour, linewidth=1.0, alpha=0.6)
    step = -(-len(points) // _TICKS)
    shown = range(len(points) - 1, -1, -step)
    axes.set_xticks(list(shown), [_tick(points, i) for i in shown],
                    fontsize=7.5, rotation=30, ha="right", rotation_mode="anchor",
                    color=figures.INK, parse_math=False)  # fmt: skip
    axes.set_xlim(-0.6, len(points) - 0.4)
    unit = ", σ" if _in_sigma(question) else ""
    axes.set_ylabel(f"{_noun(question)}{unit}", fontsize=9, color=figures.INK)
    axes.set_title(title(question), fontsize=10, loc="left", color=figures.INK, parse_math=False)
    axes.tick_params(labelsize=8, colors=figures.INK)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if all(chosen for *_, chosen in kinds):
        axes.legend(fontsize=8, frameon=False)
    return figures.to_png(figure)


def _error(point: Point) -> tuple[float, float]:
    """Return the distances of the bounds below and above the value; 0 if one is beyond the tested
    range.
    """
    assert point.value is not None
    low = point.value if point.low is None else point.low
    high = point.value if point.high is None else point.high
    return max(point.value - low, 0.0), max(high - point.value, 0.0)


def _date(point: Point) -> str:
    return wording.NOTHING if point.date is None else f"{point.date:%Y-%m-%d}"


def _commit(point: Point) -> str:
    if point.commit is None:
        return wording.NOTHING
    return printable(point.commit) + ("+" if point.dirty else "")


def _tick(points: Sequence[Point], place: int) -> str:
    """Label a point by date and commit; by its run's name if other points have the same."""
    point = points[place]
    alike = [p for p in points if (_date(p), _commit(p)) == (_date(point), _commit(point))]
    by_name = point.commit is None or len(alike) > 1
    return f"{_date(point)}\n{_shortened(point.name, _LONGEST_TICK) if by_name else _commit(point)}"


def _shortened(name: str, longest: int) -> str:
    """Leave out the middle of a long name: its ends are more distinctive."""
    text = printable(name)
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def _in_sigma(question: Question) -> bool:
    return METRICS[METRIC_OF[question.metric]].in_sigma


def _number(question: Question, point: Point, value: float | None) -> str:
    if point.missing:
        return wording.NOTHING
    return "beyond" if value is None else amount(METRIC_OF[question.metric], value)


def _change(question: Question, change: float) -> str:
    text = amount(METRIC_OF[question.metric], change)
    return text if text.startswith("-") else f"+{text}"

"""Accuracy by corruption and severity: a table whose cells are shaded by their error."""

from __future__ import annotations

from markupsafe import Markup

from pytest_failcond.report import wording
from pytest_failcond.report.grid import Cell, Grid
from pytest_failcond.report.html.parts import note, tag
from pytest_failcond.run import Run

_LEGEND = "Shaded by the share of errors; below the accuracy, the drop from clean, in points."


def heat_map(run: Run, grid: Grid) -> Markup:
    """Lay out the grid, clean beside it; numbers and signs say all that colours say."""
    titles = [tag("td", "")]
    if grid.clean is not None:
        titles.append(tag("th", "clean", scope="col"))
    titles.append(tag("th", "mean", scope="col"))
    if grid.judged:
        titles.append(tag("th", "judge", scope="col"))
    titles += [tag("th", str(s), scope="col", aria_label=f"severity {s}") for s in grid.severities]
    rows = [_row(grid, name, first=place == 0) for place, name in enumerate(grid.names)]
    table = tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *rows), class_="heat",
                aria_label="Accuracy by corruption and severity")  # fmt: skip
    remarks = [f"{grid.summary(run)} · {wording.constants(run)}", _LEGEND]
    remarks += [wording.JUDGE] if grid.judged else []
    return tag("div", table, class_="wide") + note(". ".join(r.rstrip(".") for r in remarks) + ".")


def _row(grid: Grid, name: str, *, first: bool) -> Markup:
    parts = [tag("th", name, scope="row")]
    if grid.clean is not None and first:
        parts.append(_cell(grid.clean, None, rowspan=str(len(grid.names))))
    parts.append(tag("td", wording.accuracy(grid.mean(name)), class_="aside"))
    if grid.judged:
        parts.append(tag("td", wording.accuracy(grid.judge_mean(name)), class_="aside"))
    clean = None if grid.clean is None else grid.clean.accuracy
    parts += [_cell(grid.cells.get((name, severity)), clean) for severity in grid.severities]
    return tag("tr", *parts)


def _cell(cell: Cell | None, clean: float | None, rowspan: str | None = None) -> Markup:
    if cell is None:
        return tag("td", wording.NOTHING, class_="aside")
    sign = ""
    if cell.status is not None:
        sign = tag("span", wording.SIGNS[cell.status], class_="mark", title=cell.status)
    if cell.accuracy is None:
        return tag("td", "error", sign, class_="error cell", rowspan=rowspan)
    parts = [f"{cell.accuracy:.4f}", sign]
    if clean is not None:
        parts.append(tag("small", _points(clean - cell.accuracy)))
    return tag("td", *parts, style=f"--error: {1 - cell.accuracy:.3f}", rowspan=rowspan,
               class_=f"cell {cell.status or ''}".strip())  # fmt: skip


def _points(drop: float) -> str:
    """Format a drop in percentage points: ``−1.8``, ``+0.2``."""
    points = -100 * drop
    return f"{'−' if points < 0 else '+'}{abs(points):.1f}" if abs(points) >= 0.05 else "±0.0"

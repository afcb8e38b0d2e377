"""Shares by row and column: a table whose cells are shaded by their error."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pytest_failcond.report import wording
from pytest_failcond.report.html.parts import note, tag
from pytest_failcond.words.drawings import Heat, Shade

_LEGEND = "Shaded by the share of errors; below the accuracy, the drop from clean, in points."


def draw(heat: Heat, name: str) -> list[Markup]:
    """Lay out the shares, clean beside them; numbers and signs repeat what colours show."""
    titles = [tag("td", "")]
    if heat.clean is not None:
        titles.append(tag("th", "clean", scope="col"))
    titles.append(tag("th", "mean", scope="col"))
    if heat.readable is not None:
        titles.append(tag("th", "readable", scope="col"))
    titles += [tag("th", s, scope="col", aria_label=f"severity {s}") for s in heat.columns]
    rows = [_row(heat, place) for place in range(len(heat.rows))]
    table = tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *rows), class_="heat",
                aria_label=name)  # fmt: skip
    readable = f" {wording.READABLE}." if heat.readable is not None else ""
    return [tag("div", table, class_="wide"), note(f"{_LEGEND}{readable}")]


def _row(heat: Heat, place: int) -> Markup:
    parts = [tag("th", heat.rows[place], scope="row")]
    if heat.clean is not None and place == 0:
        parts.append(_cell(heat.clean, None, rowspan=str(len(heat.rows))))
    asides: Sequence[float | None] = [heat.means[place]]
    if heat.readable is not None:
        asides = [*asides, heat.readable[0][place]]
    parts += [tag("td", wording.accuracy(value), class_="aside") for value in asides]
    clean = None if heat.clean is None else heat.clean.share
    return tag("tr", *parts, *(_cell(shade, clean) for shade in heat.cells[place]))


def _cell(shade: Shade | None, clean: float | None, rowspan: str | None = None) -> Markup:
    if shade is None:
        return tag("td", wording.NOTHING, class_="aside")
    sign = ""
    if shade.status is not None:
        sign = tag("span", wording.sign(shade.status), class_="mark", title=shade.status)
    if shade.share is None:
        return tag("td", "error", sign, class_="error cell", rowspan=rowspan)
    parts = [f"{shade.share:.4f}", sign]
    if clean is not None:
        parts.append(tag("small", _points(clean - shade.share)))
    return tag("td", *parts, style=f"--error: {1 - shade.share:.3f}", rowspan=rowspan,
               class_=f"cell {shade.status or ''}".strip())  # fmt: skip


def _points(drop: float) -> str:
    """Format a drop in percentage points: ``−1.8``, ``+0.2``."""
    points = -100 * drop
    return f"{'−' if points < 0 else '+'}{abs(points):.1f}" if abs(points) >= 0.05 else "±0.0"

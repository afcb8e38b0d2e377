"""Two classifiers on the same directions, drawn on one axis."""

from __future__ import annotations

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction import words as direction_text
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.regression.record import most_changed
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import wording
from pytest_failcond.report.figures import BROKEN, FAINT, INK, RIGHT, new_figure, to_png
from pytest_failcond.words.printing import printable

_COLUMNS, _PANEL = 3, (3.1, 2.1)
_EXPLAINED = "pale: beyond the valid range, where nothing is claimed; gray line: half are broken"


def shared_directions(a: Shown, b: Shown, a_name: str, b_name: str) -> bytes:
    """Draw the broken share over the shift for both, on the directions that differ most.

    Each panel is a direction; a curve turns pale beyond the valid range.

    Raises:
        FailcondError: they share no direction.
    """
    comparison = b.comparison
    if comparison is None or not comparison.directions:
        raise FailcondError("both have no common direction to plot; configure a generator")
    found = most_changed(comparison)
    rows = -(-len(found) // _COLUMNS)
    size = (_COLUMNS * _PANEL[0], rows * _PANEL[1] + 0.9)
    figure = new_figure(size, layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False, sharex=True, sharey=True)
    for place, axes in enumerate(grid.flat):
        if place >= len(found):
            axes.set_visible(False)
            continue
        key = found[place].key
        sides = (a, f"A  {a_name}", RIGHT, "-"), (b, f"B  {b_name}", BROKEN, "--")
        for run, name, colour, style in sides:
            direction = run.records[key]
            shift, tested = direction.curve.shift, direction.tested_to
            share = [count / direction.total for count in direction.curve.broken]
            claimed = sum(s <= tested + 1e-9 for s in shift)
            axes.plot(shift, share, color=colour, linestyle=style, linewidth=1.0, alpha=0.3)
            axes.plot(shift[:claimed], share[:claimed], color=colour, linestyle=style,
                      linewidth=2.0, label=_short(name, 60))  # fmt: skip
        axes.axhline(0.5, color=FAINT, linewidth=0.6)
        axes.set(ylim=(-0.03, 1.03))  # a curve along 0 or 1 stays visible
        title = _short(_title(b, b.records[key]), 44)
        axes.set_title(title, fontsize=8, loc="left", color=INK, parse_math=False)
        axes.tick_params(labelsize=7, colors=INK, labelbottom=place + _COLUMNS >= len(found))
        axes.spines[["top", "right"]].set_visible(False)
    shown, of = len(found), wording.count(len(comparison.directions), "shared direction")
    which = f"the {shown} of {of} that differ most" if shown < len(comparison.directions) else of
    figure.supxlabel(f"shift, σ\n{which}; {_EXPLAINED}", fontsize=9, color=INK)
    figure.supylabel("broken share of the start images", fontsize=9, color=INK)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    legend = figure.legend(
        handles, labels, loc="outside upper left", ncols=1, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return to_png(figure)


def _title(run: Shown, direction: Direction) -> str:
    """Name a direction without its rank, which belongs to one of the two."""
    name = wording.class_name(run, direction.class_index)
    return f"class {name}: {direction_text.dimension(direction)}"


def _short(text: str, longest: int) -> str:
    """Cut a name to the length that a figure has room for."""
    text = printable(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

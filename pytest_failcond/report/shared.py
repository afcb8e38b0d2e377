"""Two classifiers on the same directions, drawn on one axis.

The figure is made from its objects, without pyplot, so that no global state changes.
"""

from __future__ import annotations

import io
import warnings

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pytest_failcond.errors import FailcondError
from pytest_failcond.report import changes, wording
from pytest_failcond.run import Run

_COLUMNS, _PANEL = 3, (3.1, 2.0)
_DPI = 110
_INK, _FAINT = "#1a1a1a", "#8a8a8a"
_BEFORE, _AFTER = "#0072b2", "#d55e00"  # told apart by the colour-blind too


def shared_directions(a: Run, b: Run, a_name: str, b_name: str) -> bytes:
    """Draw the broken share over the shift for both, on the directions that differ most.

    Each panel is a direction; a curve turns faint where the judge no longer follows.

    Raises:
        FailcondError: they share no direction.
    """
    comparison = b.comparison
    found = [] if comparison is None else changes.shown_directions(comparison, every=False)[0]
    if not found:
        raise FailcondError("there is no direction of both to plot; configure a generator")
    rows = -(-len(found) // _COLUMNS)
    size = (_COLUMNS * _PANEL[0], rows * _PANEL[1] + 0.6)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white", layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False, sharex=True, sharey=True)
    for place, axes in enumerate(grid.flat):
        if place >= len(found):
            axes.set_visible(False)
            continue
        key = found[place].key
        for run, name, colour, style in ((a, a_name, _BEFORE, "-"), (b, b_name, _AFTER, "--")):
            direction = run.directions[key]
            shift, tested = direction.curve.shift, direction.tested_to
            share = [count / direction.total for count in direction.curve.broken]
            claimed = sum(s <= tested + 1e-9 for s in shift)
            axes.plot(shift, share, color=colour, linestyle=style, linewidth=1.0, alpha=0.3)
            axes.plot(shift[:claimed], share[:claimed], color=colour, linestyle=style,
                      linewidth=2.0, label=_short(name, 40))  # fmt: skip
        axes.axhline(0.5, color=_FAINT, linewidth=0.6)
        axes.set(ylim=(0, 1))
        title = _short(wording.title(b, b.directions[key]), 44)
        axes.set_title(title, fontsize=8, loc="left", color=_INK, parse_math=False)
        axes.tick_params(labelsize=7, colors=_INK, labelbottom=place + _COLUMNS >= len(found))
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("shift, σ", fontsize=9, color=_INK)
    figure.supylabel("broken share of the start images", fontsize=9, color=_INK)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    legend = figure.legend(
        handles, labels, loc="outside upper left", ncols=2, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return _to_png(figure)


def _short(text: str, longest: int) -> str:
    """Cut a name to the length that a figure has room for."""
    text = wording.printable(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _to_png(figure: Figure) -> bytes:
    """Encode a figure."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # of names in scripts that the font lacks
        warnings.simplefilter("ignore")
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()

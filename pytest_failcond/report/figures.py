"""Pictures of a run, as PNG bytes.

Figures are made from their objects, without pyplot, so that no global state changes.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from pytest_failcond.errors import FailcondError
from pytest_failcond.measurements import Direction
from pytest_failcond.report import contents, wording
from pytest_failcond.report.contents import Cell
from pytest_failcond.run import Run

INK, FAINT, _RED = "#1a1a1a", "#8a8a8a", "#b3261e"
RIGHT, BROKEN, _LOST = "#0072b2", "#d55e00", "#c4c4c4"  # told apart by the colour-blind too
_MAP = "cividis"
_DPI = 110
_LONGEST = 24


def heat_map(run: Run) -> bytes:
    """Draw accuracy by corruption and severity, the numbers in the cells, clean beside them.

    Raises:
        FailcondError: the run has no corruption cells.
    """
    grid = contents.grid_of(run)
    if grid is None:
        raise FailcondError("the run has no corruption cells to draw; configure corruptions")
    left = 0.0 if grid.clean is None else 1.15  # a gap sets the clean column apart
    width, height = left + len(grid.severities), len(grid.names)
    names = [short(name) for name in grid.names]
    margin = 0.35 + 0.085 * max(map(len, names))
    size = (margin + 0.78 * width + 0.1, 0.7 + 0.36 * height)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white")
    axes = figure.add_axes((margin / size[0], 0.08 / size[1], 0.78 * width / size[0],
                            0.36 * height / size[1]))  # fmt: skip
    axes.set(xlim=(0, width), ylim=(height, 0))
    for row, name in enumerate(grid.names):
        if grid.clean is not None:
            _draw_cell(axes, 0.0, row, grid.clean)
        for column, severity in enumerate(grid.severities):
            _draw_cell(axes, left + column, row, grid.cells.get((name, severity)))
    ticks = [left + column + 0.5 for column in range(len(grid.severities))]
    labels = [str(severity) for severity in grid.severities]
    if grid.clean is not None:
        ticks, labels = [0.5, *ticks], ["clean", *labels]
    axes.set_xticks(ticks, labels, color=INK, fontsize=9)
    axes.set_yticks(np.arange(height) + 0.5, names, color=INK, fontsize=9, parse_math=False)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    middle = (left + len(grid.severities) / 2) / width
    axes.text(middle, 1 + 0.3 / (0.36 * height), "severity", transform=axes.transAxes, ha="center",
              fontsize=9, color=INK)  # fmt: skip
    axes.spines[:].set_visible(False)
    return to_png(figure)


def _draw_cell(axes: Axes, x: float, y: float, cell: Cell | None) -> None:
    colour: Any = "#eeeeee"
    text, ink, hatch = wording.NOTHING, FAINT, None
    if cell is not None and cell.accuracy is not None:
        colour = colormaps[_MAP](cell.accuracy)
        text = f"{cell.accuracy:.3f}"
        ink = INK if np.dot(colour[:3], (0.2126, 0.7152, 0.0722)) > 0.45 else "white"
        if cell.status not in (None, "passed"):
            text += f" {wording.SIGNS[cell.status]}"
    elif cell is not None:
        text, ink, hatch = "error", _RED, "///"
    patch = Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", linewidth=1.5)
    if hatch:
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", hatch=hatch))
    else:
        axes.add_patch(patch)
    axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=9, color=ink)


def strip(run: Run, direction: Direction) -> bytes:
    """Draw one start image on its way along a direction, with what was seen in it beneath.

    Raises:
        FailcondError: the run was kept without this picture, or it is damaged.
    """
    frames = direction.strip
    images = _frames(run, direction)
    count = len(images)
    inches, lines = 1.25, 3 + (frames.judged is not None)
    beneath, above = 0.2 * lines + 0.1, 0.36
    size = (max(count * inches, 4.0), inches + beneath + above)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white")
    name = wording.class_name(run, direction.class_index)
    figure.text(0.05 / size[0], 1 - 0.14 / size[1], short(wording.title(run, direction), 90),
                fontsize=10, va="top", color=INK, parse_math=False)  # fmt: skip
    for position, image in enumerate(images):
        wrong = frames.predicted[position] != direction.class_index
        guess = short(wording.class_name(run, frames.predicted[position]), 11)
        axes = figure.add_axes(((position + 0.04) * inches / size[0], beneath / size[1],
                                0.92 * inches / size[0], 0.92 * inches / size[1]))  # fmt: skip
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color=_RED if wrong else FAINT, linewidth=2.0 if wrong else 0.8)
        said = [
            (f"{frames.shift[position]:.2f} σ", INK, "normal"),
            (f"p({short(name, 6)}) {wording.share(frames.p[position])}", INK, "normal"),
            (f"✗ {guess}" if wrong else f"✓ {guess}", _RED if wrong else INK,
             "bold" if wrong else "normal"),
        ]  # fmt: skip
        if frames.judged is not None:
            judged = frames.judged[position]
            seen = short(wording.class_name(run, judged), 7)
            lost = judged != direction.class_index
            said.append((f"judge {'✗' if lost else '✓'} {seen}", INK if lost else FAINT, "normal"))
        for line, (text, colour, weight) in enumerate(said):
            figure.text((position + 0.5) * inches / size[0], (beneath - 0.08 - 0.2 * line) / size[1],
                        text, ha="center", va="top", fontsize=8.5, color=colour, weight=weight,
                        parse_math=False)  # fmt: skip
    return to_png(figure)


def degradation(run: Run, direction: Direction) -> bytes:
    """Draw what becomes of the start images over the shift: right, broken, lost to the judge."""
    curve, total = direction.curve, direction.total
    shift = np.array(curve.shift)
    shares = np.array([curve.right, curve.lost, curve.broken]) / total
    figure = Figure(figsize=(6.4, 3.1), dpi=_DPI, facecolor="white")
    axes = figure.add_axes((0.1, 0.16, 0.6, 0.72))
    areas = axes.stackplot(shift, shares, colors=[RIGHT, _LOST, BROKEN], alpha=0.85,
                           labels=["still right", "lost to the judge", "broken"])  # fmt: skip
    areas[2].set(hatch="////", edgecolor="white", linewidth=0.0)
    axes.plot(shift, curve.mean_p, color=INK, linewidth=1.5, linestyle=":", marker=".",
              label="mean p(class)")  # fmt: skip
    axes.axhline(0.5, color="white", linewidth=0.8)
    end = max(float(shift[-1]), 0.5)
    tested = direction.tested_to
    if direction.valid_range is not None:
        if tested < end:
            axes.axvspan(tested, end, color="white", alpha=0.65, linewidth=0)
        axes.axvline(tested, color=INK, linestyle="--", linewidth=1.3,
                     label=f"valid to {wording.sigma(tested)}")  # fmt: skip
    broken_at = direction.breaking_shift
    if broken_at is not None and broken_at <= tested:
        axes.axvline(broken_at, color=INK,
            linewidth=2.2,
                     label=f"breaks at {wording.sigma(broken_at)}")  # fmt: skip
    axes.set(xlim=(0, end), ylim=(0, 1))
    axes.set_xlabel("shift, σ", fontsize=9, color=INK)
    axes.set_ylabel("share of start images", fontsize=9, color=INK)
    axes.set_title(short(wording.title(run, direction), 60), fontsize=10, loc="left", color=INK,
                   parse_math=False)  # fmt: skip
    axes.tick_params(labelsize=8, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return to_png(figure)


def _frames(run: Run, direction: Direction) -> list[npt.NDArray[np.uint8]]:
    """Return the frames of a direction's picture, gray ``[H, W]`` or colour ``[H, W, 3]``."""
    file = direction.strip.file
    content = run.picture(file)
    if content is None:
        raise FailcondError(f"{direction.key}: the run was kept without its picture, {file}")
    try:
        with Image.open(io.BytesIO(content)) as picture:
            pixels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
        return np.split(pixels, len(direction.strip.shift), axis=1)
    except (OSError, ValueError) as error:
        raise FailcondError(
            f"{direction.key}: its picture, {file}, is damaged ({error})"
        ) from error


def short(text: str, longest: int = _LONGEST) -> str:
    """Cut a name to the length that a figure has room for."""
    text = wording.printable(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def to_png(figure: Figure) -> bytes:
    """Encode a figure."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # of names in scripts that the font lacks
        warnings.simplefilter("ignore")
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()

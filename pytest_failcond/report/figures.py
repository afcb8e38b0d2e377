"""The common parts of plots: colours, and figures as PNG.

Figures are made from their objects, without pyplot, so that no global state changes. matplotlib is an
extra, and imported here alone.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import text_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110
INK, FAINT = "#1a1a1a", "#8a8a8a"
RIGHT, BROKEN = "#0072b2", "#d55e00"  # told apart by the colour-blind too


def check_plots() -> None:
    """Refuse to plot without matplotlib, before anything is measured.

    Raises:
        FailcondError: it is not installed, or cannot be imported.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise FailcondError(
            f"--plot: plots need matplotlib, which cannot be imported ({text_of(error)}); pip "
            f"install 'pytest-failcond[plots]' installs it"
        ) from error


def new_figure(size: tuple[float, float], **options: Any) -> Figure:
    """Make an empty figure of a size in inches."""
    check_plots()
    from matplotlib.figure import Figure

    return Figure(figsize=size, dpi=DPI, facecolor="white", **options)


def to_png(figure: Figure) -> bytes:
    """Encode a figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # of names in scripts that the font lacks
        warnings.simplefilter("ignore")
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()

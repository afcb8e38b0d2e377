"""What the plots share: colours, and how a figure becomes a PNG.

Figures are made from their objects, without pyplot, so that no global state changes.
"""

from __future__ import annotations

import io
import warnings

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 110
INK, FAINT = "#1a1a1a", "#8a8a8a"
RIGHT, BROKEN = "#0072b2", "#d55e00"  # told apart by the colour-blind too


def to_png(figure: Figure) -> bytes:
    """Encode a figure."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # of names in scripts that the font lacks
        warnings.simplefilter("ignore")
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()

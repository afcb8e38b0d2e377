"""What figures have in common: colours, names cut to size, PNG bytes.

Figures are made from their objects, without pyplot, so that no global state changes.
"""

from __future__ import annotations

import io
import warnings

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pytest_failcond.report import wording

INK, FAINT = "#1a1a1a", "#8a8a8a"
RIGHT, BROKEN = "#0072b2", "#d55e00"  # told apart by the colour-blind too
_LONGEST = 24


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

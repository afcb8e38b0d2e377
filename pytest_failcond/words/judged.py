"""What a judge's label is called: a class, or none of these."""

from __future__ import annotations

from collections.abc import Sequence

NONE_OF_THESE = "none of these"


def judged_name(names: Sequence[str], label: int) -> str:
    """Return the class that a judge takes an image for; its output beyond the classes means none."""
    return names[label] if label < len(names) else NONE_OF_THESE

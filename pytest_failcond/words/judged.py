"""What a judge's label is called: a class, or none of these."""

from __future__ import annotations

from collections.abc import Sequence

NONE_OF_THESE = "none of these"
NO_JUDGE = (
    "no judge is configured: neither the generator's fitness nor the validity of its images is judged, "
    "so images that break the classifier may show nothing; train judges by `failcond judge` and name "
    'them by judge = "FILE"'
)
"""What reports and commands say of directions that no judge followed."""


def judged_name(names: Sequence[str], label: int) -> str:
    """Return the class that a judge takes an image for; its output beyond the classes means none."""
    return names[label] if label < len(names) else NONE_OF_THESE


def the(name: str) -> str:
    """Return a model's name within a sentence: ``the classifier``, ``the judge``; ``judge 1``."""
    return name if name[-1:].isdigit() else f"the {name}"

"""The two ways in which pytest-failcond speaks up."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pytest_failcond.printing import printable


class FailcondError(Exception):
    """Something the user can mend: one sentence that names the key or file, and the remedy.

    What users named in it is shown by escapes, where it is not printable.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class FailcondWarning(UserWarning):
    """Something the user should know, though the measurement is sound."""

    def __str__(self) -> str:
        return printable(super().__str__())


NO_GENERATOR = (
    'generator: none is configured; set generator = "file.safetensors" in [tool.failcond] '
    "(`failcond train` makes one)"
)
"""What whoever needs a generator says where there is none."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known name, or the list of known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""

"""The two ways in which pytest-failcond speaks up."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pytest_failcond.words.printing import printable

_COMPARED = 200  # characters of a mistyped name
_LISTED = 30  # known names


class FailcondError(Exception):
    """Something the user can mend: one sentence that names the key or file, and the remedy.

    What users named in it is shown by escapes, where it is not printable.

    Attributes:
        may_pass: set where it is known of a record; see `may_pass`.
    """

    may_pass = False

    def __str__(self) -> str:
        return printable(super().__str__())


class FailcondWarning(UserWarning):
    """Something the user should know, though the measurement is sound."""

    def __str__(self) -> str:
        return printable(super().__str__())


def unreadable(error: OSError) -> str:
    """Say in one sentence which file cannot be used, and why."""
    where = "" if error.filename is None else f"{error.filename}: "
    return printable(f"{where}{error.strerror or error}; give another place")


NO_GENERATOR = (
    'generator: none is configured; set generator = "file.safetensors" in [tool.failcond] '
    "(`failcond train` makes one)"
)
"""What whoever needs a generator says where there is none."""


def may_pass(error: BaseException | None) -> bool:
    """Whether what failed may go well if it is tried again: beneath it lies no error of ours.

    An exception of the user's model or of the system may come once and not again; a wrong shape, or a
    judge that accepts too few, stays.
    """
    while isinstance(error, FailcondError):
        if error.may_pass:
            return True
        error = error.__cause__
    return error is not None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known name, or the list of known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name[:_COMPARED], names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    more = f", … and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"; known: {', '.join(names[:_LISTED])}{more}" if names else ""

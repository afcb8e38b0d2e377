"""The error and the warning of pytest-failcond, and the parts that their sentences share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pytest_failcond.words.printing import printable

_COMPARED = 200  # characters of a mistyped name
_LISTED = 30  # known names


class FailcondError(Exception):
    """A fault that the user can mend: one sentence that names the key or file, and the remedy.

    Names from users are escaped in it if they are not printable.

    Attributes:
        may_pass: set if it is known from a record; see `may_pass`.
    """

    may_pass = False

    def __str__(self) -> str:
        return printable(super().__str__())


class NotEvaluated(FailcondError):  # noqa: N818 - it is no error, but a verdict
    """Nothing can be claimed, though nothing went wrong; the sentence says why, and what to do."""


class FailcondWarning(UserWarning):
    """A fact that the user should know, though the measurement is sound."""

    def __str__(self) -> str:
        return printable(super().__str__())


def unreadable(error: OSError) -> str:
    """Say in one sentence which file cannot be used, and why."""
    where = "" if error.filename is None else f"{error.filename}: "
    return printable(f"{where}{error.strerror or error}; give another place")


NO_GENERATOR = (
    'generator: none is configured; set generator = "file.safetensors" in the configuration '
    "(`failcond train` makes one, `failcond convert` makes one of another program's checkpoint)"
)
"""The sentence of every part that needs a generator and finds none."""


def may_pass(error: BaseException | None) -> bool:
    """Whether a failed attempt may succeed when repeated: its cause is not an error of ours.

    An exception of the user's model or of the system may come once and not again; a wrong shape, or
    a judge that accepts too few, is final.
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

"""What stands on the stack for the file's classes and functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_failcond.foreign.bounds import Maker, Reading


@dataclass(frozen=True)
class StandIn:
    """A class or function of the file.

    Attributes:
        make: our function for it, which checks its arguments.
    """

    make: Maker


@dataclass(frozen=True)
class Unread:
    """A class whose files are known, and cannot be read.

    Attributes:
        clause: the kind of file.
        remedy: what the user can do.
    """

    clause: str
    remedy: str


@dataclass(eq=False, slots=True)
class Pending:
    """An object of NumPy that is complete when it has its state.

    Attributes:
        complete: makes it of its state.
        places: its indices in the pickle's memo.
    """

    complete: Callable[[Any, Reading], Any]
    places: list[int] = field(default_factory=list)

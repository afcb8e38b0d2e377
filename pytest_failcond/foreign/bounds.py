"""Limits of what a foreign file may cost, and the refusal of one that asks for more."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

from pytest_failcond.storage.reading import shown

STEPS = 1_000_000  # opcodes of a file; 100,000 are many for a real one
STACK = 100_000  # values that wait on the stack; pickle sends them in batches of 1,000
MARKS = 1_000  # lists, tuples and dictionaries that are begun and not ended
NAME = 200  # bytes of a module's or a class's name
LONG = 255  # bytes of a whole number
NESTED = 2  # pickles within one another; NVIDIA's files have a pickle for each storage
_COPIES = 4  # copied bytes per byte of the file: texts, and numbers that are widened
_VIEWS = 16  # bytes of tensors per byte of the file, where tensors share a storage
_FEW_COPIES, _FEW_VIEWS = 4 << 20, 64 << 20  # bytes that a file of any size may use

DAMAGED = "the file is damaged, or made to do harm: get it again from its author"
AGAIN = "copy the file again"
SAVE_STATE = (
    "if you trust its author, load it where its code is and save the network's state_dict() alone"
)

Source: TypeAlias = bytes | mmap.mmap
"""The bytes of a file, or a map of them; a slice of either is a copy."""


class Refused(Exception):  # noqa: N818 - the file is at fault
    """A foreign file is not read.

    Attributes:
        clause: the reason, without the file's name: "it names os.system, …".
        remedy: what the user can do.
    """

    def __init__(self, clause: str, remedy: str = DAMAGED):
        super().__init__(clause)
        self.clause, self.remedy = clause, remedy


class Budget:
    """What is left to a file, for all its pickles together."""

    def __init__(self, size: int):
        self.steps = STEPS
        self.copies = _COPIES * size + _FEW_COPIES
        self.views = _VIEWS * size + _FEW_VIEWS

    def step(self, count: int = 1) -> None:
        """Charge opcodes, or the values that a function of ours goes through."""
        self.steps -= count
        if self.steps < 0:
            raise Refused("its pickle takes more steps than any checkpoint")

    def copy(self, count: int) -> None:
        """Charge bytes that are copied, before they are."""
        self.copies -= count
        if self.copies < 0:
            raise Refused("its texts and numbers take far more memory than the file has bytes")

    def view(self, count: int) -> None:
        """Charge the bytes of a tensor, which may share its storage with others."""
        self.views -= count
        if self.views < 0:
            raise Refused("its tensors have far more numbers than the file")


@dataclass(frozen=True)
class Reading:
    """What all pickles of one file share.

    Attributes:
        budget: what is left to them.
        names: the objects that stand for a (module, name).
        depth: pickles around this one.
    """

    budget: Budget
    names: Mapping[tuple[str, str], Any]
    depth: int = 0


Maker: TypeAlias = Callable[[tuple[Any, ...], Reading], Any]
"""A function of ours in place of one that the file names; it checks its arguments."""


def is_text(value: object, *texts: str) -> TypeGuard[str]:
    """Whether a value is one of some texts; an array is compared with nothing, number by number."""
    return type(value) is str and value in texts


_KINDS = {"Inert": "an object", "Pending": "half an array", "ndarray": "an array",
          "StandIn": "a class", "StorageType": "a class", "bytes": "bytes",
          "Storage": "a storage"}  # fmt: skip


def told(value: object) -> str:
    """Name a value in a sentence: itself if it is short and plain, its type otherwise."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of many digits"
    if value is None or isinstance(value, bool | int | float | str):
        return shown(value)
    name = type(value).__name__
    return _KINDS.get(name) or f"a {name}"

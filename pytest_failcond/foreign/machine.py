"""The state of a pickle that is being read: where in its bytes, its stack and its memo."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

from pytest_failcond.foreign.bounds import AGAIN, NAME, Reading, Refused, Source
from pytest_failcond.foreign.stand_ins import Pending

Persistent: TypeAlias = Callable[[Any], Any]
"""Makes an object of a persistent ID."""


def decoded(text: bytes, encoding: str) -> str:
    """Return a text of the file."""
    try:
        return text.decode(encoding)
    except UnicodeDecodeError:
        raise Refused(f"it has a text that is not {encoding.upper()}") from None


class Machine:
    """A pickle that is being read.

    Args:
        source: the file, or part of it.
        start: of the pickle in it.
        end: of the bytes that may belong to it.
        reading: what is shared with the other pickles of the file.
        persistent: makes an object of a persistent ID; None: there must be none.
    """

    def __init__(
        self,
        source: Source,
        start: int,
        end: int,
        reading: Reading,
        persistent: Persistent | None = None,
    ):
        self.source, self.position, self.end = source, start, end
        self.reading, self.persistent = reading, persistent
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []  # the stack below each mark
        self.memo: dict[int, Any] = {}

    def take(self, count: int) -> bytes:
        """Return the next bytes; a length beyond the file's end is refused before anything is
        allocated.
        """
        start, self.position = self.position, self.position + count
        if self.position > self.end:
            raise Refused("it ends within its pickle: it is truncated", AGAIN)
        return self.source[start : self.position]

    def number(self, form: str) -> int:
        """Return the next number, by its `struct` form."""
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(value)

    def literal(self, form: str) -> bytes:
        """Return the bytes behind their own length."""
        data = self.take(self.number(form))
        self.reading.budget.copy(len(data))
        return data

    def line(self) -> str:
        """Return the part of a name that ends with the line."""
        end = self.source.find(b"\n", self.position, min(self.end, self.position + NAME + 1))
        if end < 0:
            raise Refused(f"it has a name of more than {NAME} bytes, or ends within one")
        text = self.take(end + 1 - self.position)[:-1]
        return decoded(text, "ascii")

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the top value."""
        if not self.stack:
            raise Refused("its pickle takes a value from an empty stack")
        return self.stack.pop()

    def top(self) -> Any:
        """Return the top value, which stays."""
        if not self.stack:
            raise Refused("its pickle uses a value of an empty stack")
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        """Take the values above the last mark."""
        if not self.outer:
            raise Refused("its pickle ends a list that it did not begin")
        values, self.stack = self.stack, self.outer.pop()
        return values

    def get(self, index: int) -> None:
        """Push a value of the memo."""
        if index not in self.memo:
            raise Refused(f"its pickle recalls value {index}, which it did not store")
        self.stack.append(self.memo[index])

    def put(self, index: int) -> None:
        """Store the top value in the memo, whose indices may have gaps of any size."""
        value = self.memo[index] = self.top()
        if type(value) is Pending:
            value.places.append(index)

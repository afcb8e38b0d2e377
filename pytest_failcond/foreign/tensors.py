"""Storages and tensors of torch: views of a file's bytes, checked before they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_failcond.foreign.bounds import AGAIN, Budget, Refused, told

Array: TypeAlias = npt.NDArray[Any]
_MOST_AXES = 32  # that NumPy 1 has
_LARGEST = 1 << 48  # of a size, an offset or a stride: no sum or product of Python's overflows


@dataclass(frozen=True)
class StorageType:
    """A class of torch's storages.

    Attributes:
        name: of the class, without its module.
        stored: type of its numbers in a file, little endian.
        widened: type of the numbers that are handed on.
    """

    name: str
    stored: np.dtype[Any]
    widened: np.dtype[Any]

    def read(self, data: memoryview, budget: Budget) -> Array:
        """Return the numbers, read-only: a view of the bytes if their type is NumPy's own."""
        numbers: Array = np.frombuffer(data, self.stored)
        if self.stored != self.widened:
            budget.copy(numbers.size * self.widened.itemsize)
            if self.name == "BFloat16Storage":  # the upper half of a float32
                numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
            else:
                numbers = numbers.astype(self.widened)  # a bool of another byte than 0 or 1 is true
            numbers.flags.writeable = False
        return numbers


_TYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2 <f4",
          "BFloat16Storage": "<u2 <f4", "LongStorage": "<i8", "IntStorage": "<i4",
          "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1",
          "BoolStorage": "u1 ?"}  # fmt: skip
STORAGE_TYPES = {
    name: StorageType(name, np.dtype(types.split()[0]), np.dtype(types.split()[-1]))
    for name, types in _TYPES.items()
}
"""The classes of storages whose tensors are read, by name; they are in the module ``torch``."""


@dataclass(eq=False)
class Storage:
    """The numbers of one or more tensors.

    Attributes:
        kind: the type of its numbers.
        count: of its numbers.
        budget: of the file.
        data: its bytes; None while their place in the file is not known.
    """

    kind: StorageType
    count: int
    budget: Budget
    data: memoryview | None = None

    def place(self, data: memoryview) -> None:
        """Give it its bytes."""
        expected = self.count * self.kind.stored.itemsize
        if len(data) != expected:
            raise Refused(f"it has {len(data)} bytes for a storage of {expected}", AGAIN)
        self.data = data

    @cached_property
    def numbers(self) -> Array:
        """All its numbers, read-only."""
        assert self.data is not None
        return self.kind.read(self.data, self.budget)


def storage_of(kind: Any, count: Any, budget: Budget) -> Storage:
    """Return a storage without its bytes."""
    if type(kind) is not StorageType or not _whole(count):
        of = kind.name if type(kind) is StorageType else told(kind)
        raise Refused(f"it asks for {told(count)} numbers in a storage of {of}")
    return Storage(kind, count, budget)


def tensor(arguments: tuple[Any, ...], budget: Budget) -> Array:
    """Return a tensor as a view of its storage.

    Args:
        arguments: storage, offset, shape and strides (all in numbers, none in bytes); more are
            about gradients and are ignored.
        budget: of the file.

    Returns:
        A read-only array of its shape; an empty one while the storage has no bytes.
    """
    if not 4 <= len(arguments) <= 7 or type(arguments[0]) is not Storage:
        raise Refused("it asks for a tensor of something else than a storage")
    storage, offset, shape, strides = arguments[:4]
    if type(shape) is not tuple or type(strides) is not tuple or len(shape) != len(strides):
        raise Refused(
            "it asks for a tensor whose sizes and steps are not in two tuples of one length"
        )
    if len(shape) > _MOST_AXES or not all(map(_whole, (offset, *shape, *strides))):
        raise Refused(
            f"it asks for a tensor from {told(offset)} with sizes {_list(shape)}, steps {_list(strides)}"
        )
    size = math.prod(shape)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if size and not last < storage.count:
        raise Refused(
            f"it has a tensor that reaches to number {last + 1:,} of a storage that has {storage.count:,}"
        )
    itemsize = storage.kind.widened.itemsize
    budget.view(size * itemsize)
    if not size:
        return no_numbers(shape, storage.kind.widened)
    if storage.data is None:
        return no_numbers((0,), storage.kind.widened)
    # The step along an axis of size 1 means nothing, and may be any.
    steps = [step * itemsize if n > 1 else 0 for n, step in zip(shape, strides, strict=True)]
    numbers = storage.numbers
    return np.ndarray(shape, numbers.dtype, numbers.data, offset * itemsize, steps)


def no_numbers(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array of a shape in which there is a 0."""
    if math.prod(n for n in shape if n) >= _LARGEST:
        raise Refused(f"it has an array of the shape {_list(shape)}")
    return np.empty(shape, dtype)


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _list(values: tuple[Any, ...]) -> str:
    return f"({', '.join(map(told, values[:4]))}{', …' if len(values) > 4 else ''})"

"""NumPy's arrays, numbers and their types in a pickle."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from pytest_failcond.foreign.bounds import Reading, Refused, is_text, told
from pytest_failcond.foreign.stand_ins import Pending, StandIn
from pytest_failcond.foreign.tensors import Array, no_numbers

_CODES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}
_MOST_AXES = 32


def _dtype(arguments: tuple[Any, ...], reading: Reading) -> Pending:
    code = arguments[0] if arguments else None
    if not is_text(code, *_CODES):
        raise Refused(f"it has an array of NumPy's type {told(code)}, which is no type of numbers")
    return Pending(partial(_ordered, code))


def _ordered(code: str, state: Any, reading: Reading) -> np.dtype[Any]:
    """Return a type, from its state: version, byte order, and more that plain numbers lack."""
    order = state[1] if type(state) is tuple and len(state) > 1 else None
    if not is_text(order, "<", "|", "="):
        raise Refused(f"it has an array with the byte order {told(order)}, where '<' is read")
    return np.dtype(f"<{code}")


def _empty(arguments: tuple[Any, ...], reading: Reading) -> Pending:
    if not arguments or arguments[0] is not NDARRAY:
        raise Refused("it has an array of a class that is not NumPy's own")
    return Pending(_filled)


def _filled(state: Any, reading: Reading) -> Array:
    """Return an array, from its state: version, shape, type, whether Fortran's order, bytes."""
    if type(state) is not tuple or len(state) != 5 or type(state[3]) is not bool:
        raise Refused(f"it has an array with the state {told(state)}")
    _, shape, dtype, fortran, data = state
    return _array(data, dtype, shape, "F" if fortran else "C", reading)


def _from_buffer(arguments: tuple[Any, ...], reading: Reading) -> Array:
    if len(arguments) != 4 or not is_text(arguments[3], "C", "F"):
        raise Refused("it has an array with other parts than bytes, type, shape and order")
    data, dtype, shape, order = arguments
    return _array(data, dtype, shape, order, reading)


def _array(data: Any, dtype: Any, shape: Any, order: Any, reading: Reading) -> Array:
    if type(shape) is not tuple or len(shape) > _MOST_AXES or not all(map(_whole, shape)):
        raise Refused("it has an array whose shape is not a tuple of a few whole numbers")
    if not isinstance(dtype, np.dtype) or type(data) is not bytes:
        raise Refused(f"it has an array without its type or its bytes, but {told(data)}")
    size = math.prod(shape)
    if size * dtype.itemsize != len(data):
        raise Refused(f"it has {len(data)} bytes for an array of {size * dtype.itemsize}")
    if not size:
        return no_numbers(shape, dtype)
    if dtype == np.bool_:  # another byte than 0 or 1 is true
        reading.budget.copy(size)
        data, dtype = (np.frombuffer(data, np.uint8) != 0).tobytes(), np.dtype(np.bool_)
    return np.ndarray(shape, dtype, data, order=order)


def _scalar(arguments: tuple[Any, ...], reading: Reading) -> Any:
    if len(arguments) != 2:
        raise Refused("it has a number of NumPy's without its type or its bytes")
    return _array(arguments[1], arguments[0], (), "C", reading).item()


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _never(arguments: tuple[Any, ...], reading: Reading) -> Any:
    raise Refused("it makes an array of NumPy's without bytes")


NDARRAY = StandIn(_never)
NAMES = {
    ("numpy", "ndarray"): NDARRAY,
    ("numpy", "dtype"): StandIn(_dtype),
    **{
        (f"numpy.{core}.{module}", name): StandIn(make)
        for core in ("core", "_core")
        for module, name, make in (
            ("multiarray", "_reconstruct", _empty),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}

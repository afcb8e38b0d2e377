"""The names that a foreign file may use, and our function for each: no other is read, and none imported."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pytest_failcond.foreign import arrays
from pytest_failcond.foreign.bounds import NESTED, Reading, Refused, is_text, told
from pytest_failcond.foreign.legacy import read_legacy
from pytest_failcond.foreign.opcodes import check_keys
from pytest_failcond.foreign.stand_ins import StandIn, Unread
from pytest_failcond.foreign.tensors import STORAGE_TYPES, Array, Storage, tensor
from pytest_failcond.foreign.values import Inert

PERSISTENT = ("torch_utils.persistence", "_reconstruct_persistent_obj")
"""The function that makes a network of NVIDIA's from the source text in its only argument."""


def _inert(module: str, name: str, arguments: tuple[Any, ...], reading: Reading) -> Inert:
    if arguments:
        raise Refused(f"it makes {module}.{name} with arguments")
    return Inert(module, name)


def _persistent(arguments: tuple[Any, ...], reading: Reading) -> Inert:
    if len(arguments) != 1 or type(arguments[0]) is not dict:
        raise Refused("it has a network of NVIDIA's without its description")
    return Inert(*PERSISTENT, arguments=arguments)


def _dict(arguments: tuple[Any, ...], reading: Reading) -> dict[Any, Any]:
    """Return a dict, of nothing or of a list of pairs."""
    pairs = arguments[0] if len(arguments) == 1 else []
    if len(arguments) > 1 or type(pairs) is not list:
        raise Refused("it makes a dict of something else than pairs")
    reading.budget.step(len(pairs))
    if not all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs):
        raise Refused("it makes a dict of something else than pairs")
    check_keys([key for key, _ in pairs])
    return dict(pairs)


def _set(kind: type[Any], arguments: tuple[Any, ...], reading: Reading) -> Any:
    values = arguments[0] if len(arguments) == 1 else None
    if type(values) is not list:
        raise Refused("it makes a set of something else than a list")
    reading.budget.step(len(values))
    check_keys(values)
    return kind(values)


def _encode(arguments: tuple[Any, ...], reading: Reading) -> bytes:
    """Return bytes, which protocol 2 writes as a text in Latin 1."""
    if len(arguments) != 2 or type(arguments[0]) is not str or not is_text(arguments[1], "latin1"):
        raise Refused("it encodes something else than a text in latin1")
    reading.budget.copy(len(arguments[0]))
    try:
        return arguments[0].encode("latin-1")
    except UnicodeEncodeError:
        raise Refused("it has bytes as a text that is not Latin 1") from None


def _bytes(arguments: tuple[Any, ...], reading: Reading) -> bytes:
    """Return no bytes, or those of a bytearray."""
    if not arguments:
        return b""
    if len(arguments) > 1 or type(arguments[0]) is not bytes:
        raise Refused("it makes bytes of something else than bytes")
    return arguments[0]


def _size(arguments: tuple[Any, ...], reading: Reading) -> tuple[int, ...]:
    sizes = arguments[0] if len(arguments) == 1 else None
    if type(sizes) is not tuple or len(sizes) > 32 or not all(type(n) is int for n in sizes):
        raise Refused("it has a size that is not a tuple of whole numbers")
    return sizes


def _device(arguments: tuple[Any, ...], reading: Reading) -> str:
    """Return a device's name, with its index if it has one."""
    kinds = [type(part) for part in arguments[:3]]
    if kinds == [str]:
        return str(arguments[0])
    if kinds != [str, int]:
        raise Refused("it has a device without its name")
    return f"{arguments[0]}:{told(arguments[1])}"


def _tensor(arguments: tuple[Any, ...], reading: Reading) -> Array:
    return tensor(arguments, reading.budget)


def _parameter(arguments: tuple[Any, ...], reading: Reading) -> Array:
    """Return a parameter's tensor; whether it has gradients is left out."""
    if not 1 <= len(arguments) <= 4 or not isinstance(arguments[0], np.ndarray):
        raise Refused("it has a parameter that is not a tensor")
    return arguments[0]


def _load(arguments: tuple[Any, ...], reading: Reading) -> Storage:
    """Return the storage of the pickle within the pickle."""
    data = arguments[0] if len(arguments) == 1 else None
    if type(data) is not bytes:
        raise Refused(f"it has a storage in {told(data)}, where bytes are expected")
    if reading.depth >= NESTED:
        raise Refused(f"it has pickles within one another, more than {NESTED} levels deep")
    found = read_legacy(data, 0, len(data), replace(reading, depth=reading.depth + 1))
    if type(found) is not Storage:
        raise Refused(f"it has {told(found)} where a storage of its own is expected")
    return found


_TENSORFLOW = Unread(
    "it is a network of TensorFlow's",
    "convert it to PyTorch first: legacy.py of NVIDIA's stylegan2-ada-pytorch does",
)

NAMES: dict[tuple[str, str], Any] = {
    PERSISTENT: StandIn(_persistent),
    ("dnnlib.util", "EasyDict"): StandIn(_dict),
    ("collections", "OrderedDict"): StandIn(_dict),
    ("argparse", "Namespace"): StandIn(partial(_inert, "argparse", "Namespace")),
    ("_codecs", "encode"): StandIn(_encode),
    ("torch", "Size"): StandIn(_size),
    ("torch", "device"): StandIn(_device),
    ("torch._utils", "_rebuild_tensor"): StandIn(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): StandIn(_tensor),
    ("torch._utils", "_rebuild_parameter"): StandIn(_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): StandIn(_parameter),
    ("torch.storage", "_load_from_bytes"): StandIn(_load),
    **{("torch", name): kind for name, kind in STORAGE_TYPES.items()},
    **{
        (module, kind.__name__): StandIn(make)
        for module in ("builtins", "__builtin__")
        for kind, make in (
            (set, partial(_set, set)),
            (frozenset, partial(_set, frozenset)),
            (bytes, _bytes),
            (bytearray, _bytes),
        )
    },
    **arrays.NAMES,
    ("dnnlib.tflib.network", "Network"): _TENSORFLOW,
}

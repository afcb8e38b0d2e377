"""Arrays as short text in JSON."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt


def pack(values: npt.NDArray[Any], kind: str = "<u2") -> str:
    """Compress small non-negative integers ``[N]``: zlib over little-endian uint16, in base64."""
    return base64.b64encode(zlib.compress(values.astype(kind).tobytes(), 9)).decode("ascii")


def unpack(text: str, kind: str = "<u2") -> npt.NDArray[np.int64]:
    """Read what `pack` wrote."""
    raw = zlib.decompress(base64.b64decode(text, validate=True))
    return np.frombuffer(raw, dtype=kind).astype(np.int64)


def pack_bits(values: npt.NDArray[np.bool_]) -> str:
    """Compress truth values of any shape: zlib over their bits, in base64."""
    return base64.b64encode(zlib.compress(np.packbits(values).tobytes(), 9)).decode("ascii")


def unpack_bits(text: str, *shape: int) -> npt.NDArray[np.bool_]:
    """Read what `pack_bits` wrote."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), dtype=np.uint8)
    return np.unpackbits(raw, count=int(np.prod(shape))).reshape(shape).astype(bool)

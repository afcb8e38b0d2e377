"""Arrays as short text in JSON. A reader gives the largest size before anything is inflated."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_IMAGES = 20_000_000
MOST_TRUTHS = 50_000_000
_MOST_PREDICTIONS = 64_000_000  # of all measurements and the labels: 512 MB once read


def pack(values: npt.NDArray[Any], kind: str = "<u2") -> str:
    """Compress numbers ``[N]``, small and not negative by default: zlib over little-endian uint16, in base64."""
    return base64.b64encode(zlib.compress(values.astype(kind).tobytes(), 9)).decode("ascii")


def unpack(text: str, kind: str = "<u2", *, count: int | None = None) -> npt.NDArray[np.int64]:
    """Read the text of `pack`.

    Args:
        text: packed numbers.
        kind: as they were packed.
        count: how many there must be; None: at most `MOST_IMAGES`.

    Raises:
        ValueError: it is damaged, or holds another number of them.
    """
    size = np.dtype(kind).itemsize
    raw = _inflate(text, size * (MOST_IMAGES if count is None else count))
    if len(raw) % size or count not in (None, len(raw) // size):
        raise ValueError(
            f"packed numbers: {len(raw)} bytes, where {count or 'whole'} numbers belong"
        )
    return np.frombuffer(raw, dtype=kind).astype(np.int64)


def unpack_floats(text: str, *, count: int) -> npt.NDArray[np.float32]:
    """Read ``count`` finite numbers that were packed as ``<f4``.

    Raises:
        ValueError: it is damaged, or holds another number of them, or one is not finite.
    """
    raw = _inflate(text, 4 * count)
    if len(raw) != 4 * count:
        raise ValueError(f"packed numbers: {len(raw)} bytes, where {count} numbers belong")
    numbers = np.frombuffer(raw, dtype="<f4").astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("packed numbers: one is not finite")
    return numbers


def check_size(labels: npt.NDArray[np.int64], measurements: Sequence[Any]) -> None:
    """Check that so many predictions on so many images fit into memory, before they are read."""
    claimed = len(labels) * (len(measurements) + 1)
    if claimed > _MOST_PREDICTIONS:
        raise ValueError(
            f"{len(measurements)} measurements of {len(labels)} images are {claimed} predictions, more "
            f"than the {_MOST_PREDICTIONS} that are read"
        )


def pack_bits(values: npt.NDArray[np.bool_]) -> str:
    """Compress truth values of any shape: zlib over their bits, in base64."""
    return base64.b64encode(zlib.compress(np.packbits(values).tobytes(), 9)).decode("ascii")


def unpack_bits(text: str, *shape: int) -> npt.NDArray[np.bool_]:
    """Read the text of `pack_bits`.

    Raises:
        ValueError: it is damaged, or of another size.
    """
    count = math.prod(shape)
    if count > MOST_TRUTHS:
        raise ValueError(f"packed truth values: {count} of them are more than {MOST_TRUTHS}")
    raw = _inflate(text, -(-count // 8))
    if len(raw) != -(-count // 8):
        raise ValueError(f"packed truth values: {len(raw)} bytes for {count} of them")
    bits = np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=count)
    return bits.reshape(shape).astype(bool)


def _inflate(text: str, most: int) -> bytes:
    """Return the bytes of a text, at most so many; the rest is never inflated."""
    try:
        stream = zlib.decompressobj()
        raw = stream.decompress(base64.b64decode(text, validate=True), most + 1)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"packed data are damaged ({error})") from error
    if len(raw) > most:
        raise ValueError(f"packed data have more than the expected {most} bytes")
    if not stream.eof or stream.unused_data:
        raise ValueError("packed data are cut short, or followed by other data")
    return raw

"""Image files as hostile and odd as they come: written here by hand where Pillow does not write them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")


def encode(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """Encode by Pillow."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.copy().save(buffer, kind, **options)  # which leaves something behind in the image
    return buffer.getvalue()


def png(
    rows: np.ndarray, size: tuple[int, int], depth: int, colour: int, *chunks: tuple[bytes, bytes]
) -> bytes:
    """A PNG file of packed rows, uint8 ``[H, bytes]``, with chunks before its pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(
    strip: bytes,
    size: tuple[int, int],
    bits: Sequence[int] = (8,),
    *,
    photometric: int = 1,
    sample: int = 1,
    order: str = "<",
    compression: int = 1,
    **tags: tuple[int, int],
) -> bytes:
    """A TIFF file of one strip; ``tags``, as ``t322=(type, value)``, are added."""
    more = {int(name[1:]): value for name, value in tags.items()}
    start, after = 8, 2 + 12 * (11 + len(more)) + 4
    long_bits = start + after
    place = long_bits + 2 * len(bits)
    entries = {
        256: (4, 1, size[0]),
        257: (4, 1, size[1]),
        258: (3, len(bits), bits[0] if len(bits) == 1 else long_bits),
        259: (3, 1, compression),
        262: (3, 1, photometric),
        273: (4, 1, place),
        277: (3, 1, len(bits)),
        278: (4, 1, size[1]),
        279: (4, 1, len(strip)),
        284: (3, 1, 1),
        339: (3, 1, sample),
    } | {tag: (kind, 1, value) for tag, (kind, value) in more.items()}
    out = struct.pack(f"{order}HIH", 42, start, len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        form = "HH" if kind == 3 and count == 1 else "I"
        out += struct.pack(f"{order}HHI{form}", tag, kind, count, *((value, 0)[: len(form)]))
    out += struct.pack(f"{order}I", 0) + struct.pack(f"{order}{len(bits)}H", *bits)
    return (b"II" if order == "<" else b"MM") + out + strip

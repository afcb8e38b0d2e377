"""Foreign files, made byte by byte: pickles of opcodes, zip archives of raw entries, torch's old format."""

from __future__ import annotations

import pickle
import struct
import zlib

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True,
          "type_sizes": {"short": 2, "int": 4, "long": 4}}  # fmt: skip


def pickled(*parts: bytes) -> bytes:
    """A pickle of opcodes."""
    return b"\x80\x04" + b"".join(parts) + b"."


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def data(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def whole(value: int) -> bytes:
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def named(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def tupled(*values: bytes) -> bytes:
    return b"(" + b"".join(values) + b"t"


def called(module: str, name: str, *arguments: bytes) -> bytes:
    return named(module, name) + tupled(*arguments) + b"R"


def storage(
    kind: str = "FloatStorage", key: str = "0", count: int = 4, *, legacy: bool = False
) -> bytes:
    """The reference to a storage."""
    parts = [text("storage"), named("torch", kind), text(key), text("cpu"), whole(count)]
    return tupled(*parts, *([b"N"] if legacy else [])) + b"Q"


def rebuilt(held: bytes, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """A tensor."""
    return called("torch._utils", "_rebuild_tensor_v2", held, whole(offset),
                  tupled(*map(whole, shape)), tupled(*map(whole, strides)), b"\x89",
                  called("collections", "OrderedDict"))  # fmt: skip


def old(
    root: bytes,
    storages: dict[str, bytes] | None = None,
    *,
    itemsize: int = 4,
    keys: object = None,
    system: object = SYSTEM,
    version: object = 1001,
    magic: object = MAGIC,
) -> bytes:
    """A file of torch's old format."""
    storages = storages or {}
    begin = b"".join(pickle.dumps(part, 2) for part in (magic, version, system))
    end = pickle.dumps(list(storages) if keys is None else keys, 2)
    raw = [struct.pack("<q", len(value) // itemsize) + value for value in storages.values()]
    return begin + root + end + b"".join(raw)


def loaded(held: bytes) -> bytes:
    """A storage as a pickle within the pickle."""
    return called("torch.storage", "_load_from_bytes", data(held))


def zipped(
    entries: list[tuple[str, bytes]],
    *,
    method: int = 0,
    flags: int = 0,
    crc: int | None = None,
    listed: dict[str, tuple[int, int | None]] | None = None,
    local: dict[str, str] | None = None,
    count: int | None = None,
    large: bool = False,
) -> bytes:
    """A zip archive.

    Args:
        entries: names and contents.
        method: of compression.
        flags: of each entry.
        crc: a wrong checksum for all.
        listed: size, and place of the header, that the list claims for entries; None: the true one.
        local: names that stand before the bytes of entries.
        count: of the entries, as the end claims.
        large: with numbers of 64 bits, as for files of 4 GB.
    """
    body, listing = b"", b""
    for name, content in entries:
        packed = content
        if method == 8:
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = deflate.compress(content) + deflate.flush()
        check = zlib.crc32(content) if crc is None else crc
        size, place = (listed or {}).get(name, (len(content), None))
        place = len(body) if place is None else place
        inner = (local or {}).get(name, name).encode()
        numbers = (flags, method, 0, 0, check, len(packed) if method else size, size)
        body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, *numbers, len(inner), 0) + inner + packed
        extra = struct.pack("<2H3Q", 1, 24, size, size, place) if large else b""
        if large:
            numbers, place = (*numbers[:5], 2**32 - 1, 2**32 - 1), 2**32 - 1
        listing += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, *numbers, len(name.encode()), len(extra),
            0, 0, 0, 0, place) + name.encode() + extra  # fmt: skip
    count = len(entries) if count is None else count
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(listing), len(body), 0)
    if large:
        place = len(body) + len(listing)
        record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count,
                             len(listing), len(body))  # fmt: skip
        locator = struct.pack("<4sIQI", b"PK\6\7", 0, place, 1)
        end = record + locator + b"PK\5\6" + b"\0" * 4 + b"\xff" * 12 + b"\0\0"
    return body + listing + end


def saved(root: bytes, storages: dict[str, bytes] | None = None, **how: object) -> bytes:
    """A zip archive of torch.save."""
    entries = [("archive/data.pkl", root), ("archive/byteorder", b"little")]
    entries += [(f"archive/data/{key}", value) for key, value in (storages or {}).items()]
    return zipped([*entries, ("archive/version", b"3\n")], **how)  # type: ignore[arg-type]

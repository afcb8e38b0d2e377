"""Zip archives as torch.save writes them: nothing is compressed, and every entry lies where it says."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise

from pytest_failcond.foreign.bounds import AGAIN, Refused, Source
from pytest_failcond.storage.reading import shown

_MOST_ENTRIES = 100_000
_LONGEST_NAME = 1_000
_LARGE, _MANY = 0xFFFFFFFF, 0xFFFF  # the number is in another place, with 64 bits
_COMMENT = 0xFFFF  # bytes that may follow the end record
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_TRUNCATED = "its zip archive is truncated, or has no list of its entries"


@dataclass(frozen=True)
class Entry:
    """A file in an archive: its name, its checksum, and where its bytes lie."""

    name: str
    crc: int
    start: int
    size: int


def read_archive(source: Source) -> dict[str, Entry]:
    """Return the entries of an archive by name, without reading their bytes.

    Raises:
        Refused: it is damaged, or has entries that are compressed, encrypted, named twice or by a
            path, or that share bytes.
    """
    begin, end, count = _directory(source)
    entries: dict[str, Entry] = {}
    places = []
    place = begin
    for _ in range(count):
        name, crc, header, size, place = _listed(source, place, end)
        if name in entries:
            raise Refused(f"its zip archive has the entry {shown(name)} twice")
        start = _start(source, header, name, begin)
        if start + size > begin:
            raise Refused(f"its entry {shown(name)} reaches beyond the entries' place", AGAIN)
        entries[name] = Entry(name, crc, start, size)
        places.append((header, start + size))
    if place != end:
        raise Refused(f"its zip archive lists other entries than the {count} that it counts")
    places.sort()
    if any(after > header for (_, after), (header, _) in pairwise(places)):
        raise Refused("its zip archive has entries that share bytes")
    return entries


def content(source: Source, entry: Entry) -> memoryview:
    """Return an entry's bytes, after comparing them with their checksum."""
    data = memoryview(source)[entry.start : entry.start + entry.size]
    if zlib.crc32(data) != entry.crc:
        raise Refused(f"its entry {shown(entry.name)} differs from its checksum", AGAIN)
    return data


def _directory(source: Source) -> tuple[int, int, int]:
    """Return where the list of entries begins and ends, and how many it has."""
    size = len(source)
    found = source.rfind(b"PK\x05\x06", max(0, size - _END.size - _COMMENT), size)
    if found < 0 or found + _END.size > size:
        raise Refused(_TRUNCATED, AGAIN)
    _, disk, first, here, count, length, begin, comment = _END.unpack(
        source[found : found + _END.size]
    )
    if found + _END.size + comment != size:
        raise Refused("its zip archive has bytes after its end", AGAIN)
    end = found
    # torch writes the record with 64 bits always.
    if source[max(0, found - _LOCATOR64.size) : found].startswith(b"PK\x06\x07"):
        disk, first, here, count, length, begin, end = _directory64(source, found)
    if disk or first or here != count:
        raise Refused("it is one part of a zip archive in several")
    if begin + length != end:
        raise Refused(_TRUNCATED, AGAIN)
    if count > min(_MOST_ENTRIES, length // _CENTRAL.size):
        raise Refused(f"its zip archive claims {count:,} entries")
    return begin, end, count


def _directory64(source: Source, end: int) -> tuple[int, ...]:
    """Return the same from the record with numbers of 64 bits, and where it begins."""
    place = end - _LOCATOR64.size
    _, disk, record, disks = _LOCATOR64.unpack(source[place:end])
    if disk or disks > 1 or record + _END64.size != place:
        raise Refused(_TRUNCATED, AGAIN)
    mark, _, _, _, here_disk, first, here, count, length, begin = _END64.unpack(
        source[record:place]
    )
    if mark != b"PK\x06\x06":
        raise Refused(_TRUNCATED, AGAIN)
    return here_disk, first, here, count, length, begin, record


def _listed(source: Source, place: int, end: int) -> tuple[str, int, int, int, int]:
    """Return an entry as the list has it: name, checksum, header's place, size; and the place behind
    it.
    """
    if place + _CENTRAL.size > end:
        raise Refused(_TRUNCATED, AGAIN)
    (
        mark,
        _,
        _,
        flags,
        method,
        _,
        _,
        crc,
        packed,
        size,
        named,
        more,
        comment,
        disk,
        _,
        _,
        header,
    ) = _CENTRAL.unpack(source[place : place + _CENTRAL.size])
    begin = place + _CENTRAL.size
    after = begin + named + more + comment
    if mark != b"PK\x01\x02" or after > end:
        raise Refused(_TRUNCATED, AGAIN)
    name = _name(source[begin : begin + named])
    if _LARGE in (packed, size, header):
        extra = source[begin + named : begin + named + more]
        size, packed, header = _large(extra, size, packed, header)
    if flags & 0x2041:  # encrypted, in one of three ways
        raise Refused(f"its entry {shown(name)} is encrypted")
    if method or packed != size:
        raise Refused(
            f"its entry {shown(name)} is compressed, which torch.save never does",
            "load the model where it was made and save it again with torch.save",
        )
    if disk not in (0, _MANY):
        raise Refused("it is one part of a zip archive in several")
    return name, crc, header, size, after


def _large(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Return an entry's numbers, of which those of 64 bits are in an extra field."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        part = extra[place + 4 : place + 4 + length]
        if kind == 1:
            numbers = [n for (n,) in struct.iter_unpack("<Q", part[: len(part) // 8 * 8])]
            found = [
                numbers.pop(0) if n == _LARGE and numbers else n for n in (size, packed, header)
            ]
            if _LARGE not in found:
                return found[0], found[1], found[2]
        place += 4 + length
    raise Refused(_TRUNCATED, AGAIN)


def _name(data: bytes) -> str:
    try:
        name = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("its zip archive has a name that is not UTF-8") from None
    parts = name.split("/")
    odd = (
        "\\" in name or "\0" in name or ":" in parts[0] or {"", ".", ".."}.intersection(parts[:-1])
    )
    if odd or parts[-1] in (".", "..") or not 0 < len(data) <= _LONGEST_NAME:
        raise Refused(f"its zip archive has an entry with the path {shown(name)}")
    return name


def _start(source: Source, header: int, name: str, end: int) -> int:
    """Return where an entry's bytes begin, behind a header that must agree with the list."""
    if header + _LOCAL.size > end:
        raise Refused(f"its entry {shown(name)} reaches beyond the entries' place", AGAIN)
    mark, _, _, method, _, _, _, _, _, named, more = _LOCAL.unpack(
        source[header : header + _LOCAL.size]
    )
    begin = header + _LOCAL.size
    if mark != b"PK\x03\x04" or source[begin : begin + named] != name.encode() or method:
        raise Refused(f"its entry {shown(name)} has another name where its bytes lie")
    return begin + int(named) + int(more)

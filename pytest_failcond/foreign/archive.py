"""Zip archives as torch.save writes them: nothing is compressed, and no two entries share bytes."""

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
_LISTED = struct.Struct("<4s4x2H4x3I4H6xI")
_HEADER = struct.Struct("<4s22x2H")
_TRUNCATED = "its zip archive is truncated, or has no list of its entries"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive.

    Attributes:
        name: with its folder.
        header: where the archive repeats the name.
        start: where its bytes begin, behind that.
        size: of these bytes.
        method: of its compression; 0: none.
        crc: its checksum.
    """

    name: str
    header: int
    start: int
    size: int
    method: int
    crc: int


def read_archive(source: Source) -> dict[str, Entry]:
    """Return the entries of an archive by name, without reading their bytes.

    Raises:
        Refused: it is damaged, or has entries that are encrypted, named twice or by a path, or that
            share bytes.
    """
    begin, end, count = _directory(source)
    entries: dict[str, Entry] = {}
    place = begin
    for _ in range(count):
        entry, place = _listed(source, place, end, begin)
        if entry.name in entries:
            raise Refused(f"its zip archive has the entry {shown(entry.name)} twice")
        entries[entry.name] = entry
    if place != end:
        raise Refused(f"its zip archive lists other entries than the {count} that it counts")
    in_order = sorted(entries.values(), key=lambda entry: entry.header)
    if any(one.start + one.size > other.header for one, other in pairwise(in_order)):
        raise Refused("its zip archive has entries that share bytes")
    return entries


def content(source: Source, entry: Entry) -> memoryview:
    """Return an entry's bytes, after comparing them with their checksum.

    Raises:
        Refused: they are compressed, or differ.
    """
    if entry.method:
        raise Refused(
            f"its entry {shown(entry.name)} is compressed, which torch.save never does",
            "load the model where it was made and save it again with torch.save",
        )
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
    place = found - _LOCATOR64.size
    if place >= 0 and source[place : place + 4] == b"PK\x06\x07":
        disk, first, here, count, length, begin, end = _directory64(source, found)
    if disk or first or here != count:
        raise Refused("it is one part of a zip archive in several")
    if begin + length != end:
        raise Refused(_TRUNCATED, AGAIN)
    if count > min(_MOST_ENTRIES, length // _LISTED.size):
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


def _listed(source: Source, place: int, end: int, limit: int) -> tuple[Entry, int]:
    """Return an entry as the list has it, and the place behind it in the list.

    Args:
        source: the archive.
        place: of the entry in the list.
        end: of the list.
        limit: before which all entries' bytes end.
    """
    if place + _LISTED.size > end:
        raise Refused(_TRUNCATED, AGAIN)
    begin = place + _LISTED.size
    mark, flags, method, crc, packed, size, named, more, comment, disk, header = _LISTED.unpack(
        source[place:begin]
    )
    after = begin + named + more + comment
    if mark != b"PK\x01\x02" or after > end:
        raise Refused(_TRUNCATED, AGAIN)
    name = _name(source[begin : begin + named])
    if _LARGE in (packed, size, header):
        extra = source[begin + named : begin + named + more]
        size, packed, header = _large(extra, size, packed, header)
    if flags & 0x2041:  # encrypted, in one of three ways
        raise Refused(f"its entry {shown(name)} is encrypted")
    if disk not in (0, _MANY):
        raise Refused("it is one part of a zip archive in several")
    start = _start(source, header, name, limit)
    if start + packed > limit or (not method and packed != size):
        raise Refused(f"its entry {shown(name)} reaches beyond the entries' place", AGAIN)
    return Entry(name, header, start, packed, method, crc), after


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


def _start(source: Source, header: int, name: str, limit: int) -> int:
    """Return where an entry's bytes begin, behind a header that must have the same name."""
    begin = header + _HEADER.size
    if begin > limit:
        raise Refused(f"its entry {shown(name)} reaches beyond the entries' place", AGAIN)
    mark, named, more = _HEADER.unpack(source[header:begin])
    if mark != b"PK\x03\x04" or source[begin : begin + named] != name.encode():
        raise Refused(f"its entry {shown(name)} has another name where its bytes lie")
    return begin + int(named) + int(more)

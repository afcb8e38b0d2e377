"""The files that torch.save wrote before version 1.6: four pickles, and the bytes of each storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_failcond.foreign.bounds import (
    AGAIN,
    SAVE_STATE,
    Reading,
    Refused,
    Source,
    is_text,
    told,
)
from pytest_failcond.foreign.opcodes import read_pickle
from pytest_failcond.foreign.tensors import Storage, storage_of

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
MAGIC = b"\x8a\x0a" + _MAGIC.to_bytes(10, "little")
"""The first number of such a file, as each of pickle's protocols writes it."""


ANOTHER_MACHINE = "load it there and save it on a usual machine"


@dataclass
class Declared:
    """The storages to which the pickle of a file refers.

    Attributes:
        fields: number of the parts of such a reference.
    """

    reading: Reading
    fields: int
    storages: dict[str, Storage] = field(default_factory=dict)

    def __call__(self, identity: Any) -> Storage:
        """Return the storage of a persistent ID.

        Args:
            identity: ``("storage", type, key, device, count)``; old files add None.
        """
        what = identity[0] if type(identity) is tuple and identity else identity
        if is_text(what, "module"):
            raise Refused("it is a whole module, with its class", SAVE_STATE)
        if not is_text(what, "storage") or type(identity) is not tuple:
            raise Refused(f"it refers by {told(what)} to data that are not a storage")
        if len(identity) != self.fields:
            raise Refused(f"it refers to a storage by {len(identity)} parts, not {self.fields}")
        if any(part is not None for part in identity[5:]):
            raise Refused("it refers to a storage that is part of another")
        _, kind, key, _, count = identity[:5]
        if type(key) is not str:
            raise Refused(f"it refers to a storage by {told(key)}, where a text is expected")
        storage = storage_of(kind, count, self.reading.budget)
        known = self.storages.setdefault(key, storage)
        if (known.kind, known.count) != (storage.kind, storage.count):
            raise Refused(f"it refers to storage {told(key)} as two different kinds")
        return known


def read_legacy(source: Source, start: int, end: int, reading: Reading) -> Any:
    """Return the object of a file of this kind, which fills ``source[start:end]``.

    Its pickle is read twice, because the bytes of the storages come after it, and only the pickle
    tells how many there are.
    """
    magic, place = read_pickle(source, start, end, reading)
    protocol, place = read_pickle(source, place, end, reading)
    system, begin = read_pickle(source, place, end, reading)
    if (type(magic), magic) != (int, _MAGIC) or (type(protocol), protocol) != (int, _PROTOCOL):
        raise Refused(f"it is a file of torch's old format of version {told(protocol)}")
    if type(system) is not dict or system.get("little_endian") is not True:
        raise Refused("it was written on a machine with big-endian numbers", ANOTHER_MACHINE)
    declared = Declared(reading, fields=6)
    _, place = read_pickle(source, begin, end, reading, declared)
    keys, place = read_pickle(source, place, end, reading)
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise Refused("its list of storages is not a list of texts")
    if len(set(keys)) < len(keys) or set(keys) != declared.storages.keys():
        raise Refused("its list of storages has others than its tensors have")
    for key in keys:
        place = _place(declared.storages[key], source, place, end)
    if place != end:
        raise Refused(f"it has {end - place:,} bytes after its last storage", AGAIN)
    root, _ = read_pickle(source, begin, end, reading, declared)
    return root


def _place(storage: Storage, source: Source, place: int, end: int) -> int:
    """Give a storage its bytes, which follow their count, and return the place behind them."""
    begin = place + 8
    after = begin + storage.count * storage.kind.stored.itemsize
    if after > end:
        raise Refused("it ends within a storage: it is truncated", AGAIN)
    if (count := int.from_bytes(source[place:begin], "little")) != storage.count:
        raise Refused(f"it has {count:,} numbers for a storage of {storage.count:,}")
    storage.place(memoryview(source)[begin:after])
    return after

"""The files that torch.save writes since version 1.6: a zip archive of a pickle and its storages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_failcond.foreign.archive import Entry, content, read_archive
from pytest_failcond.foreign.bounds import AGAIN, Reading, Refused, Source
from pytest_failcond.foreign.legacy import ANOTHER_MACHINE, Declared
from pytest_failcond.foreign.opcodes import read_pickle
from pytest_failcond.foreign.tensors import Storage
from pytest_failcond.storage.reading import shown


@dataclass
class _Placed(Declared):
    """The storages of an archive, each an entry ``data/KEY``."""

    source: Source = b""
    entries: dict[str, Entry] | None = None
    folder: str = ""

    def __call__(self, identity: Any) -> Storage:
        storage = super().__call__(identity)
        if storage.data is None:
            name = f"{self.folder}data/{identity[2]}"
            entry = (self.entries or {}).get(name)
            if entry is None:
                raise Refused(f"it has no entry {shown(name)}, to which its pickle refers", AGAIN)
            storage.place(content(self.source, entry))
        return storage


def read_zipped(source: Source, reading: Reading) -> Any:
    """Return the object of a file of this kind."""
    entries = read_archive(source)
    pickles = [name for name in entries if name.split("/", 1)[-1] == "data.pkl"]
    if len(pickles) != 1:
        raise Refused(f"it is a zip archive {_kind(entries)}", "name a file of torch.save")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in entries:
        raise Refused("it is TorchScript, which is a program", "save its state_dict() instead")
    order = entries.get(f"{folder}byteorder")
    if order is not None and bytes(content(source, order)[:9]) != b"little":
        raise Refused("it was written on a machine with big-endian numbers", ANOTHER_MACHINE)
    entry = entries[pickles[0]]
    content(source, entry)
    placed = _Placed(reading, fields=5, source=source, entries=entries, folder=folder)
    end = entry.start + entry.size
    root, after = read_pickle(source, entry.start, end, reading, placed)
    if after != end:
        raise Refused(f"its pickle has {end - after:,} bytes after its end", AGAIN)
    return root


def _kind(entries: dict[str, Entry]) -> str:
    if any(name.endswith(".npy") for name in entries):
        return "of NumPy's arrays"
    if "config.json" in entries:
        return "of Keras"
    return "without the data.pkl of torch.save"

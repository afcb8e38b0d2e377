"""The store: each key is measured once per session, in whatever process asks first.

A file per key, written whole or not at all, under a lock per key. Several workers share a folder.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_failcond.errors import FailcondError
from pytest_failcond.files import write_atomically

Record = dict[str, Any]

PLAN = "plan"  # the record that lists what the session means to measure


class Store:
    """JSON records by name, in a folder.

    A record ``{"error": sentence}`` says that something could not be measured: it is not tried
    again, and whoever asks for it gets the FailcondError.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = folder / "pictures"
        self._seen: dict[str, Record] = {}

    def get(self, name: str, compute: Callable[[], Record]) -> Record:
        """Return a record, computing it if nobody has.

        Raises:
            FailcondError: it cannot be computed, now or when it was tried.
        """
        if name not in self._seen:
            path = self._path(name)
            if not path.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                with FileLock(f"{path}.lock"):
                    if not path.exists():
                        try:
                            record = compute()
                        except FailcondError as error:
                            record = {"error": str(error)}
                        self.put(name, record)
            self._seen[name] = json.loads(path.read_bytes())
        record = self._seen[name]
        if "error" in record:
            raise FailcondError(record["error"])
        return record

    def put(self, name: str, record: Record) -> None:
        """Write a record, in place of one that is there."""
        write_atomically(self._path(name), json.dumps(record))

    def find(self, name: str) -> Record | None:
        """Return a record, an error too, or None if nobody has computed it."""
        path = self._path(name)
        return json.loads(path.read_bytes()) if path.exists() else None

    def records(self, prefix: str) -> Iterator[tuple[str, Record]]:
        """Return all records whose name starts with ``prefix``, with their names, sorted."""
        names = sorted(urllib.parse.unquote(path.stem) for path in self.folder.glob("*.json"))
        for name in names:
            if name.startswith(prefix):
                yield name, json.loads(self._path(name).read_bytes())

    def save_picture(self, name: str, content: bytes) -> str:
        """Keep a PNG file; returns its file name."""
        file = f"{_slug(name)}.png"
        write_atomically(self.pictures / file, content)
        return file

    def _path(self, name: str) -> Path:
        return self.folder / f"{urllib.parse.quote(name, safe='')}.json"


def _slug(name: str) -> str:
    """Turn a key into a file name that every system takes."""
    signs = {"+": "up", "-": "down"}
    parts = [signs.get(part, part) for part in name.split(":")]
    return "-".join(urllib.parse.quote(part, safe="").replace("%", "_") for part in parts)

"""The store: each key is measured once per session, by the first process that needs it.

A file per key, written whole or not at all, under a lock per key. Several workers share a folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_failcond.errors import FailcondError, NotEvaluated, may_pass
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.locks import hold

Record = dict[str, Any]

_LONGEST = 120  # characters of a file name, which may have 255 bytes; a longer name is hashed
_LONG = "%long-"  # no quoted name begins so
_PATIENCE_SECONDS = 30.0  # a cell may take any time

PLAN = "plan"  # the record that lists the session's plan
# Prefixes of records about a key, or a planned test:
MISSING = "missing:"  # the reason why its test did not end
ASKED = "asked:"  # one of the user's own tests checks it
COMPARED = "compared:"  # pictures of changes since the baseline
CHECKED = "checked:"  # the checks of a gate on it


class Store:
    """JSON records by name, in a folder.

    A record ``{"error": sentence}`` means that a key could not be measured: reading it raises the
    FailcondError. It is tried again only in a rerun, once in each, and only if it may pass. With
    ``"withheld": true`` it is a `NotEvaluated`.

    Args:
        folder: the folder of the files.
        rerun: returns the name of the current rerun; None: no test is rerun.
    """

    def __init__(self, folder: Path, *, rerun: Callable[[], str | None] = lambda: None) -> None:
        self.folder = folder
        self.pictures = folder / "pictures"
        self._rerun = rerun
        self._seen: dict[str, Record] = {}
        self._tried: set[tuple[str, str | None]] = set()

    def get(self, name: str, compute: Callable[[], Record]) -> Record:
        """Return a record; compute it if it is missing.

        Raises:
            FailcondError: it cannot be computed, now or when it was tried.
        """
        if name not in self._seen:
            record = self._found(name)
            if record is None:
                with self.alone(name, f"another worker, which measures {name}"):
                    record = self._found(name)
                    if record is None:
                        record = self._computed(name, compute)
            if "error" in record:  # not kept here: another process may try it again
                error = (NotEvaluated if is_withheld(record) else FailcondError)(record["error"])
                error.may_pass = record.get("may_pass", False)
                raise error
            self._seen[name] = record
        return self._seen[name]

    @contextmanager
    def alone(self, name: str, awaited: str) -> Iterator[None]:
        """Make a record under its lock; ``awaited`` names the holder to wait for."""
        self._make(self.folder)
        with hold(self._path(name).with_suffix(".lock"), awaited, patience=_PATIENCE_SECONDS):
            yield

    def _found(self, name: str) -> Record | None:
        """Return an existing record, unless it is an error that this rerun has to try again."""
        record = self.find(name)
        rerun = self._rerun()
        if record is None or rerun is None or not record.get("may_pass", False):
            return record
        return record if (name, rerun) in self._tried else None

    def _computed(self, name: str, compute: Callable[[], Record]) -> Record:
        self._tried.add((name, self._rerun()))
        try:
            record = compute()
        except FailcondError as error:
            record = error_record(str(error), withheld=isinstance(error, NotEvaluated))
            record |= {"may_pass": True} if may_pass(error) else {}
        self.put(name, record)
        return json.loads(self._path(name).read_bytes())  # type: ignore[no-any-return]

    def put(self, name: str, record: Record) -> None:
        """Write a record, in place of an existing one."""
        self._make(self.folder)
        path = self._path(name)
        if path.stem.startswith(_LONG):
            write_atomically(path.with_suffix(".name"), name.encode(errors="surrogatepass"))
        write_atomically(path, json.dumps(record))

    def drop(self, name: str) -> None:
        """Remove a record, if it exists."""
        self._path(name).unlink(missing_ok=True)

    def find(self, name: str) -> Record | None:
        """Return a record, or an error record; None if it is missing."""
        path = self._path(name)
        return json.loads(path.read_bytes()) if path.exists() else None

    def records(self, prefix: str) -> Iterator[tuple[str, Record]]:
        """Return all records whose name starts with ``prefix``, with their names, sorted."""
        names = sorted(map(_name, self.folder.glob("*.json")))
        for name in names:
            if name.startswith(prefix):
                yield name, json.loads(self._path(name).read_bytes())

    def save_picture(self, name: str, content: bytes) -> str:
        """Keep a PNG file; returns its file name."""
        file = f"{_slug(name)}.png"
        self._make(self.folder)
        write_atomically(self.pictures / file, content)
        return file

    def _path(self, name: str) -> Path:
        data = name.encode(errors="surrogatepass")
        stem = urllib.parse.quote(data, safe="")
        # Some file systems take A and a for one name.
        stem = re.sub(r"%..|[A-Z]", lambda c: c[0] if c[0][0] == "%" else f"%{ord(c[0]):02X}", stem)
        return self.folder / f"{stem if len(stem) <= _LONGEST else _LONG + _digest(name)}.json"

    def _make(self, folder: Path) -> None:
        """Make a folder, but never remake the session's own after its removal."""
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise FailcondError(
                f"{folder}: cannot be made ({error.strerror}); the session was ended, or TMPDIR is full"
            ) from error


def error_record(sentence: str, *, withheld: bool = False) -> Record:
    """Make the record of a key that could not be measured, or was withheld."""
    return {"error": sentence} | ({"withheld": True} if withheld else {})


def is_withheld(record: Record) -> bool:
    """Whether an error record is that of a withheld key."""
    return bool(record.get("withheld", False))


def _name(path: Path) -> str:
    """Return the name of a file's record."""
    if path.stem.startswith(_LONG):
        return path.with_suffix(".name").read_bytes().decode(errors="surrogatepass")
    return urllib.parse.unquote_to_bytes(path.stem).decode(errors="surrogatepass")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()


def _slug(name: str) -> str:
    """Turn a key into a unique file name that every system accepts."""
    signs = {"+": "up", "-": "down"}
    parts = [signs.get(part, part) for part in name.split(":")]
    quoted = "-".join(urllib.parse.quote(p.encode(errors="surrogatepass"), safe="") for p in parts)
    if "%" not in quoted and len(quoted) <= _LONGEST:
        return quoted
    return f"{quoted.replace('%', '_')[:_LONGEST]}-{_digest(name)[:16]}"

"""Opens a foreign file and tells by its content what it is."""

from __future__ import annotations

import mmap
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pytest_failcond.errors import FailcondError
from pytest_failcond.foreign.bounds import AGAIN, Budget, Reading, Refused, Source
from pytest_failcond.foreign.kinds import looks_like
from pytest_failcond.foreign.legacy import MAGIC, read_legacy
from pytest_failcond.foreign.names import NAMES
from pytest_failcond.foreign.opcodes import read_pickle
from pytest_failcond.foreign.values import check_whole
from pytest_failcond.foreign.zipped import read_zipped

Container: TypeAlias = Literal["pickle", "torch zip", "torch legacy"]


@dataclass(frozen=True)
class Foreign:
    """What a foreign file has.

    Attributes:
        container: the way in which it was written.
        root: plain data: dict, list, tuple, set, frozenset, str, bytes, int, float, bool and None;
            tensors as read-only NumPy arrays, those in half precision as float32, which may be
            views of the file; `Inert` for objects. Nothing in it contains itself, and it is no more
            than 200 levels deep: it can be walked by recursion.
    """

    container: Container
    root: Any


def read_foreign(path: Path) -> Foreign:
    """Read a file of torch.save or pickle as plain data. No code of it runs, and nothing is imported.

    Args:
        path: of the file, which must not be changed while the result is in use.

    Raises:
        FailcondError: it is another kind of file, damaged, or has more than a checkpoint needs.
    """
    try:
        source = _opened(path)
        container = _container(source)
        root = _root(source, container)
        check_whole(root)
    except Refused as refused:
        raise FailcondError(f"{path}: {refused.clause}; {refused.remedy}") from None
    return Foreign(container, root)


def _opened(path: Path) -> Source:
    """Return the file's bytes: a map of it, so that only what is used is read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Refused("it is a folder", "name the file of the checkpoint")
        if stat.S_ISFIFO(mode):
            return path.read_bytes()
        if not stat.S_ISREG(mode):
            raise Refused("it is no ordinary file", "name the file of the checkpoint")
        with path.open("rb") as stream:
            empty = not stream.read(1)  # which cannot be mapped
            return b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise Refused(f"it cannot be read ({reason})", "name another file") from error


def _container(source: Source) -> Container:
    start = source[:4096]
    if start.startswith(b"PK\x03\x04"):
        return "torch zip"
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return "torch legacy" if MAGIC in start[:32] else "pickle"
    kind, remedy = looks_like(start)
    raise Refused(kind, remedy)


def _root(source: Source, container: Container) -> Any:
    reading = Reading(Budget(len(source)), NAMES)
    if container == "torch zip":
        return read_zipped(source, reading)
    if container == "torch legacy":
        return read_legacy(source, 0, len(source), reading)
    root, after = read_pickle(source, 0, len(source), reading)
    if after != len(source):
        raise Refused(f"it has {len(source) - after:,} bytes after its pickle", AGAIN)
    return root

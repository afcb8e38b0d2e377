"""Temporary folders that vanish with their process, in whatever way it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from types import FrameType, TracebackType

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.locks import LOCKS, Lock

_PREFIX = "failcond-"
_MARKER = ".owner.lock"
_open: list[OwnFolder] = []


class OwnFolder:
    """A temporary folder, removed by `close`, at SIGTERM, or else by the next process that makes one.

    Its owner holds a lock in it while it lives: a folder whose lock is free has no owner.

    Attributes:
        path: its path.

    Raises:
        FailcondError: there is no room for temporary files.
    """

    def __init__(self) -> None:
        sweep()
        self._process = os.getpid()
        while True:
            try:
                self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            except OSError as error:
                raise FailcondError(
                    f"{tempfile.gettempdir()}: cannot be written ({error.strerror or error}); set "
                    "TMPDIR to a folder with room"
                ) from error
            self._lock = Lock(self.path / _MARKER)
            if self._lock.take():  # else another process took it for left behind in the meantime
                break
        _open.append(self)
        _watch()

    def close(self) -> None:
        """Remove the folder with its content."""
        if self in _open:
            _open.remove(self)
            _unwatch()
            self._remove()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _remove(self) -> None:
        if os.getpid() == self._process:  # a fork does not own the folder
            self._lock.drop()
            shutil.rmtree(self.path, ignore_errors=True)


def sweep() -> None:
    """Remove the folders that killed processes of this user have left behind."""
    place = Path(tempfile.gettempdir())
    for folder in place.glob(f"{_PREFIX}*"):
        marker = folder / _MARKER
        if _is_mine(folder) and folder.is_dir() and marker.is_file():
            _take(marker, folder)
    for file in place.glob(LOCKS):
        if _is_mine(file) and file.is_file():
            _take(file)


def _take(marker: Path, folder: Path | None = None) -> None:
    """Remove a free lock, and the folder that it protects."""
    lock = Lock(marker)
    with contextlib.suppress(FailcondError):  # another process may be removing it at this moment
        if lock.take():
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            lock.drop()


def _is_mine(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return not path.is_symlink() and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def _watch() -> None:
    """Remove folders at SIGTERM too, unless the signal has another handler."""
    with contextlib.suppress(ValueError):  # only the main thread gets signals
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _end)


def _unwatch() -> None:
    is_main = threading.current_thread() is threading.main_thread()
    if not _open and is_main and signal.getsignal(signal.SIGTERM) is _end:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    """Remove the folders, and end as SIGTERM does by default."""
    for folder in _open:
        folder._remove()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)

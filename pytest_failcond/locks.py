"""Locks between processes. The system drops them with the process, and a long wait is announced."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_failcond.errors import FailcondError
from pytest_failcond.printing import say

_LOOK_EVERY_SECONDS = 0.02
_USER = os.getuid() if hasattr(os, "getuid") else 0
LOCKS = f"failcond-{_USER}-*.lock"
"""The locks of this user in the folder of temporary files."""

PATIENCE_SECONDS = 3.0
"""A wait that is longer is announced."""


class Lock:
    """A lock file that one process holds at a time, and removes when it lets go of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Take the lock, unless somebody else has it.

        Raises:
            FailcondError: there can be no lock file there.
        """
        try:
            # 0o666 and the umask would let others hold up our sessions.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            handle = os.open(self.path, flags, 0o600)
            # A holder removes the file: one that is not at its path any more guards nothing.
            if _lock(handle) and _is_at(handle, self.path):
                self._handle = handle
                return True
            os.close(handle)
        except OSError as error:
            raise FailcondError(
                f"{self.path}: cannot be locked ({error.strerror or error}); remove the file, or set "
                "TMPDIR to a folder of your own"
            ) from error
        return False

    def drop(self) -> None:
        """Let go of the lock."""
        if self._handle is not None:
            with contextlib.suppress(OSError):  # Windows removes no open file: it stays, empty
                self.path.unlink()
            _unlock(self._handle)
            os.close(self._handle)
            self._handle = None


@contextlib.contextmanager
def hold(path: Path, awaited: str, *, patience: float | None = None) -> Iterator[None]:
    """Hold a lock file, after whoever has it.

    Args:
        path: the lock file.
        awaited: whom one waits for: ``another session that writes run.json``.
        patience: seconds after which a wait is announced, once, on stderr; None: `PATIENCE_SECONDS`.

    Raises:
        FailcondError: there can be no lock file there.
    """
    lock, since, said = Lock(path), time.monotonic(), False
    patience = PATIENCE_SECONDS if patience is None else patience
    while not lock.take():
        if not said and time.monotonic() - since >= patience:
            say(f"failcond: waiting for {awaited}", to=sys.stderr)
            said = True
        time.sleep(_LOOK_EVERY_SECONDS)
    try:
        yield
    finally:
        lock.drop()


@contextlib.contextmanager
def lock_path(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep other processes of this user from writing to ``path``, by a lock that lies elsewhere."""
    name = hashlib.sha256(os.path.realpath(path).encode(errors="surrogateescape")).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / LOCKS.replace("*", name)
    with hold(place, f"another session that writes {path}"):
        yield


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)

"""Locks between processes. The system drops them with the process; a long wait is announced."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_failcond.errors import FailcondError
from pytest_failcond.words.printing import say

_LOOK_EVERY_SECONDS = 0.02
_USER = os.getuid() if hasattr(os, "getuid") else 0
LOCKS = f"failcond-{_USER}-*.lock"
"""The locks of this user in the folder of temporary files."""

PATIENCE_SECONDS = 3.0
"""A longer wait is announced."""


class Lock:
    """A lock file that one process holds at a time, and removes when it lets go of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # With the umask's mode, others could hold up our sessions.
        self._lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)

    def take(self) -> bool:
        """Take the lock, unless another process has it.

        Raises:
            FailcondError: a lock file cannot be made there.
        """
        try:
            self._lock.acquire()
        except Timeout:
            return False
        except OSError as error:
            raise FailcondError(
                f"{self.path}: cannot be locked ({error.strerror or error}); remove the file, or set "
                "TMPDIR to a folder of your own"
            ) from error
        return True

    def drop(self) -> None:
        """Let go of the lock."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):  # Windows removes no open file: it stays, empty
                self.path.unlink()
            self._lock.release()


@contextlib.contextmanager
def hold(path: Path, awaited: str, *, patience: float | None = None) -> Iterator[None]:
    """Hold a lock file; wait for its current holder.

    Args:
        path: the lock file.
        awaited: the current holder in words: ``another session that writes run.json``.
        patience: seconds after which a wait is announced, once, on stderr; None: `PATIENCE_SECONDS`.

    Raises:
        FailcondError: a lock file cannot be made there.
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
    """Keep other processes of this user from writing to ``path``, by a lock in another folder."""
    name = hashlib.sha256(os.path.realpath(path).encode(errors="surrogateescape")).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / LOCKS.replace("*", name)
    with hold(place, f"another session that writes {path}"):
        yield

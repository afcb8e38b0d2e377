"""The bytes of a file, or one sentence on the reason why they cannot be read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pytest_failcond.errors import FailcondError

_NOT_THERE = (FileNotFoundError, NotADirectoryError)


def unreadable(path: str | os.PathLike[str], error: Exception, source: str = "") -> FailcondError:
    """Return the refusal of a file that the system does not open; ``source``: what makes one, if it is missing."""
    reason = getattr(error, "strerror", None) or error
    remedy = f"; {source}" if source and isinstance(error, _NOT_THERE) else ""
    return FailcondError(f"{path}: cannot be read ({reason}){remedy}")


def read_bytes(path: Path, source: str = "") -> bytes:
    """Return the content of a file or a pipe.

    Args:
        path: of the file.
        source: what makes such a file, in the message if it is missing.

    Raises:
        FailcondError: it is missing, a folder or a device, or cannot be read.
    """
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            what = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
            raise FailcondError(f"{path}: cannot be read: it is {what}; name a file")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise unreadable(path, error, source) from error

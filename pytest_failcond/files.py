"""Files that are there whole, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from pytest_failcond.errors import FailcondError


def write_atomically(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write ``content`` beside ``path`` and move it there, so that no reader ever sees a part.

    Raises:
        FailcondError: the place cannot be written; what was there before is untouched.
    """
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes files private; results are meant to be read by whoever may read the folder.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        raise FailcondError(
            f"{target}: cannot be written ({error.strerror or error}); choose a writable place"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def lock_path(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep other processes of this user from writing to ``path``, by a lock that lies elsewhere."""
    name = hashlib.sha256(str(Path(path).resolve()).encode()).hexdigest()[:16]
    user = os.getuid() if hasattr(os, "getuid") else 0
    with FileLock(Path(tempfile.gettempdir()) / f"failcond-{user}-{name}.lock"):
        yield


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, as ``sha256:<hex>``."""
    with Path(path).open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"

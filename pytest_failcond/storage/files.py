"""The one way to write files: whole or not at all, if the place allows it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from pytest_failcond.errors import FailcondError

_READER_SECONDS = 10.0  # that a pipe's reader has to go on reading
_LOOK_EVERY_SECONDS = 0.01
# Errors of a file that can be written and not replaced: it is a mount, or lies in
# a folder that takes no new file.
_IN_PLACE = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS}


def write_atomically(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file so that no reader ever sees a part of it.

    A link stays, and the file that it leads to is replaced; a file that is replaced keeps its mode,
    and its other hard links keep the old content. Devices and pipes are written into. So is a file
    that cannot be replaced, such as a single mounted file: there, a crash may leave a part.

    Raises:
        FailcondError: the place cannot be written; its earlier content is untouched.
    """
    # A lone surrogate, as in the name of a file that is not UTF-8, is written as an escape.
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    with said(path):
        kind = kind_of(path)
        if kind == "pipe":
            _send(path, data)
        elif kind == "device":
            _write_into_handle(_handle(path) or str(path), data)
        else:
            _replace(Path(os.path.realpath(path)), data)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check that a place can be written, before there is anything to write.

    Raises:
        FailcondError: it cannot.
    """
    with said(path):
        if kind_of(path) != "file":
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        _refuse_read_only(target)
        try:
            with tempfile.TemporaryFile(dir=target.parent):
                pass
        except OSError as error:
            if error.errno not in _IN_PLACE or not target.exists():
                raise


@contextlib.contextmanager
def said(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an error of the system into a sentence."""
    try:
        yield
    except OSError as error:
        raise FailcondError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def kind_of(path: str | os.PathLike[str]) -> Literal["file", "pipe", "device"]:
    """Return the kind of place that a path leads to; an empty place counts as a file.

    Raises:
        OSError: it is a folder, or another place that cannot be written into.
    """
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "file"
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder; name a file")
    if stat.S_ISCHR(mode) or _handle(path) is not None:
        return "device"
    if stat.S_ISFIFO(mode):
        return "pipe"
    if not stat.S_ISREG(mode):
        raise OSError(errno.ENXIO, "neither a file nor a pipe")
    return "file"


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, as ``sha256:<hex>``."""
    with Path(path).open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def hash_bytes(content: bytes) -> str:
    """Return the SHA-256 of a file's content, as ``sha256:<hex>``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _handle(path: str | os.PathLike[str]) -> str | None:
    """Return the name of the open file that a path such as /dev/stdout leads to; None: it leads to
    none.

    A shell that has opened a file would go on writing into the replaced one.
    """
    here = os.path.abspath(path)  # noqa: PTH100 - links are followed one by one
    for _ in range(40):  # as many as Linux follows
        if here.startswith(("/dev/fd/", "/proc/")):
            return here
        if not Path(here).is_symlink():
            break
        here = os.path.normpath(Path(here).parent / Path(here).readlink())
    return None


def _write_into_handle(path: str, data: bytes) -> None:
    """Write at an open file's position, so that others who share it continue behind; else at its
    end.
    """
    if own := re.fullmatch(r"/(?:dev/fd|proc/self/fd)/(\d+)", path):
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        handle = os.dup(int(own[1]))
    else:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    with os.fdopen(handle, "wb", buffering=0) as stream:
        _pour(stream.write, data)


def _replace(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _refuse_read_only(target)
    try:
        _move_into_place(target, data)
    except OSError as error:
        if error.errno not in _IN_PLACE or not target.is_file():
            raise
        with target.open("r+b", buffering=0) as stream:
            _pour(stream.write, data)
            stream.truncate(len(data))
            os.fsync(stream.fileno())


def _refuse_read_only(target: Path) -> None:
    """Refuse a write-protected file, though its folder would let it be replaced."""
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")


def _move_into_place(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".failcond-", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _dress(temporary, target)
        temporary.replace(target)
        _sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _dress(temporary: Path, target: Path) -> None:
    """Give a new file the owner and mode of the one that it replaces, else those of any new file.

    mkstemp makes files private; results are for everyone who may read the folder.
    """
    try:
        old = target.stat()
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        return
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):  # only root gives files away
            os.chown(temporary, old.st_uid, old.st_gid)
    temporary.chmod(stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Keep a rename through a loss of power, if the system can synchronise folders."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _send(path: str | os.PathLike[str], data: bytes) -> None:
    """Write into a pipe; give up after a while if there is no reader."""
    deadline = time.monotonic() + _READER_SECONDS
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            _wait_for_reader(deadline)
    try:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(handle, rest) :]
                deadline = time.monotonic() + _READER_SECONDS
            except BlockingIOError:
                _wait_for_reader(deadline)
    finally:
        os.close(handle)


def _wait_for_reader(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise TimeoutError(errno.ETIMEDOUT, "a pipe without a reader; start its reader first")
    time.sleep(_LOOK_EVERY_SECONDS)


def _pour(write: Callable[[memoryview], int | None], data: bytes) -> None:
    """Write all, where a write may take a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[write(rest) or 0 :]

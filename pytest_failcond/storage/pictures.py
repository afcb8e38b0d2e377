"""A run's pictures beside its file: a crash between the two leaves the older run or the newer, whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.files import hash_bytes, hash_file, write_atomically


class Placed:
    """Pictures in a folder.

    Attributes:
        names: file name in the folder, by the name that the run uses.
        hashes: SHA-256, by file name in the folder.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.hashes: dict[str, str] = {}


@contextlib.contextmanager
def placed(
    folder: Path, files: Iterable[str], read: Callable[[str], bytes | None]
) -> Iterator[Placed]:
    """Put pictures into a folder, beside existing ones, for a run file that the block writes.

    If a name is taken by other content, an older run's or the user's, the picture gets its hash
    into its name. If the block writes no run file, the pictures are removed again.

    Args:
        folder: of the pictures; made if there are any.
        files: their names.
        read: returns the content of one; None if it is missing.

    Raises:
        FailcondError: the folder cannot be written.
    """
    found, new = Placed(), list[Path]()
    made = not folder.exists()
    try:
        for file in files:
            content = read(file)
            if content is None:
                continue
            digest = hash_bytes(content)
            path = _free_path(folder / file, digest)
            if not path.exists():
                write_atomically(path, content)
                new.append(path)
            found.names[file], found.hashes[path.name] = path.name, digest
        yield found
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        if made:
            _remove_if_empty(folder)
        raise


def checked(folder: Path | None, file: str, hashes: Mapping[str, str]) -> bytes | None:
    """Return a picture's bytes; None if it is missing.

    Raises:
        FailcondError: its content has changed.
    """
    if folder is None or Path(file).name != file:  # a run file may come from anywhere
        return None
    path = folder / file
    if not path.is_file():
        return None
    content = path.read_bytes()
    if hashes.get(file) not in (None, hash_bytes(content)):
        raise FailcondError(
            f"{path}: is not the picture that the run was kept with; restore the original, or "
            f"remove it"
        )
    return content


def remove(folder: Path, hashes: Mapping[str, str | None]) -> None:
    """Remove pictures of a replaced run; other files in the folder stay.

    Args:
        folder: their folder.
        hashes: SHA-256 by file name; None: the run was kept before there were hashes.
    """
    # The newer run is whole: an old picture that cannot be removed only takes up room.
    with contextlib.suppress(OSError):
        for file, digest in hashes.items():
            path = folder / file
            if path.name == file and path.is_file() and digest in (None, hash_file(path)):
                path.unlink()
    _remove_if_empty(folder)


def renamed(content: Any, names: Mapping[str, str]) -> Any:
    """Return a run file's content with the file names of its pictures."""
    if isinstance(content, dict):
        return {
            key: names.get(value, value)
            if key in ("file", "picture") and isinstance(value, str)
            else renamed(value, names)
            for key, value in content.items()
        }
    return [renamed(entry, names) for entry in content] if isinstance(content, list) else content


def _free_path(path: Path, digest: str) -> Path:
    """Return the path, or one with the hash in its name if other content has the path."""
    if not path.exists() or (path.is_file() and hash_file(path) == digest):
        return path
    return path.with_name(f"{path.stem}.{digest.removeprefix('sha256:')[:16]}{path.suffix}")


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()

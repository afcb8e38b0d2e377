"""The files in the folder of an export, as one pass over its listing finds them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_failcond.errors import FailcondError, unreadable

_MADE_BY_SYSTEMS = {".ds_store", "thumbs.db", "desktop.ini", ".gitignore", ".gitattributes"}
_BEGINNINGS = "._", ".nfs", ".failcond-"  # macOS, network drives, a file that a killed process left


def files_in(folder: Path, below: Iterable[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """List a folder and some of the folders in it, by place in the folder, with ``/``.

    Files that systems make are left out, and folders that do not exist.

    Raises:
        FailcondError: a folder cannot be read.
    """
    listed = set(below)
    for part in ("", *sorted(listed)):
        try:
            with os.scandir(folder / part) as entries:
                for entry in entries:
                    place = f"{part}/{entry.name}" if part else entry.name
                    if not _is_harmless(entry.name) and not (place in listed and entry.is_dir()):
                        yield place, entry
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise FailcondError(unreadable(error)) from error


def _is_harmless(name: str) -> bool:
    return name.casefold() in _MADE_BY_SYSTEMS or name.startswith(_BEGINNINGS)

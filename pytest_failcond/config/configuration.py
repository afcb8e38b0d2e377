"""The place of the configuration: the nearest file with a failcond table. Imports the standard
library alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_failcond.errors import FailcondError

_NAMES = ("failcond.toml", "pyproject.toml")
_FEW = 3  # places that a sentence names


@dataclass(frozen=True)
class Configuration:
    """A file that configures failcond, and its table.

    Attributes:
        path: of the file.
        table: with the tables in it.
        prefixed: whether the file names them ``[tool.failcond.…]``.
    """

    path: Path
    table: dict[str, Any]
    prefixed: bool = True

    def is_same(self, other: Configuration | None) -> bool:
        """Whether another one is the same file, however it is spelled."""
        return other is not None and self.path.samefile(other.path)


def table_name(name: str = "", *, prefixed: bool = True) -> str:
    """Name a table for a message: ``[tool.failcond.corruptions]``, or ``[corruptions]`` without the prefix.

    Without a name, it is the table of all others: a file without the prefix has no name for it.
    """
    parts = [*(["tool.failcond"] if prefixed else []), *([name] if name else [])]
    return f"[{'.'.join(parts)}]" if parts else "the configuration, above its tables"


def read_configuration(path: Path, option: str) -> Configuration:
    """Read the file that an option names; it must configure failcond.

    Raises:
        FailcondError: it is not there, cannot be read or parsed, or has no table.
    """
    if not path.is_file():
        raise FailcondError(f"{option}: there is no file {path}")
    found = _read(path)
    if found is None:
        raise FailcondError(f"{path}: has no [tool.failcond] table; `failcond init` writes it")
    return found


class Finder:
    """Searches folders upward, each once."""

    def __init__(self) -> None:
        self._known: dict[Path, Configuration | None] = {}

    def nearest(self, place: Path) -> Configuration | None:
        """Return the configuration nearest to a file or folder, whether it exists or not.

        A link is followed if there is no configuration above the link itself.

        Raises:
            FailcondError: a file that may be the nearest cannot be read or parsed, or a folder has two.
        """
        path = Path(os.path.abspath(place))  # noqa: PTH100 - links are not followed
        return self._upward(path) or self._upward(Path(os.path.realpath(path)))

    def _upward(self, folder: Path) -> Configuration | None:
        if folder not in self._known:
            found = _look_into(folder)
            at_the_top = folder.parent == folder
            self._known[folder] = found or (None if at_the_top else self._upward(folder.parent))
        return self._known[folder]


def find_configuration(
    places: Sequence[Path], root: Path, finder: Finder | None = None
) -> Configuration | None:
    """Return the configuration of a session: the nearest to its tests, else to pytest's rootdir.

    Raises:
        FailcondError: the places lead to different files, or a file cannot be read.
    """
    finder = finder or Finder()
    found: Configuration | None = None
    of: Path | None = None
    for place in dict.fromkeys(places):
        nearest = finder.nearest(place)
        if nearest is not None and found is not None and not nearest.is_same(found):
            raise FailcondError(
                f"{of} is configured by {found.path}, but {place} by {nearest.path}; run them one "
                "after the other, or name one file for both by --failcond-config=FILE"
            )
        if found is None and nearest is not None:
            found, of = nearest, place
    return found or finder.nearest(root)


def project_folder(here: Path) -> Path:
    """Return the folder that the nearest configuration's paths are relative to; else this one."""
    found = Finder().nearest(here)
    return here if found is None else found.path.parent


def absence(places: Sequence[Path], root: Path | None = None) -> str:
    """Return the sentence on a missing configuration: the searched places and the remedy."""
    named = [f"{p}{'' if p.exists() else ' (which does not exist)'}" for p in dict.fromkeys(places)]
    more = f" and {len(named) - _FEW} more" if len(named) > _FEW else ""
    apart = root is not None and not all(place.is_relative_to(root) for place in places)
    return (
        f"there is no [tool.failcond] and no failcond.toml in {', '.join(named[:_FEW])}{more} or "
        f"above{f', nor in the rootdir {root}' if apart else ''}; `failcond init` writes the "
        "[tool.failcond] tables"
    )


def _look_into(folder: Path) -> Configuration | None:
    """Return the one configuration of a folder; two of them would be read by different people."""
    first, *others = [*filter(None, (_look(folder / name) for name in _NAMES)), None]
    if first is not None and (other := others[0]) is not None and not first.is_same(other):
        raise FailcondError(
            f"{first.path} and {other.path} both configure failcond; keep the tables of one of them"
        )
    return first


def _look(path: Path) -> Configuration | None:
    # In all versions, isfile takes an inaccessible file for absent; Path.is_file does not.
    return _read(path) if os.path.isfile(path) else None  # noqa: PTH113


def _read(path: Path) -> Configuration | None:
    """Read a file; None if it has no table.

    A project that does not configure failcond pays for no TOML parser and needs no valid TOML.
    """
    try:
        content = path.read_bytes()
        if path.name == "pyproject.toml" and b"failcond" not in content:
            return None
        import tomllib

        data = tomllib.loads(content.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FailcondError(
            f"{path}: cannot be read as TOML ({error}), so its configuration is not known; mend "
            f"the file"
        ) from error
    tool = data.get("tool", {})
    nested = tool.get("failcond") if isinstance(tool, dict) else None
    table = nested if nested is not None or path.name == "pyproject.toml" else data
    if table is not None and not isinstance(table, dict):
        raise FailcondError(f"{path}: [tool.failcond] must be a table, not {table!r}")
    return None if table is None else Configuration(path, table, table is nested)

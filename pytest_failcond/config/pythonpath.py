"""pytest's ``pythonpath``, for commands: they import the same modules as tests, from the same
folders.
"""

from __future__ import annotations

import configparser
import shlex
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_failcond.errors import FailcondError


def use_pythonpath(folder: Path) -> None:
    """Put the ``pythonpath`` of the pytest configuration that is nearest to a folder on ``sys.path``.

    Raises:
        FailcondError: that configuration cannot be read.
    """
    for place in reversed(pythonpath_of(folder)):
        if str(place) not in sys.path:
            sys.path.insert(0, str(place))


def pythonpath_of(folder: Path) -> list[Path]:
    """Return the folders that pytest would add, were it called in this one.

    Raises:
        FailcondError: that configuration cannot be read.
    """
    for above in (folder, *folder.parents):
        for name, read in _READERS.items():
            path = above / name
            if path.is_file() and (table := _table(path, read)) is not None:
                named = table.get("pythonpath", [])
                named = shlex.split(named) if isinstance(named, str) else named
                if not isinstance(named, list):
                    raise FailcondError(f"{path}: pythonpath must be a list of folders: {named!r}")
                return [above / str(entry) for entry in named]
    return []


def _table(path: Path, read: Callable[[Path], dict[str, Any] | None]) -> dict[str, Any] | None:
    try:
        return read(path)
    except (OSError, ValueError, configparser.Error, AttributeError) as error:
        raise FailcondError(
            f"{path}: pytest's configuration cannot be read ({error}); mend it"
        ) from error


def _pytest_toml(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = _toml(path).get("pytest", {})
    return table


def _pyproject(path: Path) -> dict[str, Any] | None:
    table: dict[str, Any] = _toml(path).get("tool", {}).get("pytest", {})
    return table.get("ini_options", table) or None


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _pytest_ini(path: Path) -> dict[str, Any]:
    return _section(path, "pytest") or {}


def _tox(path: Path) -> dict[str, Any] | None:
    return _section(path, "pytest")


def _setup_cfg(path: Path) -> dict[str, Any] | None:
    return _section(path, "tool:pytest")


def _section(path: Path, name: str) -> dict[str, Any] | None:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    return dict(parser[name]) if parser.has_section(name) else None


_READERS: dict[str, Callable[[Path], dict[str, Any] | None]] = {
    "pytest.toml": _pytest_toml,
    ".pytest.toml": _pytest_toml,
    "pytest.ini": _pytest_ini,
    ".pytest.ini": _pytest_ini,
    "pyproject.toml": _pyproject,
    "tox.ini": _tox,
    "setup.cfg": _setup_cfg,
}
"""Readers of the files that pytest takes its configuration from, in its order; None: the file has
none."""

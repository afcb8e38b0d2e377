"""Missing modules that the configuration names: one error, before anything runs.

Only certain faults are refused. One of the user's fixtures may replace the named function, and a
test may make a module importable; loading then reports the fault, if the subject is needed at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_failcond.errors import FailcondError

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings

_JUDGE = "failcond_judge"


def check_named(config: pytest.Config, places: Sequence[Path], settings: Settings) -> None:
    """See that each ``module:callable`` has this form, that its module can be found, and judges' files read.

    Raises:
        FailcondError: one has not or cannot, the tests need it, and nothing takes its place.
    """
    from pytest_failcond.judges.file import read_judges
    from pytest_failcond.subjects.references import missing_module, parts_of, references_of, unfound

    for key, reference in references_of(settings):
        missing = None
        try:
            missing = missing_module(parts_of(reference, key)[0], settings.folder)
            if missing is not None:
                raise unfound(missing, reference, key, settings.folder)
        except FailcondError:
            fixture = _JUDGE if key == "judges" else f"failcond_{key}"
            if _is_certain(config, places, fixture, missing):
                raise
    for _, name in settings.named_judges:
        try:
            if (file := settings.judges_file(name)) is not None:
                read_judges(file)
        except FailcondError:
            if _is_certain(config, places, _JUDGE, None):
                raise


def _is_certain(
    config: pytest.Config, places: Sequence[Path], fixture: str, missing: str | None
) -> bool:
    """Whether tests will need the subject of a fixture, and only the configuration gives it."""
    if _defines(config, fixture):
        return False
    asked = False
    for path in _python_files(config, places):
        text = path.read_text(encoding="utf-8", errors="replace")
        is_test = path in places or _is_test(config, path)
        if fixture in text or (is_test and missing and _may_import(path, text, missing)):
            return False
        asked = asked or (is_test and "failcond" in text)
    return asked


def _defines(config: pytest.Config, fixture: str) -> bool:
    """Whether a plugin, such as an already loaded conftest.py, defines a fixture."""
    plugins = config.pluginmanager.get_plugins()
    return any(
        fixture in getattr(plugin, "__dict__", {})
        and getattr(plugin, "__name__", "") != "pytest_failcond.plugin"
        for plugin in plugins
    )


def _may_import(test: Path, text: str, module: str) -> bool:
    """Whether a module may be found once a test is imported: pytest puts its folder on sys.path."""
    if "." in module:
        return False  # its package is found: another folder does not change its content
    folder = _import_folder(test)
    beside = (folder / f"{module}.py").is_file() or (folder / module).is_dir()
    return beside or "sys.path" in text


def _is_test(config: pytest.Config, path: Path) -> bool:
    patterns = ["conftest.py", *config.getini("python_files")]
    return any(fnmatch(path.name, pattern) for pattern in patterns)


def _python_files(config: pytest.Config, places: Sequence[Path]) -> Iterator[Path]:
    """Return the Python files below the folders of tests, up to the folders that pytest imports
    them from.
    """
    ignored = ["__pycache__", *config.getini("norecursedirs")]
    for top in dict.fromkeys(map(_import_folder, places)):
        for folder, below, names in os.walk(top):
            here = Path(folder)
            below[:] = [
                name
                for name in below
                if not any(fnmatch(name, pattern) for pattern in ignored)
                and not (here / name / "pyvenv.cfg").exists()
            ]
            paths = [here / name for name in names if name.endswith(".py")]
            yield from (path for path in paths if path.is_file() and os.access(path, os.R_OK))


def _import_folder(place: Path) -> Path:
    """Return the folder that pytest puts on sys.path for the tests in a place: above their
    packages.
    """
    folder = place if place.is_dir() else place.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder

"""Missing modules and functions that the configuration names: one error, before anything runs.

Only certain faults are refused. One of the user's fixtures may replace the named function, and a
test may make a module importable; loading then reports the fault, if the subject is needed at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_failcond.errors import FailcondError

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings

_JUDGE = "failcond_judge"


@dataclass(frozen=True)
class _Fault:
    """A ``module:callable`` that cannot be used now.

    Attributes:
        error: its sentence.
        module: the dotted name of the missing module, or of the module without the name.
        name: the name that the module lacks.
        file: of the module.
    """

    error: FailcondError
    module: str = ""
    name: str = ""
    file: Path | None = None

    def may_end(self, text: str, test: Path | None) -> bool:
        """Whether the code of a file, which is a test's or not, may mend the fault before it matters."""
        if test is not None and self.module and _may_import(test, text, self.module, self.file):
            return True
        name = re.escape(self.name)
        return bool(name and re.search(rf"\.{name}\b\s*(:[^=\n]+)?=(?!=)|['\".]{name}['\"]", text))


def check_named(config: pytest.Config, places: Sequence[Path], settings: Settings) -> None:
    """Check the form, the module and the name of each ``module:callable``, and read judges' files.

    Raises:
        FailcondError: one is wrong or not found, the tests need it, and nothing takes its place.
    """
    from pytest_failcond.judges.file import read_judges
    from pytest_failcond.subjects.references import references_of

    for key, reference in references_of(settings):
        fixture = _JUDGE if key == "judges" else f"failcond_{key}"
        fault = _fault(reference, key, settings.folder)
        if fault is not None and _is_certain(config, places, fixture, fault):
            raise fault.error
    for _, name in settings.named_judges:
        try:
            if (file := settings.judges_file(name)) is not None:
                read_judges(file)
        except FailcondError as error:
            if _is_certain(config, places, _JUDGE, _Fault(error)):
                raise


def check_judged(config: pytest.Config, places: Sequence[Path], settings: Settings) -> None:
    """Check that there is a judge, for a generator without classes.

    Raises:
        FailcondError: there is none, the tests need it, and no fixture gives one or another generator.
    """
    if settings.named_judges:
        return
    error = FailcondError(
        f"generator: {settings.generator} has no classes, and without a judge its images get none; set "
        f'judge = "…" in {settings.table()}, or use a generator with classes'
    )
    fixtures = (_JUDGE, "failcond_generator")
    if all(_is_certain(config, places, fixture, _Fault(error)) for fixture in fixtures):
        raise error


def _fault(reference: str, key: str, folder: Path) -> _Fault | None:
    """Find the fault of a ``module:callable``, if it has a certain one."""
    from pytest_failcond.subjects.module_names import names_of
    from pytest_failcond.subjects.references import locate, parts_of, unfound, unnamed

    try:
        module, attributes = parts_of(reference, key, folder)
    except FailcondError as error:
        return _Fault(error)
    missing, spec = locate(module, folder)
    if missing is not None:
        return _Fault(unfound(missing, reference, key, folder), missing)
    name = attributes.partition(".")[0]
    names = None if spec is None or name.startswith("__") else names_of(spec)
    if spec is None or names is None or name in names:
        return None
    return _Fault(unnamed(name, reference, key, spec, names), module, name, Path(str(spec.origin)))


def _is_certain(config: pytest.Config, places: Sequence[Path], fixture: str, fault: _Fault) -> bool:
    """Whether tests will need the subject of a fixture, and only the configuration gives it."""
    if _defines(config, fixture):
        return False
    asked = False
    for path in _python_files(config, places):
        text = path.read_text(encoding="utf-8", errors="replace")
        is_test = path in places or _is_test(config, path)
        if fixture in text or fault.may_end(text, path if is_test else None):
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


def _may_import(test: Path, text: str, module: str, known: Path | None) -> bool:
    """Whether a test's import may make a module found, or another than the known file of it.

    pytest puts the test's folder on ``sys.path``.
    """
    if "." in module and known is None:
        return False  # its package is found: another folder does not change its content
    beside = _import_folder(test) / module.partition(".")[0]
    others = [path for path in (beside.with_suffix(".py"), beside) if path.exists()]
    if known is not None:
        own = known.resolve()
        others = [path for path in others if path.resolve() not in (own, *own.parents)]
    return bool(others) or "sys.path" in text


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

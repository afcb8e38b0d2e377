"""A project's own probes: ``[tool.failcond] probes = ["module:PROBE"]``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_failcond.config.configuration import Finder
from pytest_failcond.config.pythonpath import use_pythonpath
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.base import Probe
from pytest_failcond.probes.registry import PROBES


def add_configured(path: Path, table: dict[str, Any]) -> None:
    """Add the probes that a configuration names, in place of those of an earlier one.

    Args:
        path: of the configuration; modules are looked for in its folder first.
        table: ``[tool.failcond]``, not validated.

    Raises:
        FailcondError: one cannot be loaded, is not a probe, or its name is taken.
    """
    references = table.get("probes") or ()
    PROBES.configure([_load(path, reference) for reference in _texts(path, references)])


def add_those_of_here() -> None:
    """Add the probes of the project around the current folder, for commands that read run files.

    Raises:
        FailcondError: as `add_configured`.
    """
    here = Path.cwd()
    found = None
    with suppress(FailcondError):  # the part that needs the configuration reports its faults
        found = Finder().nearest(here)
    if found is None or not found.table.get("probes"):
        PROBES.configure(())
        return
    for folder in (here, found.path.parent):
        use_pythonpath(folder)
    add_configured(found.path, found.table)


def _texts(path: Path, references: Any) -> Sequence[str]:
    if not isinstance(references, list | tuple) or not all(isinstance(r, str) for r in references):
        raise FailcondError(f'{path}: probes: give a list like ["module:PROBE"]')
    return references


def _load(path: Path, reference: str) -> Probe:
    from pytest_failcond.subjects.loading import find

    found = find(reference, "probes", folder=path.parent)
    if not isinstance(found, Probe):
        raise FailcondError(
            f"{path}: probes: {reference!r} is of type {type(found).__name__}; name a "
            "pytest_failcond.probes.Probe"
        )
    return found

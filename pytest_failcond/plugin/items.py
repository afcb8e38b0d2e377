"""The subject of a test item, and the place where it is reported.

Parameters carry the meaning: other plugins and the user's fixtures may change names and IDs.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_failcond.plugin.scope import SCOPE
from pytest_failcond.plugin.state import SUITE, State, from_suite
from pytest_failcond.probes.base import FIXTURE, Planned
from pytest_failcond.probes.keys import CleanKey
from pytest_failcond.probes.registry import PROBES

FIXTURES = "pytest_failcond.plugin.fixtures"
"""The module of our fixtures; fixtures that override them are in others."""
GENERATED = (
    "failcond_corruption",
    "failcond_corner_case",
    "failcond_combination",
    "failcond_corpus",
    "failcond_gate",
    "failcond_regression",
    FIXTURE,
)
"""The fixtures whose values make tests; None means no value."""


def parameters(item: pytest.Item) -> dict[str, Any]:
    """Return an item's parameters by fixture, also those of other plugins."""
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params


def definitions(item: pytest.Item, name: str) -> Sequence[Any]:
    """Return a fixture's definitions as a test sees them, the overriding one last.

    pytest has no public way to see them before they run. Its manager alone knows those of a fixture
    that a test requests by ``request.getfixturevalue``.
    """
    known = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    return known.get(name) or item.session._fixturemanager.getfixturedefs(name, item) or ()


def says_nothing(item: pytest.Item, state: State | None) -> bool:
    """Whether it is one of the suite's tests, about an unconfigured part."""
    if not from_suite(item):
        return False
    values = [value for name, value in parameters(item).items() if name in GENERATED]
    if values:
        return values == [None]
    if _is_refused(item):
        return False  # it fails with the reason
    if state is None:
        return True
    images = definitions(item, "failcond_images")[-1]
    overridden = images.func.__module__ != FIXTURES
    if state.settings.images is not None or overridden:
        return False
    # A gate on the clean images must not vanish because there are none: its test reports that.
    gated = {metric.name for metric in PROBES[CleanKey.probe].metrics}
    return not any(gate.metric in gated for gate in state.settings.gates)


def is_planned(item: pytest.Item) -> bool:
    """Whether a test belongs to the session's plan: it is one of the suite's, and can be judged
    here.
    """
    return from_suite(item) and not _is_refused(item)


def measures(item: pytest.Item) -> bool:
    """Whether a test requests the fixture ``failcond``, directly or indirectly, and may have it
    here.
    """
    return "failcond" in getattr(item, "fixturenames", ()) and not _is_refused(item)


def _is_refused(item: pytest.Item) -> bool:
    return item.config.stash[SCOPE].objection(item) is not None


def planned(item: pytest.Item) -> Planned:
    """Return the name that one of the suite's tests checks: its parameter, else the clean
    images.
    """
    tests = (value for value in parameters(item).values() if isinstance(value, Planned))
    return next(tests, Planned.of_key(CleanKey()))


def bring_home(item: pytest.Item) -> None:
    """Report one of the suite's tests in the user's file, which imports it, not in ours.

    JUnit files and annotations of continuous integration point there.
    """
    if from_suite(item):
        line, name = _line_of_import(item), item.reportinfo()[2]
        item.reportinfo = lambda: (item.path, line, name)  # type: ignore[method-assign]


def _line_of_import(item: pytest.Item) -> int:
    """Return the line, from 0, of the statement that imports an item's function; 0: unknown."""
    imported = {"*", item.function.__name__}  # type: ignore[attr-defined]
    for node in ast.walk(_parsed(item.path)):
        if isinstance(node, ast.ImportFrom) and node.module == SUITE:  # noqa: SIM102
            if imported & {alias.name for alias in node.names}:
                return node.lineno - 1
    return 0


def _parsed(path: Path) -> ast.AST:
    try:
        return ast.parse(path.read_bytes())
    except (
        OSError,
        SyntaxError,
        ValueError,
    ):  # the user's collector may read other files than Python
        return ast.Module([], [])

"""The tests that a session's configuration covers. Imports only the standard library and pytest.

A session has one configuration: the nearest to the requested tests. If another file is nearer to a
test, the test is not judged; it does not vanish or pass, but fails with the reason.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_failcond.config.configuration import (
    Configuration,
    Finder,
    absence,
    find_configuration,
    read_configuration,
)
from pytest_failcond.errors import FailcondError
from pytest_failcond.plugin.state import from_suite

OFF = "none"
FILE = "failcond_file"
"""The name under which workers of pytest-xdist learn the controller's configuration."""


@dataclass
class Scope:
    """The tests that a session's configuration covers.

    Attributes:
        places: the places of the requested tests.
        root: pytest's rootdir.
        found: the configuration, if there is one.
        off: whether the user has switched failcond off.
        named: whether the user has named the file: every test may use it.
        finder: finds the configuration nearest to a test.
    """

    places: tuple[Path, ...]
    root: Path
    found: Configuration | None = None
    off: bool = False
    named: bool = False
    finder: Finder = field(default_factory=Finder)

    @classmethod
    def of(cls, config: pytest.Config) -> Scope:
        """Find the configuration of a session.

        Raises:
            FailcondError: a file cannot be read, or the arguments lead to two.
        """
        option, worker = config.getoption("failcond_config"), getattr(config, "workerinput", None)
        scope = cls(places_of(config), config.rootpath, off=option == OFF, named=option is not None)
        if scope.off:
            return scope
        if worker is not None:
            file = worker.get(FILE)
            scope.found = None if file is None else read_configuration(Path(file), FILE)
        elif scope.named:
            path = os.path.abspath(config.invocation_params.dir / option)  # noqa: PTH100
            scope.found = read_configuration(Path(path), "--failcond-config")
        else:
            scope.found = find_configuration(scope.places, scope.root, scope.finder)
        return scope

    def file(self, here: Path) -> str:
        """Return the configuration's file relative to a folder."""
        assert self.found is not None
        path = self.found.path
        return str(path.relative_to(here) if path.is_relative_to(here) else path)

    def objection(self, item: pytest.Item) -> str | None:
        """Return the reason why a test cannot be judged in this session; None: it can.

        A test belongs to the configuration nearest to it, or else to that of pytest's rootdir.
        """
        if self.off or self.named:
            return None
        try:
            own = self.finder.nearest(item.path) or self.finder.nearest(self.root)
        except FailcondError as error:
            return str(error)
        if own is None:
            return f"not configured: {absence((item.path.parent,), self.root)}"
        if own.is_same(self.found):
            return None
        session = "has no configuration" if self.found is None else f"has {self.found.path}"
        return (
            f"configured by {own.path}, but this session {session}; run pytest on "
            f"{own.path.parent}, or give --failcond-config={own.path}"
        )


SCOPE = pytest.StashKey[Scope]()


def needs_configuration(item: object, fixtures: tuple[str, ...]) -> bool:
    """Whether a test is the suite's, or one of the user's that requests these fixtures."""
    return from_suite(item) or not set(fixtures).isdisjoint(getattr(item, "fixturenames", ()))


def seems_configured(early_config: pytest.Config) -> bool:
    """Whether a session seems to have a configuration, before pytest has read all options.

    Faults of a file are reported when pytest is configured.
    """
    known, here = early_config.known_args_namespace, early_config.invocation_params.dir
    if known.failcond_config is not None:
        return bool(known.failcond_config != OFF)
    finder, places = Finder(), [here / _file_of(name) for name in known.file_or_dir]
    try:
        return any(map(finder.nearest, (*(places or [here]), early_config.rootpath)))
    except FailcondError:
        return False


def _file_of(argument: str) -> str:
    """Return the file or module of a node id: path::name[parameters]."""
    return argument.partition("[")[0].partition("::")[0]


def places_of(config: pytest.Config) -> tuple[Path, ...]:
    """Return the places of the tests on pytest's command line; without any, the working
    directory.
    """
    places = []
    for argument in config.args:
        name = _file_of(argument)
        module = _folder_of_module(name) if config.getoption("pyargs") else None
        places.append(module or config.invocation_params.dir / name)
    return tuple(dict.fromkeys(places))


def _folder_of_module(name: str) -> Path | None:
    """Return the folder of the top package of a dotted name, without importing it."""
    try:
        spec = importlib.util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = spec.submodule_search_locations or [spec.origin or ""]
    top = Path(next(iter(places)))
    return top.joinpath(*name.split(".")[1:]) if spec.submodule_search_locations else top

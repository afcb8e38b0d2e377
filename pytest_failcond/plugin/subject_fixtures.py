"""The fixtures that give a test its subjects: a session measures one set, since keys name no
subjects.

Differences that show without loading anything are refused before anything is measured.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.plugin.items import FIXTURES, GENERATED, definitions, measures, parameters
from pytest_failcond.plugin.state import SUBJECTS, State, fail

if TYPE_CHECKING:
    from pytest_failcond.laboratory.measure import Laboratory

_ABSENT = object()
_PREFIX = "failcond_"
_REMEDY = (
    "run pytest once for each, by -k or a path, each with its own --failcond-json, and compare the "
    "runs by `failcond compare`"
)


@dataclass(frozen=True)
class Source:
    """A fixture that a test's subjects come from, directly or indirectly.

    Attributes:
        definition: pytest's.
        value: its parameter.
        item: the test.
    """

    definition: Any
    value: Any
    item: pytest.Item

    @property
    def function(self) -> Any:
        """The function that pytest calls for it."""
        function = inspect.unwrap(self.definition.func)
        return getattr(function, "__func__", function)

    @property
    def is_ours(self) -> bool:
        """Whether it is not overridden."""
        return bool(self.function.__module__ == FIXTURES)

    @property
    def file(self) -> Path:
        """The place of its definition, or of the test if that cannot be seen."""
        code = getattr(self.function, "__code__", None)
        # A value given directly by `parametrize` has one of pytest's functions.
        if code is None or self.function.__module__.partition(".")[0] == "_pytest":
            return self.item.path
        return Path(code.co_filename)

    def asked(self) -> Iterator[str]:
        """Yield names of fixtures that it may request, also by
        ``request.getfixturevalue("name")``.
        """
        yield from self.definition.argnames
        code = getattr(self.function, "__code__", None)
        if code is not None and "getfixturevalue" in code.co_names:
            yield from (constant for constant in code.co_consts if isinstance(constant, str))

    def is_same(self, other: Source) -> bool:
        """Whether another test gets the same from it."""
        return self.function is other.function and _are_same(self.value, other.value)

    def where(self) -> str:
        """Return the shortest name of its file."""
        if self.is_ours:
            return "pytest-failcond itself"
        root = self.item.config.rootpath
        return str(self.file.relative_to(root) if self.file.is_relative_to(root) else self.file)

    def parameter(self, unnamed: str) -> str:
        """Name its parameter, if a short name is clear."""
        if self.value is _ABSENT:
            return "no parameter"
        plain = isinstance(self.value, str | int | float | bool | None)
        return f"parameter {self.value!r}" if plain else unnamed


class Sharing:
    """Checks, for differences that show only as tests run, that all tests share the same subjects.

    Raises:
        FailcondError: when built, if a second model without a hash was loaded; `Measuring` compares
            hashes.
    """

    def __init__(self, state: State, laboratory: Laboratory | None) -> None:
        self._state = state
        self._first: pytest.Item | None = None
        self._latest: pytest.Item | None = None
        self.see()
        if laboratory is not None:
            for name, given in laboratory.models.items():
                if given.hash is None:
                    self._refuse_another(name, given.model)

    def see(self) -> None:
        """Fail the running test if its fixtures give other subjects than those of the first.

        It may request them by ``request.getfixturevalue("failcond")``, which no collection shows.
        """
        item = self._state.item
        if item is None or item is self._latest:
            return
        self._first = self._first or item
        if why := refusal([self._first, item], self._state.given):
            fail(why)
        self._latest = item

    def _refuse_another(self, name: str, model: Any) -> None:
        if self._state.models.setdefault(name, model) is not model:
            raise FailcondError(
                f"{name}: a session measures one set of subjects, but a second {name} was loaded; "
                "run pytest once for each, and compare by `failcond compare`"
            )


def refusal(items: Sequence[pytest.Item], given: Mapping[str, str]) -> str | None:
    """Return the reason why tests cannot share a session, or why one cannot run; None: they can.

    Args:
        items: tests that measure.
        given: command-line options that name a subject, by the fixture that loads it.
    """
    first: dict[tuple[str, int], Source] | None = None
    for item in items:
        found = dict(_sources(item))
        if first is None:
            first = found
        for place in [place for place in first if place in found]:
            one, other = first[place], found[place]
            if not one.is_same(other):
                return _difference(place[0], one, other)
        for (name, _), source in found.items():
            if why := _alone(name, source, given):
                return why
    return None


def unknown_fixture(items: Sequence[pytest.Item]) -> str | None:
    """Return a sentence on one of the user's fixtures that replaces none of ours, though its name
    suggests it.

    A mistyped name would have no effect: the configured model would be judged without notice.

    Args:
        items: tests that measure.
    """
    ours = ["failcond", *SUBJECTS, *GENERATED]
    for name, file in _named_like_ours(items):
        if name not in ours and any(definitions(item, name) for item in items):
            return (
                f"{file}: names that begin with {_PREFIX} are reserved for pytest-failcond's "
                f"fixtures, and {name} is not one of them{nearest(name, ours)}"
            )
    return None


def _named_like_ours(items: Sequence[pytest.Item]) -> Iterator[tuple[str, str]]:
    """Yield names that begin like ours, in the user's conftest files, plugins and tests, and the files."""
    manager = items[0].config.pluginmanager if items else None
    installed = {id(plugin) for plugin, _ in manager.list_plugin_distinfo()} if manager else set()
    plugins = [
        plugin
        for plugin in (manager.get_plugins() if manager else ())
        if id(plugin) not in installed and not _is_pytests_own(plugin)
    ]
    modules = [getattr(item, "module", None) for item in items]
    classes = [getattr(item, "cls", None) for item in items]
    for place in {id(place): place for place in (*plugins, *modules, *classes)}.values():
        for name, value in list(getattr(place, "__dict__", {}).items()):
            for given in (name, inspect.getattr_static(value, "name", None)):  # name= of a fixture
                if isinstance(given, str) and given.startswith(_PREFIX):
                    yield given, getattr(place, "__file__", None) or place.__module__


def _is_pytests_own(plugin: object) -> bool:
    """Whether a plugin, which is a module or an object, is part of pytest."""
    module = getattr(plugin, "__name__", None) or type(plugin).__module__
    return str(module).startswith("_pytest.")


def _alone(name: str, source: Source, given: Mapping[str, str]) -> str | None:
    """Return the fault of a single fixture; None if it has none."""
    if source.definition.scope != "session":
        return (
            f"fixture {name} ({source.where()}) has scope {source.definition.scope!r}, but each key is "
            'measured once in a session; give it scope="session"'
        )
    if name in given and not source.is_ours:
        return (
            f"{given[name]} would have no effect: {source.file} overrides the fixture {name}; "
            "drop one of them"
        )
    return None


def _difference(name: str, one: Source, other: Source) -> str:
    here, there = one.item.nodeid, other.item.nodeid
    if one.function is other.function:
        values = one.parameter("one parameter"), other.parameter("another parameter")
        what = f"({one.where()}) has {values[0]} in {here} and {values[1]} in {there}"
    elif one.where() == other.where():
        what = f"is made twice in {one.where()}, for {here} and for {there}"
    else:
        what = f"comes from {one.where()} in {here} and from {other.where()} in {there}"
    return f"a session measures one set of subjects, but fixture {name} {what}; {_REMEDY}"


def _sources(item: pytest.Item) -> Iterator[tuple[tuple[str, int], Source]]:
    """Yield the fixtures that a test's subjects come from, by name.

    The number beside a name is over 1 if a fixture requests the one that it overrides.
    """
    queue, seen = [(name, 1) for name in SUBJECTS], set()
    while queue:
        name, nth = place = queue.pop(0)
        defined = definitions(item, name)
        if place in seen or nth > len(defined):
            continue
        seen.add(place)
        source = Source(defined[-nth], parameters(item).get(name, _ABSENT), item)
        yield place, source
        queue += [(asked, nth + 1 if asked == name else 1) for asked in source.asked()]


def _are_same(one: Any, other: Any) -> bool:
    """Whether two parameters are equal; by identity if they cannot be compared as wholes."""
    if one is other:
        return True
    try:
        return type(one) is type(other) and hash(one) == hash(other) and bool(one == other)
    except (TypeError, ValueError, RuntimeError):
        return False


def failed_fixture(item: pytest.Item, error: BaseException) -> str | None:
    """Return the fixture that failed with an error, where a test's subjects come from it.

    pytest raises the same error again for every test that requests the fixture.
    """
    if not measures(item):
        return None
    for (name, _), source in _sources(item):
        cached = source.definition.cached_result
        if cached is not None and cached[2] is not None and cached[2][0] is error:
            return name
    return None

"""Which tests are generated: the part of the hooks that needs us."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_failcond.corruptions.names import check_severity
from pytest_failcond.errors import NO_GENERATOR, FailcondError, nearest
from pytest_failcond.fixtures import CornerCase, CorruptionCell
from pytest_failcond.items import definitions
from pytest_failcond.keys import CorruptionKey, class_id
from pytest_failcond.metric_rows import METRICS
from pytest_failcond.plan import compared_keys, is_per_key
from pytest_failcond.state import State
from pytest_failcond.store import Store


def values_of(fixture: str, state: State, item: Any) -> tuple[list[Any], list[str]]:
    """Return the values that a fixture takes in a test, and their ids.

    Raises:
        FailcondError: a marker selects something that is not there.
    """
    make = {
        "failcond_corruption": _cells,
        "failcond_corner_case": _corner_cases,
        "failcond_gate": _gates,
        "failcond_regression": _regressions,
        "failcond_corpus": _corpus,
    }[fixture]
    return make(state, item)


def _cells(state: State, item: pytest.Item) -> tuple[list[Any], list[str]]:
    grid = state.settings.corruptions
    if grid is None:
        return [], []
    names, severities = grid.names, grid.severities
    for marker in item.iter_markers("failcond_corruptions"):
        chosen = _arguments(marker, ("names", "severities"))
        names = _chosen(chosen.get("names"), names, "names")
        for severity in chosen.get("severities") or ():
            check_severity(severity)
        severities = _chosen(chosen.get("severities"), severities, "severities")
    cells = [CorruptionCell(name, severity) for name in names for severity in severities]
    return cells, [f"{cell.corruption}-{cell.severity}" for cell in cells]


def _corner_cases(state: State, item: pytest.Item) -> tuple[list[Any], list[str]]:
    settings = state.settings
    given = len(definitions(item, "failcond_generator")) > 1
    if settings.generator is None and not given:
        for gate in settings.gates:  # which would be gone, and nobody would know
            if METRICS[gate.metric].about == "direction":
                raise FailcondError(f"gate {gate.id!r} selects nothing: {NO_GENERATOR}")
        return [], []
    if state.classes is None:
        raise FailcondError(
            "failcond_generator is overridden, so the tests cannot be named from its file; "
            "set classes = [...] in [tool.failcond]"
        )
    names, top = state.classes, settings.corner_cases.top
    for marker in item.iter_markers("failcond_corner_cases"):
        chosen = _arguments(marker, ("classes", "top"))
        names = _chosen(chosen.get("classes"), names, "classes")
        top = chosen.get("top", top)
        whole = isinstance(top, int) and not isinstance(top, bool)
        if not whole or not 1 <= top <= settings.corner_cases.top:
            raise FailcondError(
                f"marker failcond_corner_cases: top = {top!r} is outside 1 to corner_cases.top, "
                f"{settings.corner_cases.top}"
            )
    index = {name: place for place, name in enumerate(state.classes)}
    cases = [CornerCase(index[name], rank) for name in names for rank in range(1, top + 1)]
    return cases, [f"{class_id(state.classes, c.class_index)}-{c.rank}" for c in cases]


def _gates(state: State, item: pytest.Item) -> tuple[list[Any], list[str]]:
    ids = [gate.id for gate in state.settings.gates if not is_per_key(gate)]
    return ids, ids


def _corpus(state: State, item: pytest.Item) -> tuple[list[Any], list[str]]:
    return list(state.corpus), list(state.corpus)


def _regressions(state: State, item: pytest.Item) -> tuple[list[Any], list[str]]:
    """Keys that gates compare with the baseline and, where there is one, all that it has."""
    settings = state.settings
    keys = [
        key
        for gate in settings.gates
        if METRICS[gate.metric].about == "baseline"
        for key in compared_keys(gate, settings)
    ]
    if state.baseline is not None:
        keys += _kept_keys(state, state.baseline)
    keys = list(dict.fromkeys(keys))
    return keys, [_regression_id(key) for key in keys]


def _kept_keys(state: State, baseline: Path) -> list[str]:
    """Return the keys of a baseline that this session can measure again."""
    from pytest_failcond.files import hash_file
    from pytest_failcond.run import Run

    settings, run = state.settings, Run.load(baseline)
    grid = settings.corruptions
    mine = {"clean"} if settings.images is not None else set()
    if grid is not None:
        mine |= {str(CorruptionKey(n, s)) for n in grid.names for s in grid.severities}
    keys = [key for key in run.measurements if key in mine]
    if state.measured is not None:
        # What the kept run did not walk again, the comparison names; no gate is about it.
        store = Store(state.store)  # which the kept run was put into, its errors too
        return keys + [key for key in run.directions if store.find(key) is not None]
    generator = None if settings.generator is None else settings.path(settings.generator)
    if generator is not None and run.subjects.get("generator") == hash_file(generator):
        keys += run.directions
    return keys


def _regression_id(key: str) -> str:
    signs = {"+": "up", "-": "down"}
    parts = [signs.get(part, part) for part in key.removeprefix("corruption:").split(":")]
    return "-".join(parts)


def _arguments(marker: pytest.Mark, known: tuple[str, ...]) -> dict[str, Any]:
    for key in marker.kwargs:
        if key not in known:
            raise FailcondError(
                f"marker {marker.name}: unknown argument {key!r}{nearest(key, known)}"
            )
    if marker.args:
        raise FailcondError(f"marker {marker.name}: name its arguments: {', '.join(known)}")
    return dict(marker.kwargs)


def _chosen(wanted: Any, configured: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    if wanted is None:
        return configured
    if isinstance(wanted, str) or not isinstance(wanted, Sequence) or not wanted:
        raise FailcondError(f"marker: {what} = {wanted!r} must be a list that selects something")
    if len(set(map(repr, wanted))) < len(wanted):
        raise FailcondError(f"marker: {what} = {wanted!r} names one twice; leave one out")
    for value in wanted:
        if value not in configured or isinstance(value, bool):
            raise FailcondError(
                f"marker: {what} {value!r} is not configured{nearest(str(value), map(str, configured))}"
            )
    return tuple(wanted)

"""The generated tests: the part of the hooks that imports our modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.plugin.items import definitions
from pytest_failcond.plugin.state import State
from pytest_failcond.probes.base import Planned, Planning
from pytest_failcond.probes.keys import CleanKey, Key
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.storage.store import Store


def tests_of(fixture: str, state: State, item: Any) -> list[Planned]:
    """Return the tests to generate for the values of a fixture.

    Raises:
        FailcondError: a marker selects something unconfigured.
    """

    def marked(name: str, known: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        return (_arguments(marker, known) for marker in item.iter_markers(name))

    given = len(definitions(item, "failcond_generator")) > 1
    planning = Planning(
        state.settings,
        state.classes,
        corpus=state.corpus,
        generator=given or state.settings.generator is not None,
        compared=lambda: _compared(state),
        marked=marked,
    )
    probes = (probe for probe in PROBES if fixture in probe.fixtures)
    return [one for probe in probes for one in probe.tests(planning) if one.fixture == fixture]


def _compared(state: State) -> Sequence[Key]:
    """Return the keys of the baseline that this session can measure again; none without a
    baseline.
    """
    if state.baseline is None:
        return []
    from pytest_failcond.runs.run import Run
    from pytest_failcond.storage.files import hash_file

    settings, run = state.settings, Run.load(state.baseline)
    mine = {*PROBES.over_images(settings), *([CleanKey()] if settings.images is not None else [])}
    keys: list[Key] = [key for key in run.measurements if key in mine]
    searches = set(PROBES.searches(settings, state.classes))
    moved = [*run.directions, *(key for key in run.records if key in searches)]
    if state.measured is not None:
        # The comparison names the directions that the kept run did not walk again; no gate checks
        # them.
        store = Store(state.store)  # it has the records of the kept run, its errors too
        return keys + [key for key in moved if store.find(key) is not None]
    generator = None if settings.generator is None else settings.path(settings.generator)
    made_by = str(run.subjects.get("generator")).partition(",")[0]  # what follows is done to images
    if generator is not None and made_by == hash_file(generator):
        keys += moved
    return keys


def _arguments(marker: pytest.Mark, known: tuple[str, ...]) -> dict[str, Any]:
    for key in marker.kwargs:
        if key not in known:
            raise FailcondError(
                f"marker {marker.name}: unknown argument {key!r}{nearest(key, known)}"
            )
    if marker.args:
        raise FailcondError(f"marker {marker.name}: name its arguments: {', '.join(known)}")
    return dict(marker.kwargs)

"""What pytest's header says of the session."""

from __future__ import annotations

import pytest

from pytest_failcond.plugin.scope import SCOPE
from pytest_failcond.plugin.state import State
from pytest_failcond.words.printing import count, printable


def header(config: pytest.Config, state: State) -> str:
    """Say what is under test, and what is planned."""
    settings = state.settings
    grid = settings.corruptions
    file = config.stash[SCOPE].file(config.invocation_params.dir)
    tested = f"classifier {settings.classifier or 'from conftest.py'}"
    if state.measured is not None:  # the kept run's classifier may be another
        tested = f"judging {state.measured}: nothing is measured"
    parts = [f"configured by {file}", tested]
    if grid is not None:
        parts.append(count(len(grid.names) * len(grid.severities), "corruption cell"))
    if state.classes is not None and settings.generator is not None:
        parts.append(
            f"{count(len(state.classes), 'class')} x {count(settings.corner_cases.top, 'direction')}"
        )
        if (search := settings.combinations) is not None:
            searches = len(state.classes) + len(search.pairs(state.classes))
            parts.append(count(searches, "combination test"))
    if state.corpus:
        parts.append(f"a corpus of {len(state.corpus)}")
    if state.part is None:
        parts.append(count(len(settings.gates), "gate"))
    else:
        parts.append("part {} of {}: nothing is judged".format(*state.part))
    if state.baseline is None and settings.baseline is not None:
        from pytest_failcond.config.baselines import absent_baseline

        parts.append(absent_baseline(settings))
    return printable("failcond: " + ", ".join(parts))

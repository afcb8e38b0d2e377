"""The tests that begin, and the reason for those of a stopped session that do not."""

from __future__ import annotations

import pytest

from pytest_failcond.plugin.state import State


class Beginnings:
    """A plugin that notes each test that begins, here or in a worker."""

    def __init__(self, state: State) -> None:
        self._begun = state.begun

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note a test."""
        self._begun.add(nodeid)


def unbegun(session: pytest.Session, exitstatus: int, state: State) -> dict[str, str]:
    """Return the planned tests that did not begin because the session stopped, with the reason."""
    from pytest_failcond.storage.store import PLAN, Store

    why = session.shouldfail or session.shouldstop
    if not why and exitstatus != pytest.ExitCode.INTERRUPTED:
        return {}
    tests: dict[str, str] = (Store(state.store).find(PLAN) or {"tests": {}})["tests"]
    begun = {name for test, name in tests.items() if test in state.begun}
    told = why if isinstance(why, str) else "it was interrupted"
    sentence = (
        f"was not run, because the session stopped before its test ({told}); let it run to its end"
    )
    return {name: sentence for name in tests.values() if name not in begun}

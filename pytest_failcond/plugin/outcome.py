"""pytest's report of a failed test: each fault once, with a place in the user's file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.plugin.state import Failed, State, fail
from pytest_failcond.plugin.subject_fixtures import failed_fixture

_OURS = Path(__file__).parents[1]
_TOLD = pytest.StashKey[dict[str, str]]()


def tell_once(
    item: pytest.Item, raised: pytest.ExceptionInfo[Any], report: Any, state: State | None
) -> None:
    """Refer to the test that reported a fault first, in any process.

    A model that cannot be loaded fails every test, but is one fault.
    """
    error = raised.value
    if isinstance(error, Failed):
        told, faults = str(error), error.faults
    elif fixture := failed_fixture(item, error):
        faults = (f"{type(error).__name__}: {error}",)
        told = f"fixture {fixture} failed: {faults[0]}"
    else:
        return
    shorter = told
    for fault in sorted(filter(None, faults), key=len, reverse=True):
        first = _first_to_tell(item, fault, state)
        if first != item.nodeid:
            shorter = shorter.replace(fault, f"see above, {first}")
        elif isinstance(error, Failed):
            before, _, after = shorter.partition(fault)
            shorter = before + fault + after.replace(fault, "the same")
    if shorter != told:
        report.longrepr = item.repr_failure(_failure(shorter))


def point_home(item: pytest.Item, raised: pytest.ExceptionInfo[Any], report: Any) -> None:
    """Name the line of the user's code that led to a failure with a sentence of ours.

    The short summary shows its first line, if there is room behind the node ID.
    """
    if not isinstance(raised.value, Failed | pytest.skip.Exception):
        return
    entries = [(Path(entry.path), entry.lineno) for entry in raised.traceback]
    if not any(path.is_relative_to(_OURS) for path, _ in entries):
        return
    lines = [line for path, line in entries if path == item.path]
    line = (lines[-1] if lines else item.reportinfo()[1] or 0) + 1
    if isinstance(report.longrepr, tuple):  # a skipped test's
        report.longrepr = (str(item.path), line, report.longrepr[2])
    elif crash := getattr(report.longrepr, "reprcrash", None):
        crash.path, crash.lineno = str(item.path), line
        told = crash.message.removeprefix("Failed: ")  # which repeats the line's FAILED
        brief = getattr(raised.value, "brief", "")
        crash.message = f"{brief}\n{told}" if brief else told


def _first_to_tell(item: pytest.Item, fault: str, state: State | None) -> str:
    """Return the test that reported a fault first, in this attempt at the tests: this one, if no
    other did.

    A rerun test reports it again: the report of its first attempt is not kept.
    """
    test = item.nodeid
    if state is None:  # nothing is configured: only this process remembers
        return item.config.stash.setdefault(_TOLD, {}).setdefault(fault, test)
    from pytest_failcond.storage.store import Store

    name = hashlib.sha256(fault.encode(errors="backslashreplace")).hexdigest()[:16]
    try:
        record = Store(state.store).get(f"told:{state.attempt}:{name}", lambda: {"by": test})
    except (FailcondError, OSError):  # the disk may be full: the fault is then reported twice
        return test
    return str(record["by"])


def _failure(sentence: str) -> pytest.ExceptionInfo[Failed]:
    try:
        fail(sentence)
    except Failed as error:
        return pytest.ExceptionInfo.from_exception(error)

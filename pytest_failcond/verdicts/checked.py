"""Checks as records of the store: each is made once in a session, and read from then on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import Key
from pytest_failcond.storage.store import CHECKED, Store
from pytest_failcond.verdicts.gates import Check

ByClass = Mapping[int | None, Check]
"""Checks that a gate has made of one key, by class; by None where it is not by class."""


class Checked:
    """Reads and keeps the checks that were made, by gate and key.

    Whoever keeps a check has measured all that it rests on, and what was measured stays as it is: no
    check that is kept is out of date. What could not be measured is no such check. A rerun may measure
    it yet, so that each who asks sees anew whether it did.

    Args:
        store: of the session.
        wait: whether who makes a check waits for others that make the same one. At the end of a session
            nobody does: a worker that was not let finish may still measure what it checks.
    """

    def __init__(self, store: Store, *, wait: bool) -> None:
        self._store = store
        self._wait = wait

    def find(self, gate: str, key: Key) -> dict[int | None, Check]:
        """Return the checks of a gate on a key that were made."""
        record = self._store.find(_name(gate, key))
        made = [] if record is None else [Check(**c | {"key": key}) for c in record["checks"]]
        return {check.class_index: check for check in made}

    def making(self, gate: str, key: Key) -> AbstractContextManager[None]:
        """Let nobody else make the checks of a gate on a key, where one waits for others."""
        if not self._wait:
            return nullcontext()
        name = _name(gate, key)
        return self._store.alone(name, f"another worker, which checks gate {gate!r} on {key}")

    def keep(self, gate: str, key: Key, checks: Iterable[Check]) -> None:
        """Keep all checks of a gate on a key that were made."""
        with suppress(FailcondError):  # the disk may be full: the check is made again
            self._store.put(_name(gate, key), {"checks": [vars(check) for check in checks]})


def _name(gate: str, key: Key) -> str:
    return f"{CHECKED}{gate}:{key}"

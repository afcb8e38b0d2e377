"""Checks as records of the store: each is made once in a session, and read from then on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import Key
from pytest_failcond.storage.store import CHECKED, Store
from pytest_failcond.verdicts.gates import Check


class Checked:
    """Reads and keeps checks, by gate and key.

    A kept check rests on measured records, which do not change: no kept check is out of date. A
    check that could not be measured is not kept: a rerun may measure it yet, so each reader tries
    again.

    Args:
        store: of the session.
        wait: whether making a check waits for another process that makes the same one. At the end
            of a session it does not: an interrupted worker may still be measuring.
    """

    def __init__(self, store: Store, *, wait: bool) -> None:
        self._store = store
        self._wait = wait

    def find(self, gate: str, key: Key) -> dict[int | None, Check]:
        """Return the kept checks of a gate on a key."""
        record = self._store.find(_name(gate, key))
        made = [] if record is None else [Check(**c | {"key": key}) for c in record["checks"]]
        return {check.class_index: check for check in made}

    def making(self, gate: str, key: Key) -> AbstractContextManager[None]:
        """Lock the checks of a gate on a key, if `wait` is set."""
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

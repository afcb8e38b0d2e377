"""Keys of searches along several directions at once, and of the ranking that they need."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import CombinationKey, Key, RankingKey

_KEY = re.compile(r"combination:(\d{1,9})(?::(\d{1,9}))?")


def read_key(text: str) -> CombinationKey | None:
    """Read the key of a search; None for another key.

    Raises:
        FailcondError: its class is searched towards itself.
    """
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    key = CombinationKey(int(match[1]), None if match[2] is None else int(match[2]))
    if key.toward == key.class_index:
        raise FailcondError(
            f"{text}: a class is not searched towards itself; name another class, or none for any "
            "other"
        )
    return key


def unit(key: Key) -> RankingKey:
    """Return the ranking that a search needs: one process does both."""
    assert isinstance(key, CombinationKey)
    return RankingKey(key.class_index)


def keys_of(pairs: Sequence[tuple[int, int]], classes: Sequence[int]) -> list[CombinationKey]:
    """Return the keys of some classes: towards any other class, then those of their pairs."""
    chosen = set(classes)
    towards = (CombinationKey(*pair) for pair in pairs if pair[0] in chosen)
    return [*map(CombinationKey, classes), *towards]

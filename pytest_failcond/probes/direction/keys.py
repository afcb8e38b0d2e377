"""Keys of directions, of the ranking that they are measured with, and of the generator's fitness."""

from __future__ import annotations

import re

from pytest_failcond.probes.keys import CornerCaseKey, DirectionKey, FitnessKey, Key, RankingKey


def read_key(text: str) -> RankingKey | DirectionKey | FitnessKey | None:
    """Read the key of a ranking, a direction or a class's fitness; None for another key."""
    if match := re.fullmatch(r"ranking:(\d+)", text):
        return RankingKey(int(match[1]))
    if match := re.fullmatch(r"fitness:(\d+)", text):
        return FitnessKey(int(match[1]))
    if match := re.fullmatch(r"direction:(\d+):(\d+):([+-])", text):
        return DirectionKey(int(match[1]), int(match[2]), 1 if match[3] == "+" else -1)
    return None


def unit(key: Key) -> RankingKey:
    """Return the ranking that a key belongs to: a class is ranked and walked in one go."""
    assert isinstance(key, RankingKey | DirectionKey | CornerCaseKey | FitnessKey)
    return RankingKey(key.class_index)

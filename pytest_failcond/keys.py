"""Keys: the names of what can be measured. Comparisons go by key, never by test ID or rank.

``clean`` · ``corruption:gaussian_noise:3`` · ``ranking:8`` · ``direction:8:322:+`` · ``corpus``
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_failcond.errors import FailcondError
from pytest_failcond.ranges import LONGEST_NAME

_PLAIN = re.compile(r"[A-Za-z0-9_.]+")


@dataclass(frozen=True)
class CleanKey:
    """The test images as they are."""

    def __str__(self) -> str:
        return "clean"


@dataclass(frozen=True)
class CorruptionKey:
    """The test images under one corruption at one severity, 1 to 5."""

    corruption: str
    severity: int

    def __str__(self) -> str:
        return f"corruption:{self.corruption}:{self.severity}"


@dataclass(frozen=True)
class RankingKey:
    """The ranking of all style dimensions for one class (its index)."""

    class_index: int

    def __str__(self) -> str:
        return f"ranking:{self.class_index}"


@dataclass(frozen=True)
class DirectionKey:
    """The walks along one style dimension, up (+1) or down (-1), from images of one class."""

    class_index: int
    dimension: int
    sign: int

    def __str__(self) -> str:
        return f"direction:{self.class_index}:{self.dimension}:{'+' if self.sign > 0 else '-'}"


@dataclass(frozen=True)
class CorpusKey:
    """The images of the corpus, all together."""

    def __str__(self) -> str:
        return "corpus"


Key = CleanKey | CorruptionKey | RankingKey | DirectionKey | CorpusKey


def parse_key(text: str) -> Key:
    """Read a key.

    Raises:
        FailcondError: it has none of the five forms.
    """
    if text == "clean":
        return CleanKey()
    if text == "corpus":
        return CorpusKey()
    if match := re.fullmatch(r"corruption:([^:]+):(\d)", text):
        return CorruptionKey(match[1], int(match[2]))
    if match := re.fullmatch(r"ranking:(\d+)", text):
        return RankingKey(int(match[1]))
    if match := re.fullmatch(r"direction:(\d+):(\d+):([+-])", text):
        return DirectionKey(int(match[1]), int(match[2]), 1 if match[3] == "+" else -1)
    raise FailcondError(
        f"unknown key {text!r}; a key is clean, corruption:NAME:SEVERITY, ranking:CLASS, "
        "direction:CLASS:DIMENSION:SIGN, classes by index, or corpus"
    )


def class_id(names: Sequence[str], index: int) -> str:
    """Return how a class stands in test IDs: its name, or its index where that is no short, plain word.

    A dot tells an index from another class's name.
    """
    name, text = names[index], str(index)
    if len(name) <= LONGEST_NAME and _PLAIN.fullmatch(name):
        return name
    while text in names:
        text += "."
    return text

"""How classes stand in test IDs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_failcond.ranges import LONGEST_NAME

_PLAIN = re.compile(r"[A-Za-z0-9_.]+")


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

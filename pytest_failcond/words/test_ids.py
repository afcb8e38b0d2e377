"""Classes in test IDs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_failcond.ranges import LONGEST_NAME

_PLAIN = re.compile(r"[A-Za-z0-9_.]+")


def class_id(names: Sequence[str], index: int) -> str:
    """Return the name of a class in test IDs, or its index if the name is not a short, plain word.

    A dot distinguishes an index from another class's name.
    """
    name, text = names[index], str(index)
    if len(name) <= LONGEST_NAME and _PLAIN.fullmatch(name):
        return name
    while text in names:
        text += "."
    return text

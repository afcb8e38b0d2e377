"""The folders of classes: safe names on any system, whatever a class is called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_failcond.ranges import LONGEST_NAME

_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_DEVICES = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")  # which Windows takes for devices


def folders(names: Sequence[str]) -> tuple[str, ...]:
    """Return a folder's name for each class: the class's, or ``class-<index>`` if that is not plain.

    Names that differ in case alone are one folder on some systems; the later ones are not plain.
    """
    taken: set[str] = set()
    found = []
    for index, name in enumerate(names):
        key = name.casefold()
        plain = _PLAIN.fullmatch(name) and len(name) <= LONGEST_NAME
        free = plain and not _DEVICES.fullmatch(key) and key not in taken
        taken.add(key)
        found.append(name if free else f"class-{index}")
    return tuple(found)

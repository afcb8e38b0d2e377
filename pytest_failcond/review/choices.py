"""The keys by which a reader names a class: its first letter, or a number."""

from __future__ import annotations

import string
from collections.abc import Sequence

_ONE_KEY = set(string.ascii_lowercase + string.digits)


def keys_of(classes: Sequence[str]) -> list[str]:
    """Return what is typed for each class, in lower case: all one character, or numbers of one length.

    Digits name themselves. Other names are named by their first letters where these differ; else the
    classes are numbered from 1, with as many digits as the last needs.
    """
    first = [name.strip()[:1].casefold() for name in classes]
    short = all(len(name.strip()) == 1 for name in classes)
    plain = short or not any(letter.isdigit() for letter in first)
    if plain and len(set(first)) == len(first) and _ONE_KEY.issuperset(first):
        return first
    width = len(str(len(classes)))
    return [f"{number:0{width}d}" for number in range(1, len(classes) + 1)]

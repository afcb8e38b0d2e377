"""The rule by which a reader answers, and the keys that name a class: its first letter, or a number."""

from __future__ import annotations

import string
from collections.abc import Sequence

RULE = (
    "Name the class that a careful person would read, however faint or odd the image is; answer ? if you "
    "would have to guess, or could as well name another class."
)
"""How strict a reader is to be: the same for all readers, because the share of readable images depends on it."""
_ONE_KEY = set(string.ascii_lowercase + string.digits)


def keys_of(classes: Sequence[str]) -> list[str]:
    """Return the key of each class, in lower case: all of one character, or numbers of one length.

    The key of a digit is the digit. Other classes have their first letters if these differ, or else numbers
    from 1, with as many digits as the last one needs.
    """
    first = [name.strip()[:1].casefold() for name in classes]
    short = all(len(name.strip()) == 1 for name in classes)
    plain = short or not any(letter.isdigit() for letter in first)
    if plain and len(set(first)) == len(first) and _ONE_KEY.issuperset(first):
        return first
    width = len(str(len(classes)))
    return [f"{number:0{width}d}" for number in range(1, len(classes) + 1)]

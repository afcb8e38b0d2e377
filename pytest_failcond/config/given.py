"""The options that chose the subjects of a session or a command: a printed command repeats them."""

from __future__ import annotations

from collections.abc import Mapping

SHOWN = ("config", "classifier", "generator", "images", "seed")
"""The options that choose subjects: of a session with the prefix ``failcond-``, and of `failcond show`."""


def given_in(values: Mapping[str, object]) -> dict[str, str]:
    """Return the options among these that were given and choose subjects, as text."""
    return {name: str(values[name]) for name in SHOWN if values.get(name) is not None}


def options_of(given: Mapping[str, str], *names: str) -> list[str]:
    """Return the options of a command that were given, among those that it has."""
    return [part for name in names if name in given for part in (f"--{name}", given[name])]

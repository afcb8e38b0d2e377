"""Printed commands: each repeats the options that chose the subjects of the session or command that prints it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

SUBJECTS = ("seed", "generator", "classifier", "images", "config")
"""The options that choose subjects: of a session with the prefix ``failcond-``, and of `failcond show`."""


def given_in(values: Mapping[str, object]) -> dict[str, str]:
    """Return the options among these that were given and choose subjects, as text."""
    return {name: str(values[name]) for name in SUBJECTS if values.get(name) is not None}


def options_of(given: Mapping[str, str], names: Iterable[str] = SUBJECTS) -> list[str]:
    """Return the options of a command that were given, among those that it has."""
    return [part for name in names if name in given for part in (f"--{name}", given[name])]


def command_line(
    words: Iterable[str], given: Mapping[str, str], names: Iterable[str] = SUBJECTS
) -> str:
    """Return a ``failcond`` command for the same subjects, as a shell takes it.

    Args:
        words: of the command, without ``failcond``.
        given: the options that chose the subjects.
        names: those that the command has.
    """
    return shlex.join(["failcond", *words, *options_of(given, names)])

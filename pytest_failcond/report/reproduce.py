"""The command that makes a picture of the report again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_failcond.probes.keys import EntryKey
from pytest_failcond.probes.moved import Moved
from pytest_failcond.probes.shown import Shown
from pytest_failcond.words.commands import command_line, given_in


def show_line(run: Shown, moved: Moved) -> str:
    """Return the ``failcond show`` that moves a start image along directions, to the pixel.

    Run it in the folder of the tests. It contains the settings that options of the session may have
    changed: always the seed and the classifier, a generator outside the project, and what else was given.
    """
    shifts = ",".join(map(repr, moved.shifts))
    words = [*moved.keys, "--shift", shifts, "--sample", str(moved.sample)]
    return _line(run, words, {"seed": run.settings.get("seed", 0)})


def show_kept(run: Shown, entry: str) -> str:
    """Return the ``failcond show`` that makes an image of the corpus again; its seed is in the manifest."""
    return _line(run, [EntryKey(entry)], {"seed": None})


def given(run: Shown) -> dict[str, str]:
    """Return the options of the session that chose the subjects."""
    return dict(run.environment.get("options", {}))


def _line(run: Shown, words: Sequence[str], seed: dict[str, object]) -> str:
    settings = run.settings
    generator = settings.get("generator")
    outside = generator if generator and Path(generator).is_absolute() else None
    subjects = {"generator": outside, "classifier": settings.get("classifier") or None}
    return command_line(["show", *words], given_in({**given(run), **subjects, **seed}))

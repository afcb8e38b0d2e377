"""The command that makes a picture of the report again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from pytest_failcond.probes.keys import EntryKey
from pytest_failcond.probes.moved import Moved
from pytest_failcond.probes.shown import Shown


def show_line(run: Shown, moved: Moved) -> str:
    """Return the ``failcond show`` that moves a start image along directions, to the pixel.

    Run it in the folder of the tests. It contains the settings that options of the session may have
    changed: the seed, the classifier, and a generator outside the project.
    """
    shifts = ",".join(map(repr, moved.shifts))
    seed = str(run.settings.get("seed", 0))
    return _line(
        run, [*moved.keys, "--shift", shifts, "--sample", str(moved.sample), "--seed", seed]
    )


def show_kept(run: Shown, entry: str) -> str:
    """Return the ``failcond show`` that makes an image of the corpus again."""
    return _line(run, [EntryKey(entry)])


def _line(run: Shown, words: Sequence[str]) -> str:
    line = ["failcond", "show", *words]
    generator, classifier = run.settings.get("generator"), run.settings.get("classifier")
    if generator and Path(generator).is_absolute():
        line += ["--generator", generator]
    if classifier:
        line += ["--classifier", classifier]
    return shlex.join(line)

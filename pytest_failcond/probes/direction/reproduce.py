"""The command that makes a picture of the report again."""

from __future__ import annotations

import shlex
from pathlib import Path

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.shown import Shown


def show_command(run: Shown, direction: Direction, shift: float) -> str:
    """Return the ``failcond show`` that makes a frame of a direction's strip, to the pixel.

    Run it in the folder of the tests. It contains the settings that options of the session may have
    changed: the seed, the classifier, and a generator outside the project.
    """
    words = ["failcond", "show", direction.key, "--shift", repr(float(shift)),
             "--sample", str(direction.strip.sample), "--seed", str(run.settings.get("seed", 0))]  # fmt: skip
    generator, classifier = run.settings.get("generator"), run.settings.get("classifier")
    if generator and Path(generator).is_absolute():
        words += ["--generator", generator]
    if classifier:
        words += ["--classifier", classifier]
    return shlex.join(words)

"""The command that makes a picture of the report again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.shown import Shown


def show_line(run: Shown, keys: Sequence[DirectionKey], shifts: Sequence[str], sample: int) -> str:
    """Return the ``failcond show`` that moves a start image along directions, to the pixel.

    Run it in the folder of the tests. It contains the settings that options of the session may have
    changed: the seed, the classifier, and a generator outside the project.
    """
    words = ["failcond", "show", *keys, "--shift", ",".join(shifts),
             "--sample", str(sample), "--seed", str(run.settings.get("seed", 0))]  # fmt: skip
    generator, classifier = run.settings.get("generator"), run.settings.get("classifier")
    if generator and Path(generator).is_absolute():
        words += ["--generator", generator]
    if classifier:
        words += ["--classifier", classifier]
    return shlex.join(words)

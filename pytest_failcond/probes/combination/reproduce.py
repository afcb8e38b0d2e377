"""The command that makes the picture of a combination again."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.shown import Shown


def show_command(run: Shown, found: Combined, row: int) -> str:
    """Return the ``failcond show`` that makes the combination of a start image, to the pixel.

    Run it in the folder of the tests. It contains the settings that options of the session may have
    changed: the seed, the classifier, and a generator outside the project.
    """
    shifts = found.shifts_of(row)
    keys = [DirectionKey(found.class_index, d, 1 if s > 0 else -1) for d, s in shifts.items()]
    words = ["failcond", "show", *keys, "--shift", ",".join(map(_exact, shifts.values())),
             "--sample", str(found.samples[row]), "--seed", str(run.settings.get("seed", 0))]  # fmt: skip
    generator, classifier = run.settings.get("generator"), run.settings.get("classifier")
    if generator and Path(generator).is_absolute():
        words += ["--generator", generator]
    if classifier:
        words += ["--classifier", classifier]
    return shlex.join(words)


def _exact(shift: float) -> str:
    """Write the length of a shift in the fewest digits that lose nothing."""
    return np.format_float_positional(np.float32(abs(shift)), trim="-")

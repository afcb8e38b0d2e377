"""The command that makes the picture of a combination again."""

from __future__ import annotations

import numpy as np

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report.reproduce import show_line


def show_command(run: Shown, found: Combined, row: int) -> str:
    """Return the ``failcond show`` that makes the combination of a start image, to the pixel."""
    shifts = found.shifts_of(row)
    keys = [DirectionKey(found.class_index, d, 1 if s > 0 else -1) for d, s in shifts.items()]
    return show_line(run, keys, [_exact(shift) for shift in shifts.values()], found.samples[row])


def _exact(shift: float) -> str:
    """Write the length of a shift in the fewest digits that lose nothing."""
    return np.format_float_positional(np.float32(abs(shift)), trim="-")

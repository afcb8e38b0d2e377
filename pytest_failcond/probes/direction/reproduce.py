"""The command that makes a picture of a direction again."""

from __future__ import annotations

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.moved import Moved
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report.reproduce import show_line


def show_command(run: Shown, direction: Direction, shift: float) -> str:
    """Return the ``failcond show`` that makes a frame of a direction's strip, to the pixel."""
    key = direction.key
    return show_line(run, Moved(key.class_index, direction.strip.sample, (key,), (float(shift),)))

"""The command that makes the picture of a combination again."""

from __future__ import annotations

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report.reproduce import show_line


def show_command(run: Shown, found: Combined, row: int) -> str:
    """Return the ``failcond show`` that makes the combination of a start image, to the pixel."""
    return show_line(run, found.moved_of(row))

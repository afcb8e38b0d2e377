"""The sections of a report in their order: the report's own on gates, and those of every probe."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import gates
from pytest_failcond.report.asking import sections_of
from pytest_failcond.words.blocks import Place, Section

DOWN: Sequence[Place] = ("gates", "changes", "findings")
"""The places of a page, which is read from its top."""
UP: Sequence[Place] = DOWN[::-1]
"""The places of a terminal, which is read from its end."""


def sections(run: Shown, places: Sequence[Place]) -> list[Section]:
    """Return the sections of a run, place by place, each with the least rank first."""
    found = [
        gates.section(run),
        *(section for probe in PROBES for section in sections_of(probe, run)),
    ]
    shown = [section for section in found if section.blocks]
    return sorted(shown, key=lambda section: (places.index(section.place), section.rank))

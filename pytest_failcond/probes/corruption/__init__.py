"""The test images under corruptions, each at several severities (arXiv 1903.12261)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_failcond.probes.base import Asking, Planned, Planning, Probe, Record
from pytest_failcond.probes.clean import read as read_predictions
from pytest_failcond.probes.keys import CorruptionKey, Key
from pytest_failcond.probes.metric import CELLS, Metric, difference, share_kept

if TYPE_CHECKING:
    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings


@dataclass(frozen=True)
class CorruptionCell:
    """The value of the ``failcond_corruption`` fixture: one cell of the grid."""

    corruption: str
    severity: int

    @property
    def key(self) -> CorruptionKey:
        """The cell's key."""
        return CorruptionKey(self.corruption, self.severity)


def _read_key(text: str) -> CorruptionKey | None:
    match = re.fullmatch(r"corruption:([^:]+):(\d)", text)
    return None if match is None else CorruptionKey(match[1], int(match[2]))


def grid_keys(settings: Settings) -> list[CorruptionKey]:
    """Return the keys of all configured cells, row by row."""
    grid = settings.corruptions
    if grid is None:
        return []
    return [CorruptionKey(n, severity) for n in grid.names for severity in grid.severities]


def cells_of(gate: GateSettings, settings: Settings) -> list[CorruptionKey]:
    """Return the keys of the cells that a gate selects."""
    grid = settings.corruptions
    if grid is None:
        return []
    names, severities = gate.corruptions or grid.names, gate.severities or grid.severities
    return [CorruptionKey(name, severity) for name in names for severity in severities]


def _keys(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> list[Key]:
    return [*cells_of(gate, settings)]


def _selects(gate: GateSettings, key: Key, asking: Asking) -> bool:
    return key in cells_of(gate, asking.settings)


def _tests(planning: Planning) -> Iterator[Planned]:
    from pytest_failcond.corruptions.names import check_severity
    from pytest_failcond.probes.markers import chosen

    grid = planning.settings.corruptions
    if grid is None:
        return
    names, severities = grid.names, grid.severities
    for given in planning.marked("failcond_corruptions", ("names", "severities")):
        names = chosen(given.get("names"), names, "names")
        for severity in given.get("severities") or ():
            check_severity(severity)
        severities = chosen(given.get("severities"), severities, "severities")
    for name in names:
        for severity in severities:
            cell = CorruptionCell(name, severity)
            yield Planned.of_key(
                cell.key,
                fixture="failcond_corruption",
                value=cell,
                test_id=f"{name}-{severity}",
            )


def _place(key: Key, record: Record, settings: Settings) -> tuple[int, str]:
    """Order the rows as the configuration does, others last."""
    assert isinstance(key, CorruptionKey)
    grid = settings.corruptions
    rows = list(grid.names) if grid else []
    return rows.index(key.corruption) if key.corruption in rows else len(rows), key


PROBE = Probe(
    name="corruption",
    read_key=_read_key,
    measure="pytest_failcond.probes.corruption.measure:measure",
    images="pytest_failcond.probes.corruption.measure:images",
    read=read_predictions,
    over_images=True,
    place=_place,
    fixtures=("failcond_corruption",),
    tests=_tests,
    keys=_keys,
    selects=_selects,
    sections="pytest_failcond.probes.corruption.view:sections",
    metrics=(
        Metric(
            name="accuracy",
            noun="accuracy",
            good="min",
            reach=share_kept,
            value="pytest_failcond.verdicts.metrics:accuracy",
            trial="pytest_failcond.verdicts.trials:accuracy",
            selectors=CELLS,
            followed_as="accuracy",
        ),
        Metric(
            name="accuracy_drop",
            noun="drop",
            good="max",
            reach=difference,
            value="pytest_failcond.probes.corruption.metrics:accuracy_drop",
            trial="pytest_failcond.probes.corruption.trials:accuracy_drop",
            selectors=CELLS,
            needs=frozenset({"clean"}),
            followed_as="drop",
        ),
    ),
)

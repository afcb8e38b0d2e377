"""Gates over several keys together: they only read other measurements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failcond.probes.base import Asking, Planned, Planning, Probe, no_key
from pytest_failcond.probes.corruption import cells_of
from pytest_failcond.probes.keys import CleanKey, Key, MeanKey, RowKey
from pytest_failcond.probes.metric import (
    AT_ACCURACY,
    CELLS,
    Metric,
    difference,
    ratio,
    ratio_of_differences,
    severity,
    share_kept,
)
from pytest_failcond.probes.regression import compared_keys

if TYPE_CHECKING:
    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings

_GRID = CELLS - {"classes"}
_METRICS = (
    Metric(
        name="mean_corruption_accuracy",
        noun="mean accuracy",
        good="min",
        reach=share_kept,
        value="pytest_failcond.probes.several.metrics:mean_accuracy",
        trial="pytest_failcond.probes.several.trials:mean_accuracy",
        selectors=CELLS,
        scope="gate",
    ),
    Metric(
        name="mce",
        noun="mCE",
        good="max",
        reach=ratio,
        value="pytest_failcond.probes.several.metrics:mce",
        trial="pytest_failcond.probes.several.trials:mce",
        selectors=_GRID,
        by_class=False,
        unit="ratio",
        scope="gate",
        needs=frozenset({"reference"}),
    ),
    Metric(
        name="relative_mce",
        noun="relative mCE",
        good="max",
        reach=ratio_of_differences,
        value="pytest_failcond.probes.several.metrics:relative_mce",
        trial="pytest_failcond.probes.several.trials:relative_mce",
        selectors=_GRID,
        by_class=False,
        unit="ratio",
        scope="gate",
        needs=frozenset({"reference", "clean"}),
    ),
    Metric(
        name="crossing_severity",
        noun="crossing severity",
        good="min",
        reach=severity,
        value="pytest_failcond.probes.several.metrics:crossing_severity",
        trial="pytest_failcond.probes.several.trials:crossing_severity",
        selectors=CELLS,
        at=AT_ACCURACY,
        unit="severity",
        scope="gate",
        rows=True,
    ),
    Metric(
        name="mean_regression_drop",
        noun="mean drop since the baseline",
        good="max",
        reach=difference,
        value="pytest_failcond.probes.several.metrics:mean_regression_drop",
        trial="pytest_failcond.probes.several.trials:mean_regression_drop",
        selectors=CELLS,
        scope="gate",
        needs=frozenset({"baseline"}),
    ),
)
_BY_NAME = {metric.name: metric for metric in _METRICS}


def keys_over_cells(
    gate: GateSettings, settings: Settings, class_names: Sequence[str] = ()
) -> list[Key]:
    """Return the keys of the checks of a gate over several cells: their mean, or each row."""
    if not _BY_NAME[gate.metric].rows:
        return [MeanKey()]
    return list(dict.fromkeys(cell.row for cell in cells_of(gate, settings)))


def _needs(gate: GateSettings, settings: Settings) -> list[Key]:
    metric = _BY_NAME[gate.metric]
    if metric.needs_baseline:
        return [*compared_keys(gate, settings)]
    clean: list[Key] = [CleanKey()] if "clean" in metric.needs else []
    return [*clean, *cells_of(gate, settings)]


def _selects(gate: GateSettings, key: Key, asking: Asking) -> bool:
    return key in keys_over_cells(gate, asking.settings)


def _tests(planning: Planning) -> Iterator[Planned]:
    for gate in planning.settings.gates:
        if gate.metric in _BY_NAME:
            yield Planned.of_gate(gate, "several", _needs(gate, planning.settings))


def _read_planned(name: str, settings: Settings) -> Planned | None:
    tests = _tests(Planning(settings, None))
    return next((planned for planned in tests if planned.name == name), None)


def _checks(planned: Planned, asking: Asking) -> Iterable[tuple[GateSettings, Key]]:
    gate = asking.settings.gate(planned.about)
    return [(gate, key) for key in keys_over_cells(gate, asking.settings)]


def _read_about(text: str) -> Key | None:
    if text == MeanKey():
        return MeanKey()
    match = re.fullmatch(r"corruption:([A-Za-z0-9_.]{1,255})", text)
    return None if match is None else RowKey(match[1])


PROBE = Probe(
    name="several",
    read_key=no_key,
    read_about=_read_about,
    fixtures=("failcond_gate",),
    tests=_tests,
    read_planned=_read_planned,
    keys=keys_over_cells,
    selects=_selects,
    checks=_checks,
    metrics=_METRICS,
)

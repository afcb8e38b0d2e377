"""Comparison with a baseline, image by image: other probes' keys, then and now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failcond.probes.base import Asking, Planned, Planning, Probe, no_key
from pytest_failcond.probes.corruption import cells_of
from pytest_failcond.probes.keys import (
    CleanKey,
    CombinationKey,
    CorruptionKey,
    DirectionKey,
    Key,
    RankingKey,
)
from pytest_failcond.probes.metric import CELLS, Metric, difference, share_lost

if TYPE_CHECKING:
    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings

_METRICS = (
    Metric(
        name="regression_drop",
        noun="drop since the baseline",
        good="max",
        reach=difference,
        value="pytest_failcond.probes.regression.metrics:regression_drop",
        trial="pytest_failcond.probes.regression.trials:regression_drop",
        selectors=CELLS,
        needs=frozenset({"baseline"}),
    ),
    Metric(
        name="negative_flips",
        noun="share of images lost since the baseline",
        good="max",
        reach=share_lost,
        value="pytest_failcond.probes.regression.metrics:negative_flips",
        trial="pytest_failcond.probes.regression.trials:negative_flips",
        selectors=CELLS,
        needs=frozenset({"baseline"}),
    ),
)
_NAMES = {metric.name for metric in _METRICS}


def compared_keys(
    gate: GateSettings, settings: Settings, class_names: Sequence[str] = ()
) -> list[Key]:
    """Return the keys on which a gate compares with the baseline.

    All keys on the test images; the cells alone if the gate selects among them.
    """
    clean: list[Key] = [CleanKey()] if gate.corruptions is None and gate.severities is None else []
    return [*clean, *cells_of(gate, settings)]


def _selects(gate: GateSettings, key: Key, asking: Asking) -> bool:
    return key in compared_keys(gate, asking.settings)


def planned(key: Key) -> Planned:
    """Plan the comparison of a key; that of a direction or a search with the ranking of its class."""
    where = None
    if isinstance(key, DirectionKey | CombinationKey):
        where = RankingKey(key.class_index)
    name = f"regression:{key}"
    return Planned(
        name, "regression", (key,), where, key, "failcond_regression", key, _test_id(key)
    )


def _test_id(key: Key) -> str:
    if isinstance(key, CorruptionKey):
        return f"{key.corruption}-{key.severity}"
    if isinstance(key, DirectionKey):
        return f"direction-{key.class_index}-{key.dimension}-{key.way}"
    return "-".join((key.probe, *key.parts))


def _tests(planning: Planning) -> Iterator[Planned]:
    """Plan the keys that gates compare with the baseline and, if there is one, all its keys."""
    settings = planning.settings
    gated = (compared_keys(gate, settings) for gate in settings.gates if gate.metric in _NAMES)
    keys = [key for some in gated for key in some]
    yield from map(planned, dict.fromkeys([*keys, *planning.compared()]))


def _checks(planned: Planned, asking: Asking) -> Iterable[tuple[GateSettings, Key]]:
    (key,) = planned.needs
    gates = (gate for gate in asking.settings.gates if gate.metric in _NAMES)
    return [(gate, key) for gate in gates if _selects(gate, key, asking)]


PROBE = Probe(
    name="regression",
    read_key=no_key,
    fixtures=("failcond_regression",),
    tests=_tests,
    keys=compared_keys,
    selects=_selects,
    checks=_checks,
    sections="pytest_failcond.probes.regression.view:sections",
    details="pytest_failcond.probes.regression.view:details",
    metrics=_METRICS,
)

"""The keys of gates, the number of their checks, and the division of a plan. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.probes.base import Asking, Planned
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.registry import PROBES


def checks_of(planned: Planned, asking: Asking) -> list[tuple[GateSettings, Key]]:
    """Return the gates that a planned test applies, in the configuration's order, each with the key."""
    if planned.probe not in PROBES:
        return []  # of a run that was made with an uninstalled probe
    probe = PROBES[planned.probe]
    if probe.checks is not None:
        return list(probe.checks(planned, asking))
    (key,) = planned.needs
    own = {metric.name for metric in probe.metrics if metric.scope == "key"}
    gates = (gate for gate in asking.settings.gates if gate.metric in own)
    return [(gate, key) for gate in gates if probe.selects(gate, key, asking)]


def checked_keys(
    gate: GateSettings, settings: Settings, class_names: Sequence[str]
) -> Sequence[Key]:
    """Return the keys of the checks of a gate, as far as they are known before anything is measured."""
    return PROBES.of_metric(gate.metric).keys(gate, settings, class_names)


def is_about(gate: GateSettings, key: Key, asking: Asking) -> bool:
    """Whether a gate can make a check of a key."""
    probe = PROBES.of_metric(gate.metric)
    if key.probe == probe.name and probe.selects(gate, key, asking):
        return True
    return key in probe.keys(gate, asking.settings, asking.class_names)


def classes_of_checks(
    gate: GateSettings, class_names: Sequence[str]
) -> tuple[int, ...] | tuple[None]:
    """Return the classes that a gate checks one by one, by index; (None,) if it does not."""
    if not gate.by_class:
        return (None,)
    if gate.classes is None:
        return tuple(range(len(class_names)))
    chosen = set(gate.classes)
    return tuple(index for index, name in enumerate(class_names) if name in chosen)


def number_of_checks(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> int:
    """Return the number of a gate's checks in a whole run, for the correction of `certain`."""
    keys = checked_keys(gate, settings, class_names)
    return max(1, len(keys) * len(classes_of_checks(gate, class_names)))


def share_of(planned: Iterable[Planned], part: tuple[int, int]) -> set[Key]:
    """Return the measurements of the i-th of n parts of a plan: every n-th, from the i-th on."""
    units = dict.fromkeys(one.unit for one in planned if one.unit is not None)
    return set(list(units)[part[0] - 1 :: part[1]])

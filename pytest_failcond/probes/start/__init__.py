"""Start images before any move: an error of the classifier there is not the effect of a direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.probes.base import Asking, Planned, Planning, Probe, no_key
from pytest_failcond.probes.keys import Key, RankingKey
from pytest_failcond.probes.metric import Metric, share_kept

if TYPE_CHECKING:
    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings

_METRIC = Metric(
    name="start_accuracy",
    noun="accuracy on start images",
    good="min",
    reach=share_kept,
    value="pytest_failcond.probes.start.metrics:start_accuracy",
    trial="pytest_failcond.probes.start.trials:start_accuracy",
    by_class=False,  # each class has its own check
    scope="gate",
    followed_as="start_accuracy",
)


def _keys(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> list[Key]:
    """Return the rankings of the classes that a gate selects: they record the answers on start images."""
    chosen = gate.classes or class_names
    return [RankingKey(index) for index, name in enumerate(class_names) if name in chosen]


def _tests(planning: Planning) -> Iterator[Planned]:
    for gate in planning.settings.gates:
        if gate.metric == _METRIC.name:
            if not planning.generator:  # without an error, the gate would have no test
                raise FailcondError(f"gate {gate.id!r} selects nothing: {NO_GENERATOR}")
            yield _planned(gate, planning.settings, planning.classes or ())


def _planned(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> Planned:
    return Planned.of_gate(gate, PROBE.name, _keys(gate, settings, class_names))


def _read_planned(name: str, settings: Settings) -> Planned | None:
    gates = (gate for gate in settings.gates if gate.metric == _METRIC.name)
    gate = next((gate for gate in gates if name == f"gate:{gate.id}"), None)
    # Class names that only the generator gives are not known here; the checks name what is missing.
    return None if gate is None else _planned(gate, settings, settings.classes or ())


def _selects(gate: GateSettings, key: Key, asking: Asking) -> bool:
    return key in _keys(gate, asking.settings, asking.class_names)


def _checks(planned: Planned, asking: Asking) -> Iterable[tuple[GateSettings, Key]]:
    gate = asking.settings.gate(planned.about)
    return [(gate, key) for key in _keys(gate, asking.settings, asking.class_names)]


def _most(settings: Settings) -> tuple[int, str]:
    return settings.corner_cases.samples, "corner_cases.samples"


PROBE = Probe(
    name="start",
    own_images=True,
    most=_most,
    read_key=no_key,
    fixtures=("failcond_gate",),
    tests=_tests,
    read_planned=_read_planned,
    keys=_keys,
    selects=_selects,
    checks=_checks,
    metrics=(_METRIC,),
)

"""Directions of the generator's style space along which the classifier degrades (arXiv 2410.12814)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.probes.base import Asking, Planned, Planning, Probe, Record
from pytest_failcond.probes.direction.keys import read_key, unit
from pytest_failcond.probes.keys import CornerCaseKey, DirectionKey, FitnessKey, Key, RankingKey
from pytest_failcond.probes.metric import (
    AT_MOVED,
    AT_SHIFT,
    Metric,
    share_lost,
    shift,
    shift_within,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.plugin.session import Failcond

_CORNER_CASE = re.compile(r"corner_case:(\d{1,9}):(\d{1,9})")
_METRICS = (
    Metric(
        name="breaking_shift",
        noun="breaking shift",
        good="min",
        reach=shift,
        value="pytest_failcond.probes.direction.metrics:breaking_shift",
        trial="pytest_failcond.probes.direction.trials:breaking_shift",
        by_class=False,
        unit="σ",
        followed_as="breaking_shift",
    ),
    Metric(
        name="broken_share",
        noun="broken share",
        good="max",
        reach=share_lost,
        value="pytest_failcond.probes.direction.metrics:broken_share",
        trial="pytest_failcond.probes.direction.trials:broken_share",
        at=AT_SHIFT,
        by_class=False,
        followed_as="broken_share",
    ),
    Metric(
        name="newly_broken_share",
        noun="newly broken share",
        good="max",
        reach=share_lost,
        value="pytest_failcond.probes.direction.metrics:newly_broken_share",
        trial="pytest_failcond.probes.direction.trials:newly_broken_share",
        at=AT_MOVED,
        by_class=False,
        followed_as="newly_broken_share",
    ),
    Metric(
        name="valid_range",
        noun="valid range",
        good="min",
        reach=shift_within,
        value="pytest_failcond.probes.direction.metrics:valid_range",
        trial="pytest_failcond.probes.direction.trials:valid_range",
        by_class=False,
        unit="σ",
        followed_as="valid_range",
    ),
)
_NAMES = {metric.name for metric in _METRICS}


@dataclass(frozen=True)
class CornerCase:
    """The value of the ``failcond_corner_case`` fixture: a class (by index) and a rank, from 1."""

    class_index: int
    rank: int
    failcond: Failcond | None = None

    @property
    def key(self) -> DirectionKey:
        """The key of the direction of this rank; ranks the class on the first call."""
        assert self.failcond is not None
        return self.failcond.direction_key(self.class_index, self.rank)


def _planned(key: CornerCaseKey, test_id: str = "") -> Planned:
    case = CornerCase(key.class_index, key.rank)
    where = unit(key)
    return Planned(
        str(key), "direction", (where,), where, key, "failcond_corner_case", case, test_id
    )


def _tests(planning: Planning) -> Iterator[Planned]:
    from pytest_failcond.probes.markers import chosen
    from pytest_failcond.words.test_ids import class_id

    options = planning.settings.corner_cases
    if not planning.generator:
        for gate in planning.settings.gates:  # else the gate would vanish without notice
            if gate.metric in _NAMES:
                raise FailcondError(f"gate {gate.id!r} selects nothing: {NO_GENERATOR}")
        return
    if planning.classes is None:
        raise FailcondError(
            "failcond_generator is overridden, so the tests cannot be named from its file; "
            f"set classes = [...] in {planning.settings.table()}"
        )
    names, top = planning.classes, options.top
    for given in planning.marked("failcond_corner_cases", ("classes", "top")):
        names = chosen(given.get("classes"), names, "classes")
        top = given.get("top", top)
        whole = isinstance(top, int) and not isinstance(top, bool)
        if not whole or not 1 <= top <= options.top:
            raise FailcondError(
                f"marker failcond_corner_cases: top = {top!r} is outside 1 to corner_cases.top, "
                f"{options.top}"
            )
    index = {name: place for place, name in enumerate(planning.classes)}
    for name in names:
        for rank in range(1, top + 1):
            key = CornerCaseKey(index[name], rank)
            yield _planned(key, f"{class_id(planning.classes, key.class_index)}-{rank}")


def _read_about(text: str) -> CornerCaseKey | None:
    match = _CORNER_CASE.fullmatch(text)
    return None if match is None else CornerCaseKey(int(match[1]), int(match[2]))


def _read_planned(name: str, settings: Settings) -> Planned | None:
    key = _read_about(name)
    return None if key is None else _planned(key)


def _keys(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> list[Key]:
    """Return the ranks that a gate checks: the ranking decides later on their directions."""
    named = [i for i, name in enumerate(class_names) if name in (gate.classes or class_names)]
    top = settings.corner_cases.top
    return [CornerCaseKey(index, rank) for index in named for rank in range(1, top + 1)]


def _selects(gate: GateSettings, key: Key, asking: Asking) -> bool:
    index, names = unit(key).class_index, asking.class_names
    # One of the user's tests may request an unknown class: no gate on classes covers it.
    return gate.classes is None or (index < len(names) and names[index] in gate.classes)


def _checks(planned: Planned, asking: Asking) -> Iterable[tuple[GateSettings, Key]]:
    """Apply the gates to the direction of the rank, or to the rank if it has none."""
    (key,) = planned.needs
    about = planned.about
    if isinstance(about, CornerCaseKey):
        with suppress(FailcondError):
            about = direction_of(about, asking)
    assert isinstance(about, Key)
    gates = [gate for gate in asking.settings.gates if gate.metric in _NAMES]
    return [(gate, about) for gate in gates if _selects(gate, key, asking)]


def direction_of(key: CornerCaseKey, asking: Asking) -> DirectionKey:
    """Return the direction of a rank.

    Raises:
        FailcondError: the class could not be ranked, or has fewer directions.
    """
    directions: Sequence[DirectionKey] = asking.record(RankingKey(key.class_index)).directions
    name = asking.class_names[key.class_index]
    if not directions:
        raise FailcondError(
            f"the judges follow no direction of class {name!r} for 1 σ, so nothing is known of where it "
            "breaks; train the generator or the judges further, or lower acceptance.least_p"
        )
    if key.rank > len(directions):
        raise FailcondError(
            f"class {name!r} has no direction {key.rank}: the judges follow only {len(directions)} of the "
            f"{10 * asking.settings.corner_cases.top} highest-ranked for 1 σ or more; lower "
            "corner_cases.top, or train the generator or the judges further"
        )
    return directions[key.rank - 1]


def _read(key: Key, data: dict[str, Any], labels: npt.NDArray[np.int64]) -> Record:
    from pytest_failcond.probes.direction.fit import Fitness
    from pytest_failcond.probes.direction.record import ClassRanking, Direction

    if isinstance(key, FitnessKey):
        return Fitness.from_json(data)
    kind = ClassRanking if isinstance(key, RankingKey) else Direction
    return kind.from_json(data)


def _place(key: Key, record: Any, settings: Settings) -> tuple[int, int, int, str]:
    """Order rankings by class, then directions by class and rank, unranked ones last; then fitness."""
    if isinstance(key, FitnessKey):
        return 2, key.class_index, 0, key
    if isinstance(key, RankingKey):
        return 0, key.class_index, 0, key
    return 1, record.class_index, record.rank or 999, key


def _most(settings: Settings) -> tuple[int, str]:
    return settings.corner_cases.samples, "corner_cases.samples"


PROBE = Probe(
    name="direction",
    own_images=True,
    most=_most,
    perfect="pytest_failcond.probes.direction.perfect:unbroken",
    read_key=read_key,
    measure="pytest_failcond.probes.direction.measure:measure",
    keep="pytest_failcond.probes.direction.discovery:keep",
    breaks="pytest_failcond.probes.direction.breaks:breaks",
    read=_read,
    place=_place,
    sections="pytest_failcond.probes.direction.view:sections",
    properties="pytest_failcond.probes.direction.properties:properties",
    outcome="pytest_failcond.probes.direction.fitness_view:outcome",
    details="pytest_failcond.probes.direction.view:details",
    read_about=_read_about,
    fixtures=("failcond_corner_case",),
    tests=_tests,
    read_planned=_read_planned,
    keys=_keys,
    selects=_selects,
    checks=_checks,
    unit=unit,
    metrics=_METRICS,
)

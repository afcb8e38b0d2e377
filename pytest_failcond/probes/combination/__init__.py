"""Combined corner cases: the nearest wrong images along several directions at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.probes.base import Asking, Planned, Planning, Probe, Record
from pytest_failcond.probes.combination.keys import keys_of, read_key, unit
from pytest_failcond.probes.keys import CombinationKey, Key
from pytest_failcond.probes.metric import AT_DISTANCE, Metric, distance, share_lost

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings

_SELECTORS = frozenset({"classes", "toward"})
_METRICS = (
    Metric(
        name="combined_distance",
        noun="combined distance",
        good="min",
        reach=distance,
        value="pytest_failcond.probes.combination.metrics:combined_distance",
        trial="pytest_failcond.probes.combination.trials:combined_distance",
        selectors=_SELECTORS,
        by_class=False,
        unit="σ",
        followed_as="combined_distance",
    ),
    Metric(
        name="combined_share",
        noun="share broken by combinations",
        good="max",
        reach=share_lost,
        value="pytest_failcond.probes.combination.metrics:combined_share",
        trial="pytest_failcond.probes.combination.trials:combined_share",
        selectors=_SELECTORS,
        at=AT_DISTANCE,
        by_class=False,
        followed_as="combined_share",
    ),
)


@dataclass(frozen=True)
class Combination:
    """The value of the ``failcond_combination`` fixture: a class and a wanted one, by index; None: any other."""

    class_index: int
    toward: int | None = None

    @property
    def key(self) -> CombinationKey:
        """The key of the search."""
        return CombinationKey(self.class_index, self.toward)


def _tests(planning: Planning) -> Iterator[Planned]:
    from pytest_failcond.probes.markers import chosen
    from pytest_failcond.words.test_ids import class_id

    search = planning.settings.combinations
    if search is None:
        return
    if not planning.generator:  # else the table would have no effect, without notice
        raise FailcondError(
            f"{planning.settings.table('combinations')} finds nothing: {NO_GENERATOR}"
        )
    if planning.classes is None:
        raise FailcondError(
            "failcond_generator is overridden, so the tests cannot be named from its file; "
            f"set classes = [...] in {planning.settings.table()}"
        )
    names, pairs = planning.classes, search.pairs(planning.classes)
    toward = tuple(planning.classes[i] for i in sorted({wanted for _, wanted in pairs}))
    kept = None
    for given in planning.marked("failcond_combinations", ("classes", "toward")):
        names = chosen(given.get("classes"), names, "classes")
        if given.get("toward") is not None:
            _check_toward(given["toward"], toward, planning)
            kept = toward = chosen(given["toward"], toward, "toward")
    if kept is not None and len(kept) == 1 and names == kept:
        raise FailcondError(
            f"marker: classes and toward are both {list(kept)!r}: a class is not searched towards itself; name "
            "another class"
        )
    index = {name: place for place, name in enumerate(planning.classes)}
    for key in keys_of(pairs, [index[name] for name in names]):
        wanted = None if key.toward is None else planning.classes[key.toward]
        if kept is not None and wanted not in kept:
            continue
        parts = [i for i in (key.class_index, key.toward) if i is not None]
        test_id = "-".join(class_id(planning.classes, i) for i in parts)
        value = Combination(key.class_index, key.toward)
        yield Planned.of_key(
            key, unit(key), fixture="failcond_combination", value=value, test_id=test_id
        )


def _check_toward(wanted: Any, configured: tuple[str, ...], planning: Planning) -> None:
    """Refuse a marker's wanted class that does not exist, and any if the configuration names none.

    Raises:
        FailcondError: it is such a one.
    """
    from pytest_failcond.errors import nearest  # here: a module of this folder has the same name

    classes = planning.classes or ()
    for value in wanted if isinstance(wanted, list | tuple) else ():
        if value not in classes:
            raise FailcondError(
                f"marker: toward {value!r}: there is no class {value!r}{nearest(str(value), classes)}"
            )
        if not configured:
            raise FailcondError(
                f"marker: toward {value!r} is not configured: no class is searched towards another; set "
                f"toward = {list(wanted)!r} in {planning.settings.table('combinations')}"
            )


def configured_keys(settings: Settings, class_names: Sequence[str]) -> list[CombinationKey]:
    """Return the keys of all configured searches."""
    search = settings.combinations
    everything = range(len(class_names))
    return [] if search is None else keys_of(search.pairs(class_names), everything)


def _keys(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> list[Key]:
    found = configured_keys(settings, class_names)
    return [key for key in found if _is_of(gate, key, class_names)]


def _is_of(gate: GateSettings, key: CombinationKey, names: Sequence[str]) -> bool:
    """Whether a gate selects a key; without ``toward``, it selects the searches for any other class."""

    def among(index: int, chosen: tuple[str, ...] | None) -> bool:
        # One of the user's tests may request an unknown class: no gate on classes covers it.
        return chosen is None or (index < len(names) and names[index] in chosen)

    if (key.toward is None) != (gate.toward is None):
        return False
    wanted = key.toward is None or among(key.toward, gate.toward)
    return wanted and among(key.class_index, gate.classes)


def _selects(gate: GateSettings, key: Key, asking: Asking) -> bool:
    return isinstance(key, CombinationKey) and _is_of(gate, key, asking.class_names)


def _read(key: Key, data: dict[str, Any], labels: npt.NDArray[np.int64]) -> Record:
    from pytest_failcond.probes.combination.record import Combined

    return Combined.from_json(data)


def _place(key: Key, record: Any, settings: Settings) -> tuple[int, int]:
    """Order by class: towards any other, then towards each."""
    return record.class_index, -1 if record.toward is None else record.toward


def _most(settings: Settings) -> tuple[int, str] | None:
    search = settings.combinations
    return None if search is None else (search.samples, "combinations.samples")


def _missing(settings: Settings) -> str:
    if settings.combinations is not None:
        return ""
    return f"there is no {settings.table('combinations')}; add it"


PROBE = Probe(
    name="combination",
    own_images=True,
    most=_most,
    missing=_missing,
    perfect="pytest_failcond.probes.combination.perfect:unbroken",
    read_key=read_key,
    measure="pytest_failcond.probes.combination.measure:measure",
    replay="pytest_failcond.probes.combination.replaying:replay",
    keep="pytest_failcond.probes.combination.discovery:keep",
    breaks="pytest_failcond.probes.combination.breaks:breaks",
    explore="pytest_failcond.probes.combination.explore:explore",
    read=_read,
    place=_place,
    sections="pytest_failcond.probes.combination.view:sections",
    properties="pytest_failcond.probes.combination.properties:properties",
    details="pytest_failcond.probes.combination.view:details",
    fixtures=("failcond_combination",),
    tests=_tests,
    keys=_keys,
    selects=_selects,
    unit=unit,
    metrics=_METRICS,
)

"""The probes by name, and the door at which text becomes keys and planned tests."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes import (
    clean,
    combination,
    corpus,
    corruption,
    direction,
    regression,
    review,
    several,
    start,
)
from pytest_failcond.probes.base import Bench, Planned, Planning, Probe, Record
from pytest_failcond.probes.keys import Key, untyped
from pytest_failcond.probes.metric import Metric, resolved, share_kept

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.laboratory.measure import Laboratory, Pixels
    from pytest_failcond.probes.base import Labels


@dataclass(frozen=True)
class Kept:
    """A record of an uninstalled probe: it survives reading and writing a run."""

    key: Key
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the unchanged entry."""
        return self.data


_TAKEN = {"ranking", "fitness", "corner_case", "corruptions", "gate"}  # prefixes of our own names
_GATE = re.compile(r"gate:[A-Za-z0-9_.-]+")
_OTHER = re.compile(r"[a-z][a-z0-9_]{0,99}(:[A-Za-z0-9_.+-]{1,100}){0,9}")


class Registry:
    """The registered probes.

    Attributes:
        metrics: the metrics of all probes, by name.
    """

    def __init__(self, probes: Iterable[Probe]) -> None:
        self._probes: dict[str, Probe] = {}
        self._of_metric: dict[str, Probe] = {}
        self._configured: list[Probe] = []
        self.metrics: dict[str, Metric] = {}
        for probe in probes:
            self.add(probe)

    def __iter__(self) -> Iterator[Probe]:
        return iter(self._probes.values())

    def add(self, probe: Probe) -> None:
        """Add a probe.

        Raises:
            FailcondError: its name, or that of one of its metrics, is taken.
        """
        names = [metric.name for metric in probe.metrics]
        taken = [name for name in names if name in self.metrics or names.count(name) > 1]
        if probe.name in self._probes or probe.name in _TAKEN or taken:
            what = f"metric {taken[0]!r}" if taken else "a probe of this name"
            raise FailcondError(f"probe {probe.name!r}: there is {what} already")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", probe.name):
            raise FailcondError(f"probe {probe.name!r}: use lower-case letters, digits and '_'")
        self._probes[probe.name] = probe
        for metric in probe.metrics:
            self.metrics[metric.name] = metric
            self._of_metric[metric.name] = probe

    def configure(self, probes: Sequence[Probe]) -> None:
        """Add the probes that a configuration names, in place of those of an earlier one.

        Raises:
            FailcondError: as `add`.
        """
        for probe in self._configured:
            self.remove(probe)
        self._configured = []
        for probe in probes:
            self.add(probe)
            self._configured.append(probe)

    def remove(self, probe: Probe) -> None:
        """Remove a probe."""
        self._configured = [one for one in self._configured if one is not probe]
        del self._probes[probe.name]
        for metric in probe.metrics:
            del self.metrics[metric.name], self._of_metric[metric.name]

    @property
    def names(self) -> Iterable[str]:
        """Names of the probes."""
        return self._probes.keys()

    def keep(self, names: Collection[str]) -> None:
        """Remove all probes but these, which another session in this process has."""
        for probe in [probe for probe in self if probe.name not in names]:
            self.remove(probe)

    def __contains__(self, name: object) -> bool:
        return name in self._probes

    def __getitem__(self, name: str) -> Probe:
        return self._probes[name]

    def metric(self, name: str) -> Metric:
        """Return a metric by its name; that of an uninstalled probe counts as a plain share."""
        return self.metrics.get(name) or Metric(
            name=name, noun=name, good="min", reach=share_kept, value="", selectors=frozenset()
        )

    def of_metric(self, name: str) -> Probe:
        """Return the probe of a metric."""
        return self._of_metric[name]

    def parse(self, text: str) -> Key:
        """Make a key from its text.

        Raises:
            FailcondError: no probe has such a key.
        """
        if isinstance(text, Key):
            return text
        for probe in self:
            if (key := probe.key_of(text)) is not None:
                return key
        raise FailcondError(
            f"unknown key {text!r}; a key is clean, corruption:NAME:SEVERITY, ranking:CLASS, "
            "direction:CLASS:DIMENSION:SIGN, combination:CLASS[:CLASS], classes by index, or corpus"
        )

    def named(self, text: str) -> Key | None:
        """Make the key of a check from its text; None if no probe knows it."""
        try:
            return self.about(text)
        except (FailcondError, ValueError):  # ValueError: a number of too many digits
            return None

    def is_foreign(self, text: str) -> bool:
        """Whether a text may be a key of a project's own probe, installed or not."""
        name = text.partition(":")[0]
        ours = name in _TAKEN or (name in self._probes and self[name] in OURS)
        return _OTHER.fullmatch(text) is not None and not ours

    def may_be_planned(self, name: str) -> bool:
        """Whether a plan or a run file may name a test so, even without its gate or its probe."""
        prefix, _, rest = name.partition(":")
        about = rest if prefix == regression.PROBE.name else name
        if self.named(about) is not None or _GATE.fullmatch(name) is not None:
            return True
        return self.is_foreign(name)

    def read_key(self, text: str) -> Key:
        """Make a key from the text of a file: its probe need not be installed."""
        return self.named(text) or untyped(text)

    def about(self, text: str) -> Key:
        """Make the key of a check from its text: one key, or several together.

        Raises:
            FailcondError: no probe knows it.
        """
        read = (probe.read_about(text) for probe in self)
        return next((key for key in read if key is not None), None) or self.parse(text)

    def planned(self, name: str, settings: Settings) -> Planned:
        """Make a planned test from its name, in a plan or a run file."""
        for probe in self:
            if (planned := probe.read_planned(name, settings)) is not None:
                return planned
        prefix, _, rest = name.partition(":")
        if prefix == regression.PROBE.name:
            return regression.planned(self.read_key(rest))
        key = self.read_key(name)
        return Planned.of_key(key, self.unit(key))

    def regression(self, key: Key) -> Planned:
        """Plan the comparison of a key with the baseline."""
        return regression.planned(key)

    def over_images(self, settings: Settings) -> list[Key]:
        """Return the keys of a configuration for which all test images are classified, in order."""
        probes = [probe for probe in self if probe.over_images]
        tests = [one for probe in probes for one in probe.tests(Planning(settings, None))]
        return [key for one in tests for key in one.needs]

    def read(self, key: Key, data: dict[str, Any], labels: Labels) -> Record:
        """Make a record from its entry in a run file; keep that of an uninstalled probe unchanged.

        Args:
            key: of the record.
            data: the entry.
            labels: true class of every test image, ``[N]``.
        """
        probe = self._probes.get(key.probe)
        if probe is None or probe.read is None:
            return Kept(key, data)
        return probe.read(key, data, labels)

    def measure(self, key: Key, bench: Bench) -> Iterable[tuple[Key, Record]]:
        """Measure a key, and others found on the way."""
        found: Iterable[tuple[Key, Record]] = resolved(self[key.probe].measure)(key, bench)
        return found

    def perfect(self, key: Key, settings: Settings, labels: Labels, samples: int) -> Any:
        """Make the record of a key without any loss, by `Probe.perfect`.

        Raises:
            FailcondError: the probe has none.
        """
        make = self[key.probe].perfect
        if make is None:
            raise FailcondError(f"{key}: a result without any loss is not known")
        return resolved(make)(key, settings, labels, samples)

    def searches(self, settings: Settings, classes: tuple[str, ...] | None) -> list[Key]:
        """Return the configured keys whose findings can be replayed on another version."""
        planning = Planning(settings, classes, generator=True)
        probes = [probe for probe in self if probe.replay is not None]
        return [key for probe in probes for one in probe.tests(planning) for key in one.needs]

    def images(self, key: Key, laboratory: Laboratory, rows: npt.NDArray[np.int64]) -> Pixels:
        """Make some of the classified images of a key again.

        Args:
            key: of a measurement of test images.
            laboratory: the subjects.
            rows: of the test images, ``[n]``.
        """
        pixels = laboratory.test_images.images[rows]
        make = self[key.probe].images
        if make is None:
            return pixels
        made: Pixels = resolved(make)(key, laboratory, pixels, laboratory.indices[rows])
        return made

    def in_order(self, records: Iterable[Record], settings: Settings) -> dict[Key, Any]:
        """Return records by key, in the order of the registry and of each probe."""
        order = {name: place for place, name in enumerate(self._probes)}

        def place(record: Record) -> tuple[Any, ...]:
            probe = self._probes.get(record.key.probe)
            if probe is None:
                return len(order), record.key
            return order[probe.name], *probe.place(record.key, record, settings)

        return {record.key: record for record in sorted(records, key=place)}

    def gate_test(self, gate: GateSettings, settings: Settings) -> Planned:
        """Return the test of a gate over several keys.

        Raises:
            FailcondError: the tests of single keys apply it.
        """
        if self.metrics[gate.metric].scope != "gate":
            raise FailcondError(
                f"gate {gate.id!r} is checked key by key: failcond.check(key) applies it, or "
                "failcond.check_regression(key)"
            )
        return self.planned(f"gate:{gate.id}", settings)

    def unit(self, key: Key) -> Key:
        """Return the measurement that a key belongs to and cannot be divided from."""
        return self[key.probe].unit(key) if key.probe in self else key


OURS = (
    clean.PROBE,
    corruption.PROBE,
    direction.PROBE,
    combination.PROBE,
    corpus.PROBE,
    several.PROBE,
    start.PROBE,
    regression.PROBE,
    review.PROBE,
)
PROBES = Registry(OURS)
METRICS = PROBES.metrics
parse_key = PROBES.parse

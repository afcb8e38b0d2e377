"""The corpus: earlier corner cases, replayed on each version of the classifier."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_failcond.probes.base import Asking, Planned, Planning, Probe, Record
from pytest_failcond.probes.keys import CorpusKey, EntryKey, Key
from pytest_failcond.probes.metric import Metric, share_kept

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings

_ENTRY = re.compile(r"corpus:([A-Za-z0-9_.-]+)")
_METRIC = Metric(
    name="corpus_accuracy",
    noun="corpus accuracy",
    good="min",
    reach=share_kept,
    value="pytest_failcond.verdicts.metrics:accuracy",
    trial="pytest_failcond.probes.corpus.trials:corpus_accuracy",
    by_class=False,
    scope="gate",
)


def planned(entry: str) -> Planned:
    """Plan the test of one image of the corpus; all of them are classified together."""
    name, key = EntryKey(entry), CorpusKey()
    return Planned(str(name), "corpus", (key,), key, name, "failcond_corpus", entry, entry)


def _tests(planning: Planning) -> Iterator[Planned]:
    yield from map(planned, planning.corpus)
    for gate in planning.settings.gates:
        if gate.metric == _METRIC.name:
            yield Planned.of_gate(gate, "corpus", [CorpusKey()])


def _read_key(text: str) -> CorpusKey | None:
    return CorpusKey() if text == "corpus" else None


def _read_about(text: str) -> EntryKey | None:
    match = _ENTRY.fullmatch(text)
    return None if match is None else EntryKey(match[1])


def _read_planned(name: str, settings: Settings) -> Planned | None:
    if (key := _read_about(name)) is not None:
        return planned(key.entry)
    tests = _tests(Planning(settings, None))
    return next((planned for planned in tests if planned.name == name), None)


def _keys(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> list[Key]:
    return [CorpusKey()]


def _checks(planned: Planned, asking: Asking) -> Iterable[tuple[GateSettings, Key]]:
    """A single image of the corpus is checked against its status; gates check all images
    together.
    """
    about = planned.about
    if isinstance(about, EntryKey):
        return []
    gates = [gate for gate in asking.settings.gates if gate.metric == _METRIC.name]
    together = isinstance(about, CorpusKey)
    return [(gate, CorpusKey()) for gate in gates if together or gate.id == about]


def _read(key: Key, data: dict[str, Any], labels: npt.NDArray[np.int64]) -> Record:
    from pytest_failcond.probes.corpus.record import Replay

    return Replay.from_json(data)


def _missing(settings: Settings) -> str:
    if settings.corpus is not None:
        return ""
    return 'there is no corpus; set corpus = "folder" and let `failcond discover` fill it'


PROBE = Probe(
    name="corpus",
    own_images=True,
    most=lambda settings: None,
    missing=_missing,
    perfect=None,
    measure="pytest_failcond.probes.corpus.measure:measure",
    read=_read,
    read_key=_read_key,
    read_about=_read_about,
    fixtures=("failcond_corpus", "failcond_gate"),
    tests=_tests,
    read_planned=_read_planned,
    keys=_keys,
    checks=_checks,
    sections="pytest_failcond.probes.corpus.view:sections",
    outcome="pytest_failcond.probes.corpus.view:outcome",
    details="pytest_failcond.probes.corpus.view:details",
    metrics=(_METRIC,),
)

"""The review: the share of corner cases that show their class, from the answers of readers who were not told it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_failcond.probes.base import Planned, Planning, Probe, Record
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.metric import Metric, share_kept
from pytest_failcond.probes.shown import Shown
from pytest_failcond.words.blocks import Note, Section

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings

KEY = Key("review")


def _tests(planning: Planning) -> Iterator[Planned]:
    if planning.settings.review is not None:
        yield Planned.of_key(KEY)


def _keys(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> list[Key]:
    return [KEY]


def _read_key(text: str) -> Key | None:
    return KEY if text == KEY else None


def _read(key: Key, data: dict[str, Any], labels: npt.NDArray[np.int64]) -> Record:
    from pytest_failcond.probes.review.record import Reviewed

    return Reviewed.from_json(data)


def _sections(run: Shown) -> Iterator[Section]:
    """Make a section of the readers' findings, if the run has a review."""
    from pytest_failcond.review.wording import sentence, warning

    found = run.records.get(KEY)
    if found is None:
        return
    notes = [Note(sentence(found.standing, found.confidence))]
    if doubted := warning(found.standing):
        notes.append(Note(doubted, "warning"))
    yield Section("Review", notes, short=True, rank=50)


def _missing(settings: Settings) -> str:
    if settings.review is not None:
        return ""
    return 'there is no review; set review = "failcond-review.json" and let `failcond review RUN` fill it'


PROBE = Probe(
    name="review",
    own_images=True,
    most=lambda settings: None,
    missing=_missing,
    perfect=None,
    measure="pytest_failcond.probes.review.measure:measure",
    read_key=_read_key,
    read=_read,
    tests=_tests,
    keys=_keys,
    sections=_sections,
    metrics=(
        Metric(
            name="reviewed_validity",
            noun="share of corner cases that show their class",
            good="min",
            reach=share_kept,
            value="pytest_failcond.probes.review.metrics:reviewed_validity",
            trial="pytest_failcond.probes.review.trials:reviewed_validity",
            selectors=frozenset(),
            by_class=False,
        ),
    ),
)

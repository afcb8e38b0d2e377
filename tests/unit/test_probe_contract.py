"""The contract of a probe, held by each of the house and by one of a project's own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond.config.settings import Settings
from pytest_failcond.laboratory.moving import Break, Breaks
from pytest_failcond.measuring.alone import Alone
from pytest_failcond.probes import clean
from pytest_failcond.probes.base import Asking, Planned, Planning
from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.direction.record import ClassRanking
from pytest_failcond.probes.keys import (
    CleanKey,
    CombinationKey,
    CorruptionKey,
    DirectionKey,
    Key,
    RankingKey,
)
from pytest_failcond.probes.metric import Asked
from pytest_failcond.probes.moved import Moved
from pytest_failcond.probes.registry import OURS, PROBES, Registry
from pytest_failcond.probes.review.record import Reviewed
from pytest_failcond.records.found import Discovery, FoundCase, Wanted
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.report import html, markdown, terminal
from pytest_failcond.review.drawing import breaks_of
from pytest_failcond.review.standing import Share, Standing
from pytest_failcond.runs.compare import compare
from pytest_failcond.runs.run import Run
from pytest_failcond.statistics.draws import generator
from pytest_failcond.storage.packing import pack_bits
from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.plan import checks_of
from pytest_failcond.verdicts.verdicts import Verdicts
from tests.combinations import anywhere
from tests.plugin import flipped
from tests.runs import walked_direction

CLASSES = ("a", "b", "c")
N = 60  # test images, of the corpus too
STARTS = 40
LABELS = np.arange(N) % len(CLASSES)
CELLS = [CorruptionKey(name, severity) for name in ("fog", "snow") for severity in (1, 2)]
ENTRIES = tuple(f"e-{i}" for i in range(N))
NAMES = [*(probe.name for probe in OURS), flipped.PROBE.name]
CONFIDENCES = (0.5, 0.95, 0.999)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def _with_one_of_a_project():
    PROBES.add(flipped.PROBE)
    yield
    PROBES.remove(flipped.PROBE)


def configuration() -> Settings:
    """Everything there is to configure, and a usual gate of every metric."""
    asked = Asked(severities=(1, 2), max_shift=8.0, at=0.5, max_distance=12.0)
    return Settings.model_validate({
        "classifier": "m:c", "images": "m:i", "generator": "g", "corpus": "corpus",
        "review": "review.json", "classes": CLASSES, "corner_cases": {"top": 1, "samples": STARTS},
        "combinations": {"samples": STARTS, "dimensions": 6, "toward": ["b"]},
        "corruptions": {"names": ["fog", "snow"], "severities": [1, 2], "reference": "r.json"},
        "gates": [
            {"metric": name, row.good: row.reach(asked).example, **({"at": 0.5} if row.at else {})}
            for name, row in PROBES.metrics.items()
        ],
    })  # fmt: skip


@cache
def found(seed: int) -> dict[Key, object]:
    """Records of all probes, at random: every image right or wrong, every start image lost somewhere."""
    random = np.random.default_rng(seed)
    records: list[object] = []
    for key in (CleanKey(), *CELLS, flipped.FLIPPED):
        # mCE refers to the errors that cells add to those on the clean images: there are some.
        least, most = (0.0, 0.6) if isinstance(key, CorruptionKey) else (0.7, 1.0)
        right = random.permutation(N) < int(random.uniform(least, most) * N)
        predicted = np.where(right, LABELS, (LABELS + 1) % len(CLASSES))
        records.append(Measurement(key, predicted, LABELS, f"sha256:{key}", len(CLASSES)))
    status = ["open", "fixed"]
    records.append(Replay(tuple(
        Replayed(name, status[i % 2], int(LABELS[i]), int(random.integers(3)), p=0.5)
        for i, name in enumerate(ENTRIES)
    ), "sha256:c"))  # fmt: skip
    breaks = Share(some=int(random.integers(N + 1)), all=N)
    records.append(Reviewed(Standing(version="m:c", same=True, breaks=breaks), 0.95))
    for index in range(len(CLASSES)):
        shifts = np.arange(17) / 2
        ends = random.uniform(0, 12, STARTS)
        at = np.round(random.uniform(0, 10, STARTS), 4) * (random.random(STARTS) < 0.8)
        breaks = [float(b) if b <= min(8.0, e) else None for b, e in zip(at, ends, strict=True)]
        walked = walked_direction(breaks, shifts < ends[:, None], shifts)
        key = DirectionKey(index, 7, 1)
        right = pack_bits((at > 0) & (ends > 0))
        records += [
            replace(walked, key=key, class_index=index),
            ClassRanking(RankingKey(index), index, STARTS, [key], [7], [0.1], [], STARTS, right),
        ]
        pairs = [CombinationKey(index, 1)] if index != 1 else []
        records += [anywhere(key, STARTS, seed) for key in (CombinationKey(index), *pairs)]
    return {record.key: record for record in records}  # type: ignore[attr-defined]


def planned_by(name: str) -> list[Planned]:
    """The tests that a probe plans; those of a comparison, for all keys that may be compared."""
    compared = lambda: [CleanKey(), *CELLS]  # noqa: E731
    planning = Planning(configuration(), CLASSES, ENTRIES, generator=True, compared=compared)
    tests = list(PROBES[name].tests(planning))
    # Clean images are tested by a test of the suite's that nobody generates.
    return tests or [Planned.of_key(CleanKey())]


def cases_of(name: str, now: dict[Key, object], then: dict[Key, object]) -> Iterator[Case]:
    """What each gate of a probe's metrics is computed from, in each test that applies it."""
    whole = configuration()
    asking = Asking(whole, CLASSES, now.__getitem__)
    for planned in planned_by(name):
        for gate, key in checks_of(planned, asking):
            more = None, then.__getitem__, then.__getitem__
            yield Case(gate, key, now.__getitem__, whole, CLASSES, *more)


def run_of(now: dict[Key, object], then: dict[Key, object]) -> Run:
    """A run with these records, judged by all gates and compared."""
    whole = configuration()
    made = Run(
        environment={"date": "2026-01-01T00:00:00Z"},
        subjects={"classifier": "sha256:1"},
        settings=whole.model_dump(mode="json", exclude={"folder"}),
        classes=CLASSES,
        labels=LABELS,
        records=PROBES.in_order(now.values(), whole),  # type: ignore[arg-type]
        planned=tuple(one.name for name in NAMES for one in planned_by(name)),
    )
    measure, other = now.__getitem__, then.__getitem__
    verdicts = Verdicts.against(whole, CLASSES, measure, other, other, None)
    gates = verdicts.results(one for name in NAMES for one in planned_by(name))
    baseline = replace(made, records=PROBES.in_order(then.values(), whole))  # type: ignore[arg-type]
    return replace(made, gates=gates, comparison=compare(baseline, made, "then", confidence=0.95))


def in_three_media(run: Run) -> list[str]:
    """All that is shown of a run."""
    text = terminal.render(run, width=100, color=False, unicode=True, verbose=1)
    return [text, html.page(run), markdown.render(run)]


@pytest.mark.parametrize("name", NAMES)
def test_its_keys_are_texts_and_come_back(name):
    keys = {key for key in found(0) if key.probe == name}
    for planned in planned_by(name):
        keys |= {*planned.needs, *(key for key in (planned.about,) if isinstance(key, Key))}
    for gate in configuration().gates:
        if PROBES.of_metric(gate.metric).name == name:
            keys |= {*PROBES[name].keys(gate, configuration(), CLASSES)}
    assert keys
    for key in keys:
        again = PROBES.about(str(key))
        assert (again, type(again), vars(again)) == (key, type(key), vars(key))
        assert PROBES.read_key(str(key)) == key


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_its_records_go_through_json_and_come_back(name, seed):
    for key, record in found(seed).items():
        if key.probe == name:
            kept = json.loads(json.dumps(record.to_json()))  # type: ignore[attr-defined]
            again = PROBES.read(key, kept, LABELS)
            assert type(again) is type(record)
            assert (again.key, again.to_json()) == (key, kept)
    assert not PROBES[name].over_images or any(key.probe == name for key in found(seed))


@pytest.mark.parametrize("name", NAMES)
def test_its_tests_are_named_and_read_back(name):
    whole, probe = configuration(), PROBES[name]
    planned = planned_by(name)
    assert len({one.name for one in planned}) == len({one.test_id for one in planned})
    assert len({one.name for one in planned}) == len(planned) > 0
    for one in planned:
        assert one.test_id.isascii()
        assert one.fixture in probe.fixtures
        again = PROBES.planned(one.name, whole)
        assert (again.needs, again.unit, again.about) == (one.needs, one.unit, one.about)
        assert (again.probe, type(again.about)) == (one.probe, type(one.about))
        assert PROBES.may_be_planned(one.name)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds)
@settings(max_examples=4, deadline=None)
def test_each_metric_has_a_value_within_its_bounds_that_its_trial_gives_too(name, seed):
    seen = set()
    for case in cases_of(name, found(seed), found(seed + 1)):
        metric = PROBES.metrics[case.gate.metric]
        value, trial = metric.compute(case), metric.try_out(case)
        number = np.inf if value.value is None else value.value
        for confidence in CONFIDENCES:
            low, high = (value.bound(confidence, side) for side in ("lower", "upper"))
            low, high = (np.inf if bound is None else bound for bound in (low, high))
            assert low - 1e-9 <= number <= high + 1e-9
        once = np.ones((1, trial.size), dtype=np.float32)
        (tried,) = trial.values(trial.sums(once), 0.0, generator("none"))
        if number == np.inf or (
            metric.name == "breaking_shift" and number > case.measure(case.key).tested_to
        ):
            assert tried == np.inf  # beyond all that was tested
        else:
            assert tried == pytest.approx(number, abs=1e-6)
        assert trial.most > 0
        assert value.n > 0
        seen.add(metric.name)
    assert seen == {metric.name for metric in PROBES[name].metrics}


@cache
def shown_of_all() -> tuple[Run, list[str]]:
    """A run of all probes, and all that is shown of it."""
    run = run_of(found(1), found(2))
    return run, in_three_media(run)


@pytest.mark.parametrize("name", NAMES)
def test_three_media_show_what_it_found(name):
    (run, whole), probe = shown_of_all(), PROBES[name]
    own = {metric.name for metric in probe.metrics}
    records = {key: record for key, record in run.records.items() if key.probe != name}
    others = replace(run, gates=tuple(gate for gate in run.gates if gate.metric not in own))
    without = [replace(run, records=records)] if records.keys() != run.records.keys() else []
    without += [replace(run, comparison=None)] if name == "regression" else []
    for less in (others, *without):
        for shown, left in zip(whole, in_three_media(less), strict=True):
            assert shown != left
    for gate in run.gates:
        assert not any(check.verdict == "error" for check in gate.checks)


def test_a_probe_of_a_project_gives_cases_to_corpus_review_and_explorer(monkeypatch):
    """By declaring functions: nothing else names it."""
    case = FoundCase(
        "x", "flipped", Moved(1, 4), 2.5, np.zeros((1, 1, 1), np.uint8), 0, 0.1, None, True
    )
    break_ = Break(Moved(1, 4), torch.zeros(3), search="flipped")
    probe = replace(
        flipped.PROBE,
        keep=lambda index, bench, wanted: Discovery(
            [case] * wanted.per_search, Counter(lost=index)
        ),
        breaks=lambda index, records, laboratory: Breaks([break_] * len(records)),
        explore=lambda index, bench, count: [(index, count)],
    )
    registry = Registry([probe, clean.PROBE])
    monkeypatch.setattr("pytest_failcond.measuring.alone.PROBES", registry)
    monkeypatch.setattr("pytest_failcond.review.drawing.PROBES", registry)
    laboratory: Any = SimpleNamespace(settings=configuration())
    alone = Alone(laboratory)
    kept = alone.discover(1, Wanted(per_search=2))
    assert (kept.cases, kept.dropped) == ([case, case], Counter(lost=1))
    assert breaks_of(1, {CleanKey(): None}, laboratory).breaks == [break_]
    assert alone.explored(1, 6) == [(1, 6)]

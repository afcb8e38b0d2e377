"""A divided run, joined, is the undivided one: every record of every probe, and what a comparison measured."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from pytest_failcond.probes.direction.fit import Fitness
from pytest_failcond.probes.keys import CombinationKey, FitnessKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.runs.assemble import assemble
from pytest_failcond.runs.disassemble import disassemble
from pytest_failcond.runs.merge import merge
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.store import COMPARED, PLAN, Store
from tests.plugin import flipped
from tests.runs import make_strip
from tests.schema import errors_of
from tests.unit.test_probe_contract import CLASSES, NAMES, configuration, found, planned_by, run_of


@pytest.fixture(scope="module", autouse=True)
def _with_one_of_a_project():
    PROBES.add(flipped.PROBE)
    yield
    PROBES.remove(flipped.PROBE)


def beside(records) -> dict[str, dict]:
    """What a session measures for a comparison alone: pictures for test images, and combinations tried again."""
    number = itertools.count(1)
    measured = {}
    for key, record in records.items():
        if isinstance(key, CombinationKey):
            measured[key] = {"replayed": 5 + next(number), "still": next(number) % 6}
        if isinstance(record, Measurement):
            shown = {"indices": [1], "labels": [1], "before": [1], "after": [0]}
            measured[key] = {
                name: {"file": f"{name}-{key}.png".replace(":", "-")} | shown
                for name in ("lost", "gained")
            }
    return measured


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The store of a session with records of all probes, its baseline, and the undivided run."""
    folder, settings = tmp_path_factory.mktemp("session"), configuration()
    fitness = [Fitness(FitnessKey(i), i, 90 - i, 100, 95, 100) for i in range(len(CLASSES))]
    now = found(1) | {one.key: one for one in fitness}
    then = run_of(found(2), found(2))
    replace(then, planned=(), gates=(), comparison=None).save(folder / "then.json")
    run = run_of(now, found(2))
    store = Store(folder / "store")
    disassemble(run, store.folder)
    compared = [f"regression:{key}" for key in now if isinstance(key, CombinationKey)]
    names = [one.name for name in NAMES for one in planned_by(name)]
    store.put(PLAN, {"plan": list(dict.fromkeys([*names, *compared]))})
    for key, one in beside(now).items():
        store.put(f"{COMPARED}{key}", one)
        for part in one.values():
            if isinstance(part, dict):
                (store.pictures / part["file"]).parent.mkdir(exist_ok=True, parents=True)
                (store.pictures / part["file"]).write_bytes(make_strip(frames=1))
    options = {"classes": CLASSES, "baseline": folder / "then.json"}
    return folder, lambda **more: assemble(store.folder, settings, **options | more)


@pytest.mark.parametrize("number", [2, 7])
def test_the_joined_run_equals_the_undivided_one(session, tmp_path, number):
    folder, made = session
    whole, parts = made(), {}
    for i in range(1, number + 1):
        path = tmp_path / f"{i}.json"
        made(part=(i, number)).save(path)
        assert not [where for where, _ in errors_of(path) if "beside" in where]
        parts[str(path)] = Run.load(path)
    joined = merge(parts, baseline=folder / "then.json", pictures=tmp_path / "pictures")
    assert joined.to_json() == whole.to_json()
    assert {one.key.probe for one in whole.records.values()} >= {*NAMES} - {
        "several", "start", "regression"
    }  # fmt: skip
    examples = [one for one in joined.comparison.keys if one.lost_examples is not None]
    assert len(examples) == len(whole.measurements)
    searched = joined.comparison.combinations
    assert all(one.replayed and one.still is not None for one in searched)
    assert joined.picture(examples[0].lost_examples.file) == make_strip(frames=1)


def test_a_run_that_is_judged_again_keeps_what_its_comparison_measured(session, tmp_path):
    folder, made = session
    made().save(tmp_path / "whole.json")
    run = Run.load(tmp_path / "whole.json")
    for name, tried in (("then.json", True), ("other.json", False)):
        baseline = folder / name
        if not tried:
            older = Run.load(folder / "then.json")
            replace(older, environment=older.environment | {"python": "3"}).save(baseline)
        store = Store(tmp_path / f"of-{name}")
        disassemble(run, store.folder, baseline)
        store.put(PLAN, {"plan": list(run.planned)})
        again = assemble(store.folder, configuration(), CLASSES, baseline=baseline, kept=True)
        assert [one.still is not None for one in again.comparison.combinations] == [tried] * 5
        assert (again.comparison.keys == run.comparison.keys) == tried
        assert (again.beside == run.beside) == tried


def test_what_parts_tried_again_belongs_to_their_baseline(session, tmp_path):
    """Against another baseline, combinations of theirs are not counted."""
    folder, made = session
    made(part=(1, 1)).save(tmp_path / "1.json")
    part = {"1.json": Run.load(tmp_path / "1.json")}
    other = Run.load(folder / "then.json")
    replace(other, environment=other.environment | {"python": "3"}).save(tmp_path / "other.json")
    joined = merge(part, baseline=tmp_path / "other.json")
    assert {one.replayed for one in joined.comparison.combinations} == {None}
    assert merge(part).comparison is None

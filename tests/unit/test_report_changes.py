"""What a comparison shows: losses before gains, nothing that did not change, and what A and B are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from pytest_failcond.cli import main
from pytest_failcond.probes.keys import DirectionKey, Key
from pytest_failcond.probes.regression import view as changes
from pytest_failcond.probes.regression.record import Comparison, DirectionComparison, KeyComparison
from pytest_failcond.report import terminal
from pytest_failcond.runs.compare import compare
from pytest_failcond.runs.content import digest
from pytest_failcond.runs.run import Run
from pytest_failcond.verdicts.gates import GateResult
from tests.runs import changed, make_check, make_run

CELLS = [f"corruption:gaussian_noise:{s}" for s in range(1, 6)]


def of(keys=(), directions=(), **fields) -> Comparison:
    named = {"baseline": "old.json", "then": {}, "now": {}, "same_model": False} | fields
    return Comparison(
        **named, confidence=0.9, keys=tuple(keys), directions=tuple(directions), only_then=()
    )


def key(name: str, lost: int, gained: int, p: float = 1.0) -> KeyComparison:
    drop = (lost - gained) / 100
    return KeyComparison(Key(name), right=80, lost=lost, gained=gained, drop=drop, p_holm=p)


def test_losses_stand_before_gains_and_what_is_unchanged_is_counted():
    gains = [key(f"gain{i}", 0, 2 + i, p=0.001) for i in range(3)]
    losses = [key("loss1", 1, 0), key("loss9", 9, 0, p=0.001), key("even", 4, 4)]
    unchanged = [key(f"same{i}", 0, 0) for i in range(34)]
    comparison = of([*gains, *unchanged, *losses])
    shown, rest = changes.shown(make_run(gates=()), comparison)
    assert [e.key for e in shown] == ["loss9", "loss1", "even", "gain2", "gain1", "gain0"]
    assert rest == unchanged
    assert changes.remarks(comparison, rest) == ["34 more keys unchanged"]
    everything, none = changes.shown(make_run(gates=()), comparison, every=True)
    assert (len(everything), none) == (40, [])
    assert [e.key for e in everything[-3:]] == ["gain2", "gain1", "gain0"]


def test_what_differs_by_chance_alone_is_counted_apart_from_what_is_unchanged():
    keys = [key(f"loss{i}", i, 0) for i in range(1, 13)] + [key("same", 0, 0)]
    comparison = of(keys)
    shown, rest = changes.shown(make_run(gates=()), comparison)
    assert [e.key for e in shown] == [f"loss{i}" for i in range(12, 4, -1)]
    assert changes.remarks(comparison, rest) == [
        "4 more keys: no difference beyond chance; the largest is 0.0400",
        "1 more key unchanged",
    ]


def test_what_a_gate_fails_is_shown_whatever_else_changed_more():
    gains = [key(f"gain{i}", 0, 20 + i, p=0.001) for i in range(12)]
    comparison = of([*gains, key("loss", 2, 0), key("other", 3, 0), key("more", 1, 0)])
    check = make_check("r", "regression_drop", "loss", 0.02, verdict="failed")
    run = make_run(gates=(GateResult("r", "regression_drop", "fail", (check,)),))
    shown, rest = changes.shown(run, comparison)
    assert [e.key for e in shown][:1] == ["loss"]
    assert [e.key for e in rest] == ["other", "more"]


def test_directions_that_did_not_change_are_left_out():
    moved = DirectionComparison(DirectionKey(0, 1, 1), 2.0, 3.0, 4.0, 4.0, 0.5, 0.5)
    worse = DirectionComparison(DirectionKey(0, 2, 1), None, None, 4.0, 4.0, 0.2, 0.4)
    same = DirectionComparison(DirectionKey(0, 3, 1), None, None, 4.0, 4.0, 0.2, 0.2)
    comparison = of([key("clean", 0, 0)], [same, moved, worse])
    assert changes.shown_directions(comparison, every=False) == ([worse, moved], 0)
    assert changes.shown_directions(comparison, every=True) == ([worse, moved, same], 0)
    assert changes.summary(comparison).endswith("2 of 3 directions changed")
    many = [replace(worse, key=f"direction:0:{i}:-") for i in range(15)]
    assert changes.shown_directions(of(directions=[*many, same]), every=False)[1] == 3


def test_rankings_of_different_ways_are_compared_by_direction(files, capsys):
    """An older run has no way: it ranked by gradient."""
    now = Run.load(files[1])
    text = json.loads(Path(files[0]).read_text())
    for ranking in text["rankings"]:
        del ranking["way"], ranking["why"]
    del text["digest"]
    Path(files[0]).write_text(json.dumps(text | {"digest": digest(text)}))
    then = Run.load(files[0])
    assert {ranking.way for ranking in then.rankings.values()} == {"gradient"}
    comparison = compare(then, now, "old.json", confidence=0.95)
    assert comparison.ranked_otherwise == (2,)
    assert len(comparison.directions) == 3
    assert compare(now, now, "old.json", confidence=0.95).ranked_otherwise == ()
    assert main(["compare", *files]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "not ranked as in A (by gradient and by measured effect), so directions are" in said


def test_the_setting_of_the_ranking_does_not_keep_directions_from_being_compared():
    then = make_run()
    settings = then.settings | {"corner_cases": {"top": 3, "ranking": "effect"}}
    then = replace(then, settings=then.settings | {"corner_cases": {"top": 3}})
    now = replace(then, settings=settings)
    assert compare(then, now, "old.json", confidence=0.95).directions
    now = replace(then, settings=settings | {"corner_cases": {"top": 2}})
    assert not compare(then, now, "old.json", confidence=0.95).directions


def test_the_bound_is_explained_with_its_confidence():
    text = changes.note(of())
    assert "upper bound: the drop is less than this, with 90 % confidence" in text
    assert "right in the baseline, wrong now" in text
    assert "A has it right, B does not" in changes.note(of(), changes.A_AND_B)


def test_an_unchanged_run_is_told_of_in_two_lines():
    run = make_run()
    run = replace(run, comparison=compare(run, run, "old.json", confidence=0.95))
    text = terminal.render(run, width=200, color=False, unicode=True)
    section = text.partition("Since the baseline\n")[2].partition("\n\n")[0]
    assert section.splitlines() == [
        "old.json (2026-01-01): the same model; over 10 keys of 200 images: 0 predictions "
        "lost, 0 gained, mean drop 0.0000; 0 of 3 directions changed"
    ]


@pytest.fixture
def files(tmp_path):
    """A run, and one that loses seven images of a cell and gains five."""
    then = replace(make_run(tmp_path), subjects={"images": "sha256:i", "classifier": "weights:1"})
    measured = then.measurements[CELLS[2]]
    predicted = measured.predicted.copy()
    predicted[:5] = measured.labels[:5]
    predicted[100:107] = (measured.labels[100:107] + 1) % measured.classes
    now = changed(
        then,
        subjects=then.subjects | {"classifier": "weights:2"},
        measurements=then.measurements | {CELLS[2]: replace(measured, predicted=predicted)},
        environment=then.environment | {"commit": "b" * 40},
    )
    then.save(tmp_path / "old.json")
    now.save(tmp_path / "new.json")
    assert np.count_nonzero(measured.right[100:107]) == 7
    return str(tmp_path / "old.json"), str(tmp_path / "new.json")


def test_a_and_b_are_named_and_no_baseline_is_spoken_of(files, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(Path(files[0]).parent)
    assert main(["compare", "old.json", "new.json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    text = "\n".join(lines)
    flat = " ".join(text.split())
    assert max(map(cell_len, lines)) <= 80
    assert lines[0] == "B against A"
    assert "A old.json (" in flat
    assert "B new.json (commit bbbbbbb" in flat
    assert "A and B are different models; over 10 keys" in flat
    assert "lost: A has it right, B does not" in flat
    assert "baseline" not in text
    rows = [line.split()[:4] for line in lines if line.startswith("corruption:")]
    assert rows == [[CELLS[2], "7", "5", "0.0100"]]
    assert "9 more keys unchanged" in flat

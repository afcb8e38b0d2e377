"""``failcond selftest`` says of each gate what its verdict is worth, from the run file alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from pytest_failcond.cli import main
from tests.quality.test_selftest import CELLS, GATES, MEASURED, make_run, measured, rights


@pytest.fixture
def path(tmp_path):
    gates = [gate for gate in GATES if "mce" not in gate[1]["metric"]]
    run = make_run(MEASURED, *gates, baseline=MEASURED)
    run.save(tmp_path / "run.json")
    return tmp_path / "run.json"


def test_every_gate_has_its_line_within_the_width(path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["selftest", str(path), "--resamples", "50"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert max(map(cell_len, lines)) <= 80
    titles = [line for line in lines if line.startswith("broken-share")]
    assert titles == ["broken-share  broken_share ≤ 0.5 at 2.5 σ"]
    share = lines[lines.index(titles[0]) + 1].split()
    assert share[:3] == ["direction:0:7:+", "(class", "a)"]
    assert share[4] == share[6] == "%"
    assert 0 < float(share[7]) < 0.5
    drop = next(i for i, line in enumerate(lines) if line.startswith("accuracy-drop"))
    assert lines[drop + 1].endswith("100.0 %  100.0 %  already red")
    # No baseline is there any more: its three gates are named and not tried.
    assert "regression-drop: compares with a baseline; name it with --baseline FILE" in " ".join(
        out.split()
    )
    assert "by chance: share of the draws" in out
    assert out.count("already red: it fails on 95 % of the draws or more without any loss") == 1
    assert "it fails\n" not in out


def test_checks_that_are_left_out_are_counted_with_the_option_that_shows_them(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    run = make_run(MEASURED, *((key, {"metric": "accuracy", "min": 0.9}) for key in CELLS))
    first = run.gates[0]
    checks = tuple(replace(check, gate=first.id) for check in run.checks)
    replace(run, gates=(replace(first, checks=checks),)).save(tmp_path / "run.json")
    assert main(["selftest", str(tmp_path / "run.json"), "--resamples", "20"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "trying 1 gate on 20 draws of the images\n"
    assert captured.out.count("  corruption:") == 3
    assert "  … 1 more (--verbose shows them)\n" in captured.out
    assert main(["selftest", str(tmp_path / "run.json"), "--resamples", "20", "--verbose"]) == 0
    out = capsys.readouterr().out
    assert out.count("  corruption:") == 4
    assert "more (" not in out


def test_the_result_is_written_and_keyed(path, tmp_path, capsys):
    found = []
    for seed in ("1", "1", "2"):
        arguments = ["selftest", str(path), "--resamples", "40", "--seed", seed]
        assert main([*arguments, "--json", str(tmp_path / "odds.json")]) == 0
        found.append(json.loads((tmp_path / "odds.json").read_text(encoding="utf-8")))
    capsys.readouterr()
    assert found[0] == found[1] != found[2]
    clean = found[0]["gates"][0]
    assert clean["id"] == "clean-accuracy"
    assert 0.2 < clean["whole"]["by_chance"] < 0.8
    assert clean["checks"] == [clean["whole"]]


def test_a_baseline_of_other_inputs_is_said(path, tmp_path, capsys):
    other = make_run({k: measured(k, rights(0.9)) for k in CELLS})
    other.subjects["images"] = "sha256:other"
    other.save(tmp_path / "other.json")
    given = ["--resamples", "10", "--baseline", str(tmp_path / "other.json")]
    assert main(["selftest", str(path), *given]) == 0
    assert "was made with other images" in " ".join(capsys.readouterr().out.split())


def test_errors_are_one_sentence(tmp_path, capsys):
    make_run({"clean": measured("clean", np.ones(1000, dtype=bool))}).save(tmp_path / "bare.json")
    for arguments, words in (
        ([str(tmp_path / "no.json")], "cannot be read"),
        ([str(tmp_path / "bare.json")], "no checked gates"),
        ([str(tmp_path / "bare.json"), "--baseline", "no.json"], "no such run file"),
    ):
        assert main(["selftest", *arguments]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1

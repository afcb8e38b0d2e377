"""The verdict never says more than was judged: what was not evaluated, or not run, is counted in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failcond.cli import main
from pytest_failcond.report import contents
from pytest_failcond.runs.run import Run
from tests.plugin.conftest import CORNERS, GRID


def verdict_of(result) -> str:
    """The last paragraph of the report, on one line."""
    lines = result.stdout.str().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("verdict: "))
    end = next(i for i in range(start, len(lines)) if not lines[i] or lines[i].startswith("==="))
    return " ".join(lines[start:end])


def test_a_mistyped_baseline_is_said_wherever_the_verdict_is(project, monkeypatch, gate):
    monkeypatch.chdir(project.path)
    assert project.once("--failcond-json=run.json").ret == 0
    assert main(["baseline", "run.json"]) == 0
    project.configure(
        GRID.replace("[tool.failcond]", '[tool.failcond]\nbaseline = "failcond-basline.json"'),
        gate(metric="clean_accuracy", min=0.9),
        gate(metric="regression_drop", max=0.01),
        gate(metric="mean_regression_drop", max=0.01),
        gate(metric="negative_flips", max=0.01),
    )
    result = project.run("--failcond-json=new.json", "--failcond-markdown=new.md", "-rs")
    assert result.ret == 0
    meant = "no baseline at failcond-basline.json (did you mean failcond-baseline.json?)"
    sentence = f"verdict: passed; 3 gates not evaluated: {meant}"
    assert verdict_of(result) == f"{sentence} · 12 checks of 4 gates"
    assert meant in result.stdout.str().partition("rootdir")[0]  # the header
    result.stdout.fnmatch_lines(["SKIPPED*there is no baseline at failcond-basline.json (did you*"])
    assert meant in (project.path / "new.md").read_text().splitlines()[2].replace("\\", "")
    assert main(["report", "new.json"]) == 0
    assert meant in (project.path / "new.html").read_text()
    result = project.run("--failcond-strict")
    assert result.ret == 1
    assert meant in result.stdout.str()


@pytest.mark.parametrize("gated", [True, False])
def test_a_mistyped_baseline_is_said_where_no_gate_needs_it(project, monkeypatch, gate, gated):
    monkeypatch.chdir(project.path)
    assert project.once("--failcond-json=failcond-baseline.json").ret == 0
    table = GRID.replace("[tool.failcond]", '[tool.failcond]\nbaseline = "failcond-basline.json"')
    project.configure(table, *[gate(metric="clean_accuracy", min=0.9)] * gated)
    result = project.run("--failcond-json=new.json", "--failcond-markdown=new.md")
    said = (
        f"verdict: {'passed' if gated else 'nothing is gated'}; not compared: no baseline at "
        "failcond-basline.json (did you mean failcond-baseline.json?)"
    )
    assert result.ret == 0
    assert verdict_of(result).startswith(said)
    assert said in (project.path / "new.md").read_text().splitlines()[2].replace("\\", "")
    assert main(["report", "new.json"]) == 0
    assert said in (project.path / "new.html").read_text()
    (project.path / "failcond-baseline.json").rename(project.path / "failcond-basline.json")
    assert "not compared" not in verdict_of(project.run("--failcond-from=new.json"))


def test_a_mistyped_reference_is_said_where_no_gate_needs_it(project):
    project.configure(GRID.replace("severities", 'reference = "rn.json"\nseverities'))
    said = "verdict: nothing is gated; not compared: no reference for mCE at rn.json"
    assert verdict_of(project.run()) == said


def test_where_all_is_idle_nothing_passed(project, gate):
    project.configure(GRID, gate(metric="regression_drop", max=0.01))
    result = project.run()
    assert verdict_of(result) == (
        "verdict: not evaluated; 1 gate not evaluated: no baseline to compare with "
        "· 5 checks of 1 gate"
    )


GATES = (
    {"metric": "clean_accuracy", "min": 0.5},
    {"metric": "accuracy", "min": 0.1, "by_class": True},
    {"metric": "accuracy_drop", "max": 0.9, "severities": [1]},
    {"metric": "mean_corruption_accuracy", "min": 0.1},
    {"metric": "crossing_severity", "min": 2, "at": 0.2},
    {"metric": "regression_drop", "max": 0.9, "by_class": True},
    {"metric": "mean_regression_drop", "max": 0.9},
    {"metric": "negative_flips", "max": 0.9},
)
SELECTED = {
    # -k: what is left out
    "": "",
    "clean": "verdict: passed; 5 gates and 16 checks not run · 5 checks of 3 gates",
    "not gate": "verdict: passed; 3 gates not run",
    "corruption and blackout": "verdict: passed; 6 gates and 7 checks not run · 7 checks of 2 gates",
    "test_gate and crossing": "verdict: passed; 7 gates not run · 2 checks of 1 gate",
}


@pytest.fixture
def gated(project, monkeypatch, gate):
    """A project with a gate of every kind that needs no generator, and a baseline."""
    monkeypatch.chdir(project.path)
    assert project.once("--failcond-json=old.json").ret == 0
    baseline = '[tool.failcond]\nbaseline = "old.json"\nclasses = ["a", "b", "c"]'
    project.configure(GRID.replace("[tool.failcond]", baseline), *(gate(**keys) for keys in GATES))
    return project


def test_what_is_deselected_is_counted_and_a_whole_run_says_nothing(gated):
    for selected, sentence in SELECTED.items():
        result = gated.run("-k", selected) if selected else gated.once("--failcond-json=run.json")
        assert result.ret == 0
        line = verdict_of(result)
        if selected:
            assert line.startswith(sentence), selected
        else:
            assert "not run" not in line
            assert line.startswith("verdict: passed")
    run = Run.load(gated.path / "run.json")
    assert {g.id: len(g.checks) for g in run.gates} == run.demanded


def test_gates_on_directions_are_counted_too(corners, gate):
    corners.configure(
        CORNERS,
        gate(metric="broken_share", at=1.0, max=0.99),
        gate(metric="breaking_shift", min=0.5, id="one", classes=["star"]),
    )
    corners.run("--failcond-json=run.json")
    run = Run.load(corners.path / "run.json")
    if set(run.demanded) != {g.id for g in run.gates}:
        raise AssertionError(run.gates)
    assert {g.id: len(g.checks) for g in run.gates} == run.demanded
    result = corners.run("-k", "test_corner_case and 1")
    assert "checks not run" in verdict_of(result)


def test_a_gate_that_no_test_makes_is_no_part_of_what_passed(project, gate):
    """Two tests of the suite are imported, and none is about the second gate."""
    project.write(
        "test_robustness.py", "from pytest_failcond.suite import test_clean, test_corruption"
    )
    project.configure(
        GRID,
        gate(metric="clean_accuracy", min=0.9),
        gate(metric="mean_corruption_accuracy", min=0.1),
    )
    assert verdict_of(project.run()).startswith("verdict: passed; 1 gate not run")
    assert verdict_of(project.run("-k", "corruption")).startswith("verdict: none; 2 gates not run")


def test_a_session_that_measures_nothing_says_so(project, gate):
    project.configure(GRID, gate(metric="clean_accuracy", min=0.9))
    project.write("test_other.py", "def test_it(): pass\n")
    project.write("run.json", "{}")
    result = project.run(
        "-k", "test_it", "--failcond-json=run.json", "--failcond-markdown=a/run.md"
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["failcond: nothing was measured: its gate was not checked, run.json was not written and "
         "is of an older run, a/run.md was not written"]
    )  # fmt: skip
    assert "nothing was measured" not in project.run("-k", "test_it", "-qq").stdout.str()
    assert "nothing was measured" not in project.run("--collect-only").stdout.str()
    assert project.run("-k", "test_it", "--failcond-strict").ret == 1
    assert (
        project.run("-k", "test_it", "-o", "addopts=--failcond-strict").ret == 0
    )  # of no run in particular
    project.configure(GRID)
    assert "nothing was measured" not in project.run("-k", "test_it").stdout.str()


def test_a_run_whose_settings_are_not_known_any_more_is_still_shown(gated):
    assert gated.once("--failcond-json=run.json").ret == 0
    run = Run.load(gated.path / "run.json")
    gates = [{**gate, "metric": "of another version"} for gate in run.settings["gates"]]
    run = replace(run, settings={**run.settings, "gates": gates})
    assert run.demanded == {}
    assert contents.verdict_line(run)[0].startswith("verdict: passed")


def test_a_baseline_and_parts_are_those_of_the_project_from_any_of_its_folders(
    project, monkeypatch, capsys, gate
):
    """What a command says and reads is relative to the configuration, as its keys are."""
    table = GRID.replace("[tool.failcond]", '[tool.failcond]\nbaseline = "kept.json"')
    project.configure(table, gate(metric="mean_regression_drop", max=0.5))
    monkeypatch.chdir(project.path)
    assert project.run("--failcond-shard=1/1", "--failcond-json=part.json").ret == 0
    (project.path / "deep").mkdir()
    monkeypatch.chdir(project.path / "deep")
    capsys.readouterr()
    assert main(["merge", "../part.json"]) == 0
    assert (
        "1 gate not evaluated: no baseline at kept.json yet (a run is kept in part.json)"
        in capsys.readouterr().out
    )
    assert main(["baseline", "run.json", "--out", "../kept.json"]) == 0
    assert 'set baseline = "kept.json" in' in capsys.readouterr().out
    assert main(["merge", "../part.json"]) == 0
    assert "verdict: passed · " in capsys.readouterr().out

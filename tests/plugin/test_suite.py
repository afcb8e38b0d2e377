"""The generated tests: which there are, how they end, and what is shown of them."""

from __future__ import annotations

import json

import pytest

from pytest_failcond.report.contents import verdict_line
from pytest_failcond.runs.run import Run
from tests.plugin.conftest import GRID


def test_ids_are_those_of_the_readme(project, gate):
    project.configure(GRID, gate(metric="mean_corruption_accuracy", min=0.5, id="overall"))
    result = project.run("--collect-only", "-q")
    result.stdout.fnmatch_lines_random(
        [
            "test_robustness.py::test_clean",
            "test_robustness.py::test_corruption?gaussian_noise-1?",
            "test_robustness.py::test_corruption?blackout-3?",
            "test_robustness.py::test_gate?overall?",
        ]
    )
    assert "test_corner_case" not in result.stdout.str()
    assert "failcond_nothing" not in result.stdout.str()
    assert project.log() == []  # nothing is measured to collect


def test_what_nobody_gated_is_measured_and_shown(project):
    result = project.run()
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 5}
    result.stdout.fnmatch_lines(
        ["*= failcond =*", "Accuracy by corruption and severity*", "*blackout*0.9333*0.8000*"]
    )


def test_each_key_is_measured_once(project, gate):
    drop = gate(metric="accuracy_drop", max=0.5)
    overall = gate(metric="mean_corruption_accuracy", min=0.5)
    project.configure(GRID, drop, overall)
    result = project.run()
    assert result.ret == 0
    # 300 images are two batches of 256 for each of 5 keys, whoever asked for them; the first of all is
    # shown twice, to see whether the classifier repeats itself.
    assert sorted(project.log()) == ["blackout 1", "blackout 3", *["classified"] * 11]


def test_every_verdict_ends_its_test_as_the_readme_says(project, gate):
    cell = {"corruptions": ["blackout"], "severities": [3]}
    project.configure(
        GRID,
        gate(id="holds", metric="clean_accuracy", min=0.9),
        gate(id="narrow", metric="accuracy", min=0.79, **cell),
        gate(id="crossed", metric="accuracy", min=0.94, corruptions=["blackout"], severities=[1]),
        gate(id="old", metric="regression_drop", max=0.01),
    )
    result = project.run("-v", "-rs")
    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 3, "marginal": 1, "failed": 1, "skipped": 5}
    result.stdout.fnmatch_lines_random(
        [
            "*test_corruption?blackout-3?*MARGINAL*",
            "failed gate 'crossed' on corruption:blackout:1: 0.9333 is under 0.9400*n = 300)",
            "*there is no baseline to compare with*",
            "verdict: failed*",
        ]
    )


def test_strict_fails_what_is_marginal_or_not_evaluated(project, gate):
    project.configure(
        GRID,
        gate(metric="accuracy", min=0.79, corruptions=["blackout"], severities=[3]),
        gate(metric="regression_drop", max=0.01, corruptions=["blackout"]),
    )
    result = project.run("--failcond-strict", "--failcond-json=run.json")
    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 4, "failed": 3}
    said = "verdict: failed under --failcond-strict; 1 gate not evaluated"
    assert said in " ".join(result.stdout.str().split())
    assert verdict_line(Run.load(project.path / "run.json"))[0].startswith(said)
    # The same run, judged without it.
    again = project.run("--failcond-from=run.json").stdout.str()
    assert "verdict: passed; 1 gate not evaluated" in again
    assert "3 checks of 2 gates: 1 marginal" in again


def test_a_corruption_that_raises_fails_its_cell_and_its_gates(project, gate, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("CI", raising=False)
    table = GRID.replace(
        'custom = { blackout = "mine:blackout" }',
        'custom = { blackout = "mine:broken_corruption" }',
    )
    project.configure(
        table.replace("[1, 3]", "[1, 2]"),
        gate(id="overall", metric="mean_corruption_accuracy", min=0.1),
        gate(id="drop", metric="accuracy_drop", max=0.9),
    )
    result = project.run("--failcond-json=run.json")
    assert result.ret == 1
    assert result.parseoutcomes() == {"passed": 4, "failed": 2}
    result.stdout.fnmatch_lines(
        [
            "*corruption 'blackout' raised ZeroDivisionError at severity 2 on image 0: no light (mine.py:*)"
        ]
    )
    run = json.loads((project.path / "run.json").read_text())
    verdicts = {g["id"]: g["verdict"] for g in run["gates"]}
    assert verdicts == {"overall": "error", "drop": "error"}
    summary = [line for line in result.stdout.lines if line.startswith("FAILED test_")]
    assert len(summary) == 2
    for line in summary:  # the reason first: node IDs leave little room
        assert len(line) <= 80
        assert "] - corruption 'blackout" in line


def test_the_short_summary_begins_with_value_and_threshold(project, monkeypatch, gate):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("CI", raising=False)
    project.write("tests/test_robustness.py", (project.path / "test_robustness.py").read_text())
    (project.path / "test_robustness.py").unlink()
    project.configure(
        GRID,
        gate(id="dropped", metric="accuracy_drop", max=-0.5, corruptions=["gaussian_noise"]),
        gate(id="each", metric="clean_accuracy", min=0.99, by_class=True),
        gate(id="crossed", metric="crossing_severity", min=3, at=0.95),
    )
    result = project.run("--failcond-strict", "--junitxml=junit.xml")
    summary = [line for line in result.stdout.lines if line.startswith("FAILED tests/")]
    assert max(map(len, summary)) <= 80
    text = "\n".join(summary)
    assert "gaussian_noise-1] - 0.0000>-0.5" in text
    assert "test_clean - 1.0000≥0.99 class 0" in text
    assert "test_gate[crossed] - 1<3 corruption:blackout" in text
    junit = (project.path / "junit.xml").read_text(encoding="utf-8")
    assert "message=\"0.0000&gt;-0.5&#10;failed gate 'dropped' on" in junit


def test_a_gate_that_warns_is_shown_and_changes_nothing(project, gate):
    project.configure(GRID, gate(metric="clean_accuracy", min=1.0, level="warn"))
    project.write("conftest.py", _BLIND)
    result = project.run()
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 5}
    result.stdout.fnmatch_lines(["*clean_accuracy*1*warn*"])


_BLIND = """
import pytest, mine
@pytest.fixture(scope="session")
def failcond_classifier():
    return mine.load_blind()
"""


def test_a_waived_failure_is_expected_until_its_day(project, gate):
    waived = gate(metric="clean_accuracy", min=0.9, expected_fail="no twos yet")
    project.write("conftest.py", _BLIND)
    project.configure(GRID, waived)
    result = project.run()
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 4, "xfailed": 1}
    project.configure(GRID, waived + "\nuntil = 2020-01-01")
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*its waiver expired on 2020-01-01*"])


def test_selecting_and_repeating_tests_works_as_everywhere(project, gate):
    project.configure(GRID, gate(metric="accuracy", min=0.9))
    assert project.run("--ff").parseoutcomes() == {"passed": 4, "failed": 1}
    again = project.run("--lf")
    assert again.parseoutcomes()["failed"] == 1
    assert "passed" not in again.parseoutcomes()
    chosen = project.run("-k", "gaussian_noise")
    assert chosen.parseoutcomes()["passed"] == 2


@pytest.mark.parametrize("seed", ["1", "2"])
def test_order_does_not_matter(project, seed):
    result = project.run(f"--randomly-seed={seed}")
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 5}


def test_coverage_can_be_measured(project):
    result = project.run("--cov=mine", "--cov-report=term")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["mine.py*"])


def test_junit_files_carry_key_and_verdict(project, gate):
    project.configure(GRID, gate(metric="accuracy", min=0.9))
    project.run("--junitxml=junit.xml")
    text = (project.path / "junit.xml").read_text()
    assert '<property name="failcond_key" value="corruption:blackout:3"' in text
    assert '<property name="failcond_verdict" value="failed"' in text


def test_a_deselected_gate_is_not_measured(project, gate):
    project.configure(GRID, gate(id="overall", metric="mean_corruption_accuracy", min=0.99))
    assert project.run("-k", "test_clean").ret == 0
    assert project.log() == ["classified"] * 3


def test_a_selected_gate_measures_all_that_it_needs(project, gate):
    project.configure(GRID, gate(id="overall", metric="mean_corruption_accuracy", min=0.99))
    result = project.run("-k", "overall")
    assert result.ret == 1
    assert "blackout 3" in project.log()


def test_an_interrupted_session_never_looks_whole(project, gate):
    project.configure(GRID, gate(metric="accuracy", min=0.1))
    result = project.run("--failcond-json=run.json", "-x", "--maxfail=1")
    assert result.ret == 0
    project.configure(GRID, gate(metric="accuracy", min=0.999))
    result = project.run("--failcond-json=run.json", "-x")
    assert result.ret == 1
    run = json.loads((project.path / "run.json").read_text())
    (found,) = run["gates"]
    verdicts = [check["verdict"] for check in found["checks"]]
    assert "error" in verdicts  # the cells that -x kept from being measured
    assert len(verdicts) == 4


def test_gates_over_rows_and_against_a_reference(project, gate):
    project.configure(GRID)
    project.once("--failcond-json=reference.json")
    table = GRID.replace("severities =", 'reference = "reference.json"\nseverities =')
    project.configure(
        table,
        gate(metric="mce", max=1.5, corruptions=["blackout"], id="mce"),
        gate(metric="relative_mce", max=0.9, corruptions=["blackout"], id="relative"),
        gate(metric="crossing_severity", min=3, at=0.9, id="crossing"),
    )
    result = project.run("--failcond-json=run.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines([
        "? crossing  crossing_severity*blackout * 3 * 3 *",
        "*verdict: failed*",
    ])  # fmt: skip
    run = json.loads((project.path / "run.json").read_text())
    found = {g["id"]: g["checks"] for g in run["gates"]}
    assert found["mce"][0]["value"] == pytest.approx(1.0)
    assert found["relative"][0]["value"] == pytest.approx(1.0)
    rows = {c["key"]: c["value"] for c in found["crossing"]}
    assert rows == {"corruption:gaussian_noise": None, "corruption:blackout": 3.0}


def test_a_reference_of_other_images_is_an_error(project, gate):
    project.once("--failcond-json=reference.json")
    table = GRID.replace("severities =", 'reference = "reference.json"\nseverities =')
    project.configure(table + "\n", gate(metric="mce", max=1.5, corruptions=["blackout"]))
    result = project.run("--failcond-seed=3")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*reference.json: was made with other seed*"])

"""Each check is made once, by the test that asks first, and read by all that show it."""

from __future__ import annotations

import json
from collections import Counter

import pytest

import pytest_failcond.verdicts.verdicts
from pytest_failcond import Run
from pytest_failcond.laboratory.configured import find_settings, open_laboratory
from pytest_failcond.probes.direction.measure import find, measure_direction
from pytest_failcond.probes.keys import RankingKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.runs.other import Other
from pytest_failcond.verdicts.verdicts import Verdicts
from tests.plugin.conftest import CORNERS, GRID, SUITE
from tests.plugin.test_html_report import blob
from tests.plugin.test_reruns import FLAKY, rerun

NAMED = GRID.replace("[tool.failcond]\n", '[tool.failcond]\nclasses = ["a", "b", "c"]\n')
REPORTS = ("--html=report.html", "--self-contained-html", "--failcond-json=run.json")


@pytest.fixture
def made(monkeypatch):
    """How often each check was made, by gate, key and class; not those that could not be."""
    check, found = pytest_failcond.verdicts.verdicts.check, Counter()

    def counted(gate, key, *arguments, class_index=None, **options):
        result = check(gate, key, *arguments, class_index=class_index, **options)
        found[gate.id, key, class_index] += 1
        return result

    monkeypatch.setattr(pytest_failcond.verdicts.verdicts, "check", counted)
    return found


def gates_of(project, name="run.json"):
    return json.loads((project.path / name).read_text())["gates"]


def judged_again(project, baseline=None):
    """The gates of the kept run, and the same made anew of what it measured."""
    run = Run.load(project.path / "run.json")
    settings = run.configuration.model_copy(update={"folder": project.path})
    path = None if baseline is None else project.path / baseline
    other = None if path is None else Other(path, run.subjects, run.measured).measure
    verdicts = Verdicts.against(settings, run.classes, run.measured, other, None, None)
    tests = [PROBES.planned(name, settings) for name in run.planned]
    return run.gates, verdicts.results(tests)


def test_failing_tests_and_their_reports_share_one_check(project, gate, made):
    assert project.once("--failcond-json=old.json").ret == 0
    project.configure(
        NAMED,
        gate(id="high", metric="accuracy", min=0.99),
        gate(id="each", metric="accuracy", min=0.99, by_class=True),
        gate(id="drop", metric="accuracy_drop", max=0.01),
        gate(id="mean", metric="mean_corruption_accuracy", min=0.99),
        gate(id="rows", metric="crossing_severity", min=2, at=0.99),
        gate(id="lost", metric="regression_drop", max=0.001),
        gate(id="few", metric="clean_accuracy", min=0.5, min_n=1000),
        gate(id="waived", metric="clean_accuracy", min=0.99, expected_fail="no twos yet"),
    )
    # A user's own tests ask for what the suite's check as well.
    project.write("test_again.py", SUITE + "def test_own(failcond):\n    failcond.check('clean')\n")
    blind = "--failcond-classifier=mine:load_blind"
    result = project.run(blind, "--failcond-compare=old.json", *REPORTS)
    assert result.parseoutcomes()["failed"] > 20
    assert sum(bool(test["extras"]) for test in blob(project).values()) == 11
    assert len(made) == 30
    assert set(made.values()) == {1}
    there, again = judged_again(project, "old.json")
    assert there == again
    assert {(c.gate, c.key, c.class_index) for g in there for c in g.checks} == set(made)


def test_what_was_asked_of_directions_is_checked_once(corners, gate, made):
    corners.configure(CORNERS, gate(metric="breaking_shift", min=9.0, level="fail"))
    corners.write("test_again.py", SUITE)
    assert corners.run(*REPORTS).ret == 1
    assert len(made) == 6
    assert set(made.values()) == {1}
    there, again = judged_again(corners)
    assert there == again


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_test_that_broke_off_before_its_check_has_it_at_the_end(
    project, gate, monkeypatch, attempts
):
    check, broken = pytest_failcond.verdicts.verdicts.check, []

    def breaks(gate, key, *arguments, **options):
        if gate.id == "mean" and len(broken) < attempts:
            broken.append(gate.id)
            raise MemoryError("between measuring and checking")
        return check(gate, key, *arguments, **options)

    monkeypatch.setattr(pytest_failcond.verdicts.verdicts, "check", breaks)
    project.configure(GRID, gate(id="mean", metric="mean_corruption_accuracy", min=0.5))
    result = rerun(project, f"--reruns={attempts - 1}")
    assert result.parseoutcomes()["failed"] == 1
    assert len(broken) == attempts
    (mean,) = gates_of(project)
    assert mean["verdict"] == "passed"
    there, again = judged_again(project)
    assert there == again


def test_a_check_of_what_broke_and_was_measured_after_all_is_made_anew(project, gate, made):
    """A gate fails for good on a cell that another test measures in a rerun."""
    project.write("flaky.py", FLAKY)
    project.configure(
        NAMED.replace("mine:load_classifier", "flaky:load_stubborn"),
        gate(id="mean", metric="mean_corruption_accuracy", min=0.5),
        gate(id="drop", metric="accuracy_drop", max=0.9),
    )
    project.write("test_robustness.py", "from pytest_failcond.suite import test_gate\n")
    project.write("test_then.py", SUITE)
    result = rerun(project, "--reruns=1", *REPORTS)
    assert result.ret == 1
    outcomes = result.parseoutcomes()
    assert outcomes.pop("failed") == 1
    assert outcomes.pop("rerun") >= 2
    assert {gate["id"]: gate["verdict"] for gate in gates_of(project)} == {
        "mean": "passed",
        "drop": "passed",
    }
    assert set(made.values()) == {1}
    there, again = judged_again(project)
    assert there == again


def test_a_part_of_a_session_judges_nothing_in_its_reports(project, gate):
    project.configure(
        GRID.replace("mine:load_classifier", "mine:load_wrong_shape"),
        gate(id="tight", metric="accuracy", min=0.9),
    )
    assert project.run("--failcond-shard=1/2", *REPORTS).ret == 1
    failed = [test for test in blob(project).values() if test["result"] == "Failed"]
    assert len(failed) > 1
    for test in failed:
        (extra,) = test["extras"]
        assert "tight" not in extra["content"]
    assert gates_of(project) == []


OWN = """
def test_key(failcond):
    assert failcond.check("clean") == []
def test_gate(failcond):
    assert failcond.check_gate("mean") == []
def test_regression(failcond):
    assert failcond.check_regression("clean") == []
"""


def test_own_tests_judge_nothing_in_a_part_of_a_session(project, gate):
    assert project.once("--failcond-json=old.json").ret == 0
    project.configure(
        GRID.replace("mine:load_classifier", "mine:load_blind"),
        gate(id="high", metric="clean_accuracy", min=0.99),
        gate(id="mean", metric="mean_corruption_accuracy", min=0.99),
        gate(id="lost", metric="regression_drop", max=0.001),
    )
    project.write("test_robustness.py", OWN)
    options = ("--failcond-compare=old.json", "--failcond-json=run.json")
    assert project.run(*options).parseoutcomes() == {"failed": 3}
    project.write("test_then.py", SUITE)
    result = project.run("--failcond-shard=1/1", *options)
    assert result.ret == 0, result.stdout.str()
    assert gates_of(project) == []


def test_a_direction_that_was_walked_alone_is_checked_as_if_it_was_ranked(corners, monkeypatch):
    """A ranking that is tried again replaces its record: by one that gives the same checks."""
    monkeypatch.chdir(corners.path)
    laboratory = open_laboratory(find_settings(None))
    ranking, ranked = find(laboratory, RankingKey(0), lambda name, picture: name)
    assert len(ranking.directions) == 2
    for direction in ranked:
        alone = measure_direction(laboratory, direction.key, lambda name, picture: name).to_json()
        labels = {"rank", "score"}
        assert direction.to_json() | dict.fromkeys(labels) == alone | dict.fromkeys(labels)

"""A probe that a project has of its own gets all that ours have, and touches no file of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failcond.cli import main
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes import Key, Probe
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.runs.run import Run

PROBE = (Path(__file__).parent / "flipped.py").read_text()
GATES = """
[[tool.failcond.gates]]
id = "flipped"
metric = "flipped_accuracy"
min = {}
[[tool.failcond.gates]]
metric = "clean_accuracy"
min = 0.9
"""
HOOK = """
import flipped
def pytest_failcond_probes(registry):
    registry.add(flipped.PROBE)
"""
TEST = "test_robustness.py::test_probe[[]left-right]"


@pytest.fixture(autouse=True)
def _none_left():
    yield
    assert "flipped" not in PROBES or PROBES.configure(()) is None


@pytest.fixture
def own(project):
    """A project with the probe, known by the configuration or by the hook."""

    def make(least: float = 0.9, *, hook: bool = False):
        project.write("flipped.py", PROBE)
        named = "" if hook else 'probes = ["flipped:PROBE"]\n'
        if hook:
            project.write("conftest.py", HOOK)
        table = (
            '[tool.failcond]\nclassifier = "mine:load_classifier"\nimages = "mine:load_images"\n'
        )
        project.configure(table + named + GATES.format(least))
        return project

    return make


@pytest.mark.parametrize("hook", [True, False], ids=["hook", "configuration"])
def test_it_gets_a_test_a_gate_a_record_and_a_place_in_every_report(own, hook):
    project = own(hook=hook)
    noted = 'properties=lambda found, classes: [("failcond_flipped", found.total)],'
    project.write("flipped.py", PROBE.replace("sections=sections,", f"sections=sections, {noted}"))
    result = project.run("-v", "--failcond-json=run.json", "--failcond-markdown=run.md",
                         "--html=report.html", "--junitxml=junit.xml")  # fmt: skip
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [f"{TEST} PASSED*", "*Flipped images*", "left to right *1.0000 *300"]
    )
    data = json.loads((project.path / "run.json").read_text())
    assert data["planned"] == ["clean", "flipped"]
    ((entry,)) = data["records"]
    assert (entry["key"], entry["record"]["correct"]) == ("flipped", 300)
    (check, _) = [check for gate in data["gates"] for check in gate["checks"]]
    assert (check["gate"], check["key"], check["verdict"]) == ("flipped", "flipped", "passed")
    assert "### Flipped images" in (project.path / "run.md").read_text()
    assert "Flipped images" in (project.path / "report.html").read_text()
    junit = (project.path / "junit.xml").read_text()
    assert '<property name="failcond_flipped" value="300" />' in junit


def test_a_gate_that_it_does_not_hold_fails_its_test_with_the_reason(own):
    project = own()
    project.write(
        "flipped.py", PROBE.replace("pixels[:, :, ::-1]", "pixels[:, ::-1, :]")
    )  # upside down, the first class is the last
    result = project.run("--failcond-json=run.json")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*accuracy on flipped images 0.3333 is under 0.9000*"])


def test_parts_of_a_plan_are_joined_kept_runs_judged_and_gates_tried(own, monkeypatch, capsys):
    project = own()
    for part in (1, 2):
        project.run(f"--failcond-shard={part}/2", f"--failcond-json=part{part}.json")
    monkeypatch.chdir(project.path)
    assert main(["merge", "--out", "run.json", "part1.json", "part2.json"]) == 0
    assert "flipped" in Run.load("run.json").records
    assert main(["selftest", "run.json"]) == 0
    assert "flipped" in capsys.readouterr().out
    assert main(["report", "run.json", "--out", "page.html"]) == 0
    assert "Flipped images" in Path("page.html").read_text()
    (project.path / "log.txt").unlink()
    project.run("--failcond-from=run.json").assert_outcomes(passed=2)
    assert not (project.path / "log.txt").exists()


def test_its_records_survive_where_it_is_not_installed(own):
    project = own()
    project.run("--failcond-json=run.json")
    PROBES.configure(())
    path = project.path / "run.json"
    run = Run.load(path)
    assert "flipped" not in PROBES
    run.save(project.path / "again.json")
    then, now = (json.loads(p.read_text()) for p in (path, project.path / "again.json"))
    assert now == then


def test_the_example_in_the_documentation_is_the_one_that_is_tried():
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
    assert f"```python\n{PROBE}```" in text


def test_what_it_decides_beside_its_gates_fails_a_session_whose_tests_pass(own):
    project = own()
    torn = 'outcome=lambda run: Outcome("failed", [Fault("page 7", "is torn")]),'
    project.write(
        "flipped.py",
        PROBE.replace("sections=sections,", f"sections=sections, {torn}").replace(
            "import Key,", "import Fault, Key, Outcome,"
        ),
    )
    result = project.run()
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED  flipped  page 7  is torn", "verdict: failed*"])


def test_what_is_no_probe_and_what_is_taken_is_said():
    with pytest.raises(FailcondError, match="there is a probe of this name already"):
        PROBES.add(Probe(name="clean"))
    assert PROBES.read_key("foreign:one").parts == ("one",)
    assert Key("flipped", "up").probe == "flipped"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ('"flipped:PROBE"', "give a list"),
        ('["flipped:FLIPPED"]', "is of type Key"),
        ('["flipped:PROBES"]', "did you mean 'PROBE'"),
        ('["unflipped:PROBE"]', "unflipped"),
    ],
)
def test_a_configuration_that_names_no_probe_is_refused(project, value, sentence):
    project.write("flipped.py", PROBE)
    project.configure(f'[tool.failcond]\nclassifier = "mine:load_classifier"\nprobes = {value}\n')
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{sentence}*"])

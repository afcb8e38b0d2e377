"""Gates that the images cannot resolve are named before anything is measured."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import GRID

NOTE = (
    "failcond: gate 'exact' can be no more than marginal on its 300 images, for any classifier: "
    "it needs 598 (*"
)


@pytest.fixture
def gates(gate):
    cell = {"corruptions": ["gaussian_noise"], "severities": [1]}
    return (
        gate(id="exact", metric="accuracy_drop", max=0.005, **cell),
        gate(id="loose", metric="clean_accuracy", min=0.9),
    )


def test_a_gate_that_cannot_pass_is_named_before_the_run_and_after(project, gates):
    project.configure(GRID, *gates)
    result = project.run("-v", "--failcond-json=run.json")
    assert result.ret == 0
    lines = result.stdout.lines
    said = [i for i, line in enumerate(lines) if line.startswith("failcond: gate")]
    assert len(said) == 1
    result.stdout.fnmatch_lines([NOTE])
    first = min(i for i, line in enumerate(lines) if "PASSED" in line or "MARGINAL" in line)
    assert said[0] < first
    kept = json.loads((project.path / "run.json").read_text(encoding="utf-8"))["notes"]
    assert [f"failcond: {note}" for note in kept] == [lines[said[0]]]
    assert "".join(result.stdout.str().split()).count("itneeds598") == 2  # and in the summary


def test_it_is_said_before_the_first_image_is_classified(project, gates):
    project.configure(GRID, *gates)
    project.write(
        "conftest.py",
        """
import pytest
from pathlib import Path

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    log = Path(__file__).parent / "log.txt"
    print("\\nMEASURED:", log.read_text().split() if log.exists() else "nothing")
""",
    )
    result = project.run("-s", "-k", "clean")
    result.stdout.fnmatch_lines([NOTE, "MEASURED: nothing"])


@pytest.mark.parametrize("option", ["-q", "-v", "--tb=short"])
def test_it_stands_on_a_line_of_its_own(project, gates, option):
    project.configure(GRID, *gates)
    project.write("test_before.py", "def test_of_their_own():\n    pass\n")
    lines = project.run(option).stdout.lines
    note = next(line for line in lines if "failcond: gate" in line)
    assert note.startswith("failcond: gate")
    assert note.endswith(")")


def test_nothing_is_said_where_all_gates_can_pass(project, gates):
    project.configure(GRID, gates[1])
    assert "no more than marginal" not in project.run().stdout.str()


def test_silence_is_kept(project, gates):
    project.configure(GRID, *gates)
    assert "no more than marginal" not in project.run("-qq").stdout.str()

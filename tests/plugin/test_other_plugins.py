"""Beside other plugins: tests keep their meaning and their place, whatever is done to their names."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from tests.plugin.conftest import CORNERS, GRID

AROUND = """
import pytest
@pytest.fixture(autouse=True, scope="{}", params=["failcond_nothing", None, "clean"])
def around(request):
    return request.param
"""


def planned(project):
    """Return what the run file of a session says was planned and measured."""
    run = json.loads((project.path / "run.json").read_text())
    return run["planned"], [m["key"] for m in run["measurements"]]


@pytest.mark.parametrize(
    ("change", "times"),
    [
        (["--count=2"], 2),
        (["--count=2", "--repeat-scope=session"], 2),
        ("session", 3),
        ("function", 3),
    ],
)
def test_whatever_changes_names_changes_nothing_else(project, gate, change, times):
    project.configure(GRID, gate(id="overall", metric="mean_corruption_accuracy", min=0.5))
    assert project.once("--failcond-json=run.json").ret == 0
    before, log = planned(project), sorted(project.log())
    (project.path / "log.txt").unlink()
    if isinstance(change, str):
        project.write("conftest.py", AROUND.format(change))
        change = []
    result = project.run(*change, "--failcond-json=run.json")
    assert result.parseoutcomes() == {"passed": 6 * times}
    assert planned(project) == before
    assert sorted(project.log()) == log  # each key is measured once all the same
    assert "failcond_nothing" not in str(before)


def test_parts_of_a_divided_session_hold_the_same_whatever_changes_names(project):
    project.write("conftest.py", AROUND.format("session"))
    keys = []
    for part in (1, 2):
        assert project.run(f"--failcond-shard={part}/2", f"--failcond-json={part}.json").ret == 0
        run = json.loads((project.path / f"{part}.json").read_text())
        keys += [m["key"] for m in run["measurements"]]
    assert sorted(keys) == sorted(set(keys))
    assert len(keys) == 5


def test_nothing_is_generated_where_nothing_is_configured_whatever_changes_names(corners):
    corners.configure(CORNERS.replace('generator = "tiny.safetensors"', ""))
    corners.write("conftest.py", AROUND.format("session"))
    result = corners.run("--collect-only", "-q", "--count=2")
    assert "::test_" not in result.stdout.str()


HOME = '''"""Checks."""

import pytest

from pytest_failcond.suite import (
    test_clean,
    test_gate,
)
from pytest_failcond.suite import *
'''


def test_reports_point_at_the_file_that_imports_the_suite(project, gate):
    project.configure(GRID, gate(metric="clean_accuracy", min=0.5))
    (project.path / "test_robustness.py").unlink()
    project.write("robust/test_it.py", HOME)
    result = project.run("-v", "--junitxml=junit.xml", "-o", "junit_family=xunit1")
    assert "suite.py" not in result.stdout.str()
    cases = ElementTree.parse(project.path / "junit.xml").getroot().iter("testcase")
    places = {case.get("name"): (case.get("file"), case.get("line")) for case in cases}
    here = "robust/test_it.py"
    assert places.pop("test_clean") == (here, "4")
    assert places
    assert set(places.values()) == {(here, "8")}
    result.stdout.fnmatch_lines_random([f"*{here}::test_corruption?blackout-3?*"])

"""A gate that nothing can fail, or that is about nothing that is there, never passes in silence."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import CORNERS, GRID

SUBJECTS = '[tool.failcond]\nclassifier = "mine:load_classifier"\nimages = "mine:load_images"\n'


def test_a_gate_on_directions_needs_a_generator(project, gate):
    project.configure(GRID, gate(id="eights", metric="breaking_shift", min=2.0))
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*gate 'eights' selects nothing: generator: none is configured*"])


def test_a_gate_on_directions_is_content_with_a_generator_of_conftest(corners, gate):
    table = CORNERS.replace('generator = "tiny.safetensors"', 'classes = ["a", "b", "c"]')
    corners.configure(table, gate(id="eights", metric="breaking_shift", min=2.0))
    corners.write(
        "conftest.py",
        "import pytest\nfrom pytest_failcond import Generator\n"
        "@pytest.fixture(scope='session')\ndef failcond_generator():\n"
        "    return Generator.load('tiny.safetensors')\n",
    )
    result = corners.run("--collect-only", "-q")
    assert result.ret == 0
    assert "test_corner_case[a-1]" in result.stdout.str()


def test_a_gate_on_clean_images_needs_images(project, gate):
    project.configure(SUBJECTS.partition("images")[0], gate(metric="clean_accuracy", min=0.5))
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*images: none are configured*"])


def test_a_gate_by_class_of_classes_that_are_not_there_is_an_error(project, gate):
    names = {"by_class": True, "classes": ["cat", "dog"]}
    project.configure(SUBJECTS, gate(id="pets", metric="clean_accuracy", min=0.5, **names))
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*gate 'pets' selects nothing: there is no class 'cat', 'dog'*"])


def test_classes_that_a_kept_run_does_not_have_are_refused(project, gate):
    project.configure(SUBJECTS)
    assert project.run("--failcond-json=run.json").ret == 0
    project.configure(SUBJECTS, gate(id="pets", metric="clean_accuracy", min=0.5, classes=["cat"]))
    result = project.run("--failcond-from=run.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*gate 'pets' selects nothing: there is no class 'cat'*"])


def test_the_reference_says_which_gates_on_mce_nothing_can_fail(project, gate):
    project.configure(GRID)
    project.run("--failcond-json=reference.json")
    table = GRID.replace("severities =", 'reference = "reference.json"\nseverities =')
    only = {"corruptions": ["blackout"]}
    for metric in ("mce", "relative_mce"):
        project.configure(table, gate(id="percent", metric=metric, max=120, **only))
        result = project.run()
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*reference.json: gate 'percent': max = 120 never fails*"])
    project.configure(table, gate(id="all", metric="mce", max=1.5))
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*gaussian_noise is relative to the errors of the reference*"])
    project.configure(table, gate(id="fine", metric="mce", max=1.5, **only))
    assert project.run().ret == 0


def test_a_severity_is_not_claimed_beyond_those_of_the_gate(project, gate):
    at = {"metric": "crossing_severity", "at": 0.5, "corruptions": ["blackout"]}
    project.configure(
        GRID, gate(id="far", min=5, **at), gate(id="one", min=3, severities=[1], **at)
    )
    result = project.run("--failcond-json=run.json")
    assert result.ret == 0
    text = result.stdout.str()
    assert "tested at severities 1, 3 only" in text
    assert "tested at severity 1 only" in text
    assert "> 3" in text
    assert "> 1" in text
    run = json.loads((project.path / "run.json").read_text())
    assert [check["verdict"] for g in run["gates"] for check in g["checks"]] == ["marginal"] * 2
    assert project.run("--failcond-strict").ret == 1

"""Run again: what a model's exception broke is tried again, and nothing else is."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import CORNERS, GRID

FLAKY = '''
"""What fails as often as it is told to, and what never works."""
import numpy as np
from mine import HERE, load_classifier, load_images, log

def once(name, times=1):
    """Raise a few times in a session, over all processes."""
    for number in range(times):
        file = HERE / f"{name}-{number}.txt"
        if not file.exists():
            file.write_text("")
            raise ConnectionError(f"{name} hung up")

def model(times=1):
    classify = load_classifier()
    def classify_flaky(images):
        once("the model", times)
        return classify(images)
    return classify_flaky

def load_stubborn():
    return model(times=2)

def load_late():
    once("the loader")
    return load_classifier()

def load_late_images():
    once("the loader")
    return load_images()

def load_narrow():
    def classify(images):
        log("classified")
        return np.zeros((len(images), 2, 2))
    return classify
'''


@pytest.fixture
def flaky(project, gate):
    """A project with a model that may fail, gates on each key, and one over several."""
    project.write("flaky.py", FLAKY)

    def configure(**subjects):
        tables = GRID
        for key, value in subjects.items():
            tables = tables.replace(f"mine:load_{key}", f"flaky:{value}")
        gates = gate(metric="accuracy", min=0.5), gate(metric="mean_corruption_accuracy", min=0.5)
        project.configure(tables, *gates)
        return project

    return configure


def rerun(project, *arguments):
    # Beside xdist, reruns open a socket: tests with workers have a process of their own.
    return project.run("--failcond-json=run.json", *arguments)


def errors(project):
    run = json.loads((project.path / "run.json").read_text())
    return run["errors"]


@pytest.mark.parametrize(
    ("subjects", "reruns"),
    [
        ({"classifier": "model"}, 1),
        ({"classifier": "load_stubborn"}, 2),
        ({"classifier": "load_late"}, 1),
        ({"images": "load_late_images"}, 1),
    ],
)
@pytest.mark.parametrize("first", ["test_clean", "test_corruption", "test_gate"])
def test_an_exception_that_passes_leaves_the_run_green(flaky, subjects, reruns, first):
    project = flaky(**subjects)
    project.write("test_robustness.py", f"from pytest_failcond.suite import {first}\n")
    project.write("test_then.py", "from pytest_failcond.suite import *\n")
    result = rerun(project, f"--reruns={reruns}", "test_robustness.py", "test_then.py")
    outcomes = result.parseoutcomes()
    assert outcomes.pop("rerun") == reruns
    assert set(outcomes) == {"passed"}
    assert result.ret == 0
    assert not errors(project)
    assert project.log().count("blackout 1") == 1


def test_without_a_rerun_nothing_is_tried_again(flaky):
    project = flaky(classifier="model")
    result = rerun(project)
    assert result.ret == 1
    assert result.parseoutcomes() == {"failed": 6}
    assert project.log() == []


def test_an_error_that_cannot_pass_is_not_tried_again(flaky):
    project = flaky(classifier="load_narrow")
    result = rerun(project, "--reruns=2")
    assert result.parseoutcomes() == {"failed": 6, "rerun": 12}
    assert project.log() == ["classified"]


def test_it_is_tried_once_in_each_rerun(flaky):
    project = flaky(classifier="load_narrow")
    text = (project.path / "flaky.py").read_text()
    project.write("flaky.py", text.replace("return np.zeros((len(images), 2, 2))", "raise OSError"))
    assert rerun(project, "--reruns=2", "-k", "test_gate").parseoutcomes()["failed"] == 1
    assert project.log() == ["classified"] * 3


def test_workers_try_again_too(flaky):
    project = flaky(classifier="model")
    process = project.start(*project.by_workers(), "--reruns=1", "--failcond-json=run.json")
    output = process.communicate()
    assert "6 passed" in output, output
    assert process.returncode == 0
    assert not errors(project)


def test_a_class_is_ranked_again_with_all_that_depends_on_it(corners, gate):
    text = (corners.path / "torchy.py").read_text()
    once = (
        "        import pathlib\n"
        "        file = pathlib.Path(__file__).with_name('once.txt')\n"
        "        if not file.exists():\n"
        "            file.write_text('')\n"
        "            raise ConnectionError('the model hung up')\n"
    )
    head = "    def forward(self, images):\n"
    corners.write("torchy.py", text.replace(head, head + once, 1))
    corners.configure(CORNERS, gate(metric="breaking_shift", min=0.5, level="warn"))
    result = rerun(corners, "--reruns=1")
    outcomes = result.parseoutcomes()
    assert outcomes.pop("rerun") == 1
    assert set(outcomes) <= {"passed", "marginal"}
    assert result.ret == 0
    assert not errors(corners)

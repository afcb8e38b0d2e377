"""A poor generator blames nobody: classes that it does not show are set aside, for any classifier."""

from __future__ import annotations

import json

import pytest

TABLE = """
[tool.failcond]
classifier = "tests.unit.banded:{classifier}"
images = "tests.unit.banded:load_images"
{judge}
classes = ["circle", "square", "star"]
[tool.failcond.corner_cases]
top = 1
samples = 16
max_shift = 2.0
[tool.failcond.acceptance]
least_p = 0.5
[tool.failcond.fitness]
{limits}
[[tool.failcond.gates]]
id = "holds"
metric = "broken_share"
at = 1.0
max = 0.4
"""
FIXTURE = """
import pytest
from tests.unit.banded import BandedGenerator
@pytest.fixture(scope="session")
def failcond_generator(): return BandedGenerator({shown})
"""
JUDGE = 'judge = "tests.unit.banded:load_judge"'
NO_STAR = "the generator shows class 'star' in 0 of 128 images, where the judge accepts 60 of 60 real ones"


@pytest.fixture
def banded(project):
    """A project with a generator that shows some classes; call it to set it up."""

    def configure(shown="(0, 1)", *, judge=JUDGE, classifier="load_classifier", limits=""):
        table = TABLE.format(classifier=classifier, judge=judge, limits=limits)
        project.configure(table)
        project.write("conftest.py", FIXTURE.format(shown=shown))
        return project

    return configure


def run_of(project, name="run.json"):
    return json.loads((project.path / name).read_text(encoding="utf-8"))


def verdicts(run):
    return {check["key"].split(":")[1]: check["verdict"] for check in run["gates"][0]["checks"]}


REPORTS = ("-rs", "--failcond-json=run.json", "--failcond-markdown=run.md", "-k", "corner")


@pytest.mark.parametrize("classifier", ["load_classifier", "load_bad"])
def test_a_class_that_is_not_shown_is_set_aside_whatever_the_classifier(banded, classifier):
    project = banded(classifier=classifier)
    result = project.run(*REPORTS)
    good = classifier == "load_classifier"
    outcomes = result.parseoutcomes()
    assert outcomes["skipped"] == 1
    assert outcomes.get("failed", 0) == (0 if good else 2)  # never excused
    run = run_of(project)
    assert verdicts(run)["2"] == "not_evaluated"
    assert set(verdicts(run).values()) == {"not_evaluated", "passed" if good else "failed"}
    assert result.ret == (0 if good else 1)
    assert [(f["class"], f["why"]) for f in run["fitness"]] == [(0, ""), (1, ""), (2, NO_STAR)]
    assert not run["errors"]
    assert [entry["key"] for entry in run["withheld"]] == ["ranking:2"]
    assert not [d for d in run["directions"] if d["class"] == 2]
    text, page = result.stdout.str(), (project.path / "run.md").read_text(encoding="utf-8")
    assert f"{NO_STAR}; train the generator longer" in text
    assert "1 of 3 classes is not fit" in text
    assert "1 check not evaluated: the generator does not show 1 of 3 classes well enough" in text
    assert NO_STAR.replace("'", "&#x27;") in page or NO_STAR in page

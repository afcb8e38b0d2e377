"""Sessions that search for combined corner cases, on a tiny generator and a torch classifier."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
from PIL import Image

from pytest_failcond import Run
from pytest_failcond.cli import main
from pytest_failcond.probes.combination.reproduce import show_command
from tests.plugin.conftest import CORNERS
from tests.schema import errors_of

SEARCH = "[tool.failcond.combinations]\nsamples = 6\ndimensions = 8\n"


@pytest.fixture(scope="module")
def kept():
    """The session that most tests look at."""
    return {}


@pytest.fixture
def searched(corners, kept, monkeypatch, gate):
    """A session with a search of each class, and towards one."""
    if not kept:
        monkeypatch.chdir(corners.path)
        corners.configure(
            CORNERS.replace("top = 2", "top = 1"),
            SEARCH + 'toward = ["star"]\n',
            gate(id="near", metric="combined_distance", min=0.25, classes=["star"]),
            gate(id="far", metric="combined_distance", min=50.0, classes=["star"]),
            gate(id="pairs", metric="combined_share", at=0.0, max=0.5, toward=["star"]),
        )
        arguments = ("-v", "--failcond-json=run.json", "--junitxml=junit.xml", "--html=r.html")
        kept["result"] = corners.run(*arguments, "--self-contained-html")
        kept["path"] = corners.path
    return kept


def test_a_test_for_each_class_and_pair(searched):
    text = searched["result"].stdout.str()
    names = {part.partition("]")[0] for part in text.split("test_combination[")[1:]}
    assert names == {"circle", "square", "star", "circle-star", "square-star"}
    assert "Combined corner cases" in text
    assert "Distance to each class" in text
    assert "3 classes x 1 direction, 5 combination tests" in text


def test_the_run_keeps_the_searches_with_their_pictures(searched):
    path = searched["path"] / "run.json"
    assert errors_of(path) == []
    run = Run.load(path)
    assert len(run.combinations) == 5
    found = run.combinations["combination:2"]
    assert found.cases.size > 0
    assert (found.total, len(found.dimensions), found.judged) == (6, 8, False)
    assert found.levels == [None] * 6
    (file,) = found.files
    pixels = np.asarray(Image.open(path.parent / "run.json.files" / file))
    assert pixels.shape == (2 * 8, 8 * len(found.groups))
    # A class's ranking is kept as far as the search reads it, and no farther than it was before.
    assert [len(ranking.dimensions) for ranking in run.rankings.values()] == [20] * 3


def test_gates_select_classes_and_pairs(searched):
    run = json.loads((searched["path"] / "run.json").read_text())
    checks = {gate["id"]: {c["key"]: c["verdict"] for c in gate["checks"]} for gate in run["gates"]}
    assert checks["near"].keys() == checks["far"].keys() == {"combination:2"}
    assert checks["pairs"].keys() == {"combination:0:2", "combination:1:2"}
    assert checks["far"]["combination:2"] in ("failed", "marginal")
    assert "tested to 8 σ only" in str(run["gates"]) or checks["far"]["combination:2"] == "failed"


def test_reports_of_other_plugins_know_them(searched):
    junit = (searched["path"] / "junit.xml").read_text(encoding="utf-8")
    assert 'name="failcond_toward" value="star"' in junit
    assert 'name="failcond_key" value="combination:0:2"' in junit
    page = (searched["path"] / "r.html").read_text(encoding="utf-8")
    assert "failcond show direction:2:" in page
    assert "data:image/png;base64" in page


@pytest.mark.parametrize("place", [0, -1])
def test_the_command_of_the_report_makes_the_picture_again(searched, monkeypatch, place):
    monkeypatch.chdir(searched["path"])
    run = Run.load("run.json")
    found = run.combinations["combination:2"]
    row = found.pictured.rows[place]
    assert main([*shlex.split(show_command(run, found, row))[1:], "--out", "it.png"]) == 0
    made = np.asarray(Image.open("it.png"))[::32, ::32]
    strip = np.asarray(Image.open(searched["path"] / "run.json.files" / found.pictured.file))
    column = range(len(found.groups))[place]
    assert np.array_equal(made, strip[8:, 8 * column : 8 * column + 8])


def test_markers_select_classes_and_pairs(corners):
    corners.configure(CORNERS, SEARCH + 'toward = "every"\n')
    corners.write(
        "test_robustness.py",
        "import pytest\n"
        "@pytest.mark.failcond_combinations(classes=['star'])\n"
        "def test_class(failcond_combination):\n    assert failcond_combination.class_index == 2\n"
        "@pytest.mark.failcond_combinations(toward=['star'])\n"
        "def test_pair(failcond_combination):\n    assert failcond_combination.toward == 2\n",
    )
    result = corners.run("-v", "--collect-only")
    for name in ("test_class[star]", "test_class[star-circle]", "test_pair[square-star]"):
        assert name in result.stdout.str()
    assert "test_pair[star]" not in result.stdout.str()
    corners.write(
        "test_robustness.py",
        "import pytest\n"
        "@pytest.mark.failcond_combinations(toward=['moon'])\n"
        "def test_wrong(failcond_combination):\n    pass\n",
    )
    assert "toward 'moon': there is no class 'moon'" in corners.run().stdout.str()


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ((CORNERS, SEARCH.replace("8", "29")), "combinations.dimensions = 29: the generator has only 28"),
        ((CORNERS.replace('generator = "tiny.safetensors"', ""), SEARCH), "finds nothing: generator: none"),
        ((CORNERS, SEARCH + "toward = ['moon']"), "combinations.toward: there is no class 'moon'"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_one_sentence(corners, tables, words):
    corners.configure(*tables)
    result = corners.run("-k", "test_combination")
    said = result.stdout.str() + result.stderr.str()
    assert result.ret != 0
    told, _, _ = said.partition("short test summary")  # which tells an error again, whole in CI
    assert told.count(words) == 1
    assert "Traceback" not in said


def test_without_the_table_nothing_is_searched(corners):
    result = corners.run("--collect-only", "-q")
    assert "test_combination" not in result.stdout.str()
    corners.write(
        "test_robustness.py", "def test_own(failcond):\n    failcond.measure('combination:0')\n"
    )
    corners.run().stdout.fnmatch_lines(["*the search is not configured; add ?tool.failcond.comb*"])

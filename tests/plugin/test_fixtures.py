"""Fixtures to use and to override, markers that select, and a picture for every image."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import GRID

OVERRIDE = """
import pytest, mine
@pytest.fixture(scope="session")
def failcond_classifier():
    return mine.load_blind()
"""


def test_an_overridden_fixture_wins(project):
    project.write("conftest.py", OVERRIDE)
    project.write(
        "test_mine.py",
        "def test_it(failcond):\n"
        "    assert failcond.measure('clean').accuracy == pytest.approx(2 / 3)\n"
        "import pytest\n",
    )
    assert project.run("test_mine.py").parseoutcomes()["passed"] == 1


def test_an_option_that_an_override_makes_idle_is_an_error(project):
    project.write("conftest.py", OVERRIDE)
    result = project.run("--failcond-classifier=mine:load_classifier", "-k", "clean")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*--failcond-classifier would have no effect: *conftest.py overrides*"]
    )


def test_an_option_wins_over_the_file(project, gate):
    project.configure(GRID, gate(metric="clean_accuracy", min=0.9))
    assert project.run("-k", "clean").ret == 0
    assert project.run("-k", "clean", "--failcond-classifier=mine:load_blind").ret == 1


def test_markers_select_cells(project):
    project.write(
        "test_mine.py",
        "import pytest\n"
        "@pytest.mark.failcond_corruptions(names=['blackout'], severities=[3])\n"
        "def test_it(failcond, failcond_corruption):\n"
        "    assert failcond.measure(failcond_corruption.key).accuracy == 0.8\n",
    )
    result = project.run("test_mine.py", "-v")
    assert result.parseoutcomes() == {"passed": 1}
    result.stdout.fnmatch_lines(["*test_it?blackout-3?*PASSED*"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("names=['fog']", "names 'fog' is not configured"),
        ("severities=[9]", "severity 9 is not an integer from 1 to 5"),
        ("severity=[1]", "unknown argument 'severity'"),
        ("['blackout']", "name its arguments"),
        ("names=[]", "must be a list that selects something"),
    ],
)
def test_a_wrong_marker_is_said_where_it_stands(project, arguments, message):
    project.write(
        "test_mine.py",
        f"import pytest\n@pytest.mark.failcond_corruptions({arguments})\n"
        "def test_it(failcond, failcond_corruption):\n    pass\n",
    )
    result = project.run("test_mine.py")
    assert result.ret != 0
    text = result.stdout.str() + result.stderr.str()
    assert message in text
    assert "INTERNALERROR" not in text
    assert "During handling" not in text


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("measure('corrption:a:1')", "unknown key 'corrption:a:1'; a key is clean, *"),
        ("check('corrption:a:1')", "unknown key 'corrption:a:1'; a key is clean, *"),
        ("check_regression('corrption:a:1')", "unknown key 'corrption:a:1'; a key is clean, *"),
        ("check_gate('overal')", "there is no gate 'overal'; did you mean 'overall'?"),
        ("check_gate('each')", "gate 'each' is checked key by key: failcond.check(key) *"),
        ("check_corpus('0001')", "there is no image '0001' in the corpus"),
    ],
)
def test_what_is_not_there_is_one_sentence(project, gate, call, sentence):
    project.configure(
        GRID,
        gate(id="overall", metric="mean_corruption_accuracy", min=0.5),
        gate(id="each", metric="accuracy", min=0.5),
    )
    project.write("test_mine.py", f"def test_it(failcond):\n    failcond.{call}\n")
    result = project.run("test_mine.py", "--html=report.html")
    assert result.ret == 1
    result.stdout.fnmatch_lines([sentence])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_pairs_of_arrays_are_images_too(project):
    project.write(
        "conftest.py",
        "import pytest, mine\n"
        "@pytest.fixture(scope='session')\n"
        "def failcond_images():\n"
        "    data = mine.load_images()\n"
        "    return data.images[:30], data.labels[:30]\n",
    )
    project.write(
        "test_mine.py",
        "def test_it(failcond):\n    assert failcond.measure('clean').total == 30\n",
    )
    assert project.run("test_mine.py").ret == 0


def test_max_images_is_a_stratified_subset(project):
    project.configure(GRID.replace("[tool.failcond]", "[tool.failcond]\nmax_images = 30"))
    project.write(
        "test_mine.py",
        "def test_it(failcond):\n"
        "    assert failcond.measure('clean').per_class == [[10, 10]] * 3\n",
    )
    assert project.run("test_mine.py").ret == 0


def test_reports_are_written(project, gate):
    project.configure(GRID, gate(metric="accuracy", min=0.9))
    result = project.run(
        "--html=report.html",
        "--self-contained-html",
        "--failcond-json=run.json",
        "--failcond-markdown=run.md",
    )
    assert result.ret == 1
    html = (project.path / "report.html").read_text(encoding="utf-8")
    assert "Accuracy by corruption and severity" in html
    assert "verdict: failed" in html
    assert "verdict: failed" in (project.path / "run.md").read_text(encoding="utf-8")
    assert (project.path / "run.json").is_file()


def test_the_pixels_are_the_same_everywhere(project):
    import json

    project.run("--failcond-json=run.json")
    run = json.loads((project.path / "run.json").read_text())
    hashes = {m["key"]: m["pixels"] for m in run["measurements"]}
    assert hashes["corruption:gaussian_noise:3"] == NOISE_3
    assert len(set(hashes.values())) == 5


NOISE_3 = "sha256:f7972aab76ada1bc92480de3a8580cc0"

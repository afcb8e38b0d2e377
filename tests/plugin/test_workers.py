"""What workers could do otherwise than one process: what is measured, kept and shown must not differ.

Each project here has one of everything, and a session by one process and one by two workers, which
many tests look at.
"""

from __future__ import annotations

import json
import shutil
from xml.etree import ElementTree

import pytest

from pytest_failcond.process.threads import THREADS, WAITING
from pytest_failcond.review.answers import update_review
from tests.decks import read_all, subjects, truthful, write_review
from tests.plugin.conftest import ALONE, CORNERS, GRID
from tests.plugin.test_corpus_replay import add_corpus
from tests.plugin.test_html_report import COLUMNS, blob, shown
from tests.plugin.test_own_probes import PROBE
from tests.plugin.test_subjects import PARAMS, TWO
from tests.plugin.test_threads import ASKS, SEEN, SHARE
from tests.unit.tiny import tiny_generator

OVERRIDE = """
import flipped, pytest, mine
def pytest_failcond_probes(registry):
    registry.add(flipped.PROBE)
import pytest_failcond.verdicts.verdicts as verdicts
check = verdicts.check
def logged(gate, key, *arguments, class_index=None, **options):
    made = check(gate, key, *arguments, class_index=class_index, **options)
    mine.log(f"checked {gate.id} {key} {class_index}")
    return made
def pytest_configure():
    verdicts.check = logged
def pytest_unconfigure():
    verdicts.check = check
@pytest.fixture(scope="session")
def failcond_classifier():
    mine.log("loaded")
    classify = mine.load_blind()
    def writes(images):
        logits = classify(images)
        images[:] = 0
        return logits
    return writes
"""
OWN = """
import pytest
@pytest.mark.failcond_corruptions(names=["blackout"], severities=[1])
def test_own(failcond, failcond_corruption):
    assert failcond.measure(failcond_corruption.key).accuracy == pytest.approx(190 / 300)
"""
REPORTS = (
    *("-v", "-rA", "--failcond-json=run.json", "--failcond-markdown=run.md"),
    *("--junitxml=junit.xml", "-o", "junit_family=xunit1"),
    *("--html=report.html", "--self-contained-html"),
)
KEPT = ("run.json", "run.json.files", "run.md", "junit.xml", "report.html", "log.txt")


class Session:
    """What a session has said, and what it has left, moved to a folder of its own."""

    def __init__(self, project, *arguments, workers):
        (project.path / "log.txt").unlink(missing_ok=True)
        self.result = project.run(*arguments, workers=workers)
        self.text = self.result.stdout.str()
        self.path = project.path / f"by-{workers}"
        self.path.mkdir()
        for name in KEPT:
            if (project.path / name).exists():
                shutil.move(project.path / name, self.path / name)

    @property
    def run(self):
        """The run file, but for what differs between any two runs."""
        data = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        del data["digest"], data["environment"]["date"]
        if data["comparison"] is not None:
            del data["comparison"]["now"]["date"]
        return data

    @property
    def summary(self):
        """All lines of our own at the end."""
        return self.text.partition("= failcond =")[2].partition("run kept: ")[0]

    @property
    def rows(self):
        """What pytest-html's table shows of each test, with what it folds out."""
        return {
            name: [result["result"], *(shown(result, column) for column in COLUMNS),
                   [told(extra) for extra in result["extras"]]]
            for name, result in blob(self).items()
        }  # fmt: skip

    @property
    def cases(self):
        """What a JUnit file tells of each test, but for its duration and for who told a fault first."""
        found = {}
        for case in ElementTree.parse(self.path / "junit.xml").iter("testcase"):
            place = (case.get("classname"), case.get("name"), case.get("file"), case.get("line"))
            found[place] = [(part.tag, part.get("name"), part.get("value")) for part in case.iter()]
        return found

    @property
    def pictures(self):
        return {p.name: p.read_bytes() for p in (self.path / "run.json.files").iterdir()}

    @property
    def log(self):
        return (self.path / "log.txt").read_text().splitlines()


def told(extra):
    """What a row folds out, up to what changed since the baseline: its pictures are made by the test that
    compares the key, which by workers may come before or after."""
    head, mark, _ = str(extra["content"]).partition("Since the baseline:")
    return extra | {"content": head + mark}


def add_review(project):
    """Write a review of the classifier, which has no hash: nobody knows whether it is this one."""
    path = project.path / "review.json"
    changes = {"classifier": None, "generator": None, "judges": None, "least_p": 0.0}
    deck = write_review(path, of=subjects(**changes))
    update_review(path, lambda review: review.with_answers(read_all(deck, truthful)))


def by_one_and_two(project, *arguments):
    return [Session(project, *arguments, workers=workers) for workers in (0, 2)]


@pytest.fixture(scope="module")
def kept():
    """Sessions that were made for one test, and are there for the next."""
    return {}


@pytest.fixture
def everything(project, kept, monkeypatch, gate):
    """Every verdict, a baseline, a corpus, a fixture, a probe and a test of the user's own, all reports."""
    if "everything" in kept:
        return kept["everything"]
    monkeypatch.chdir(project.path)
    table = (
        GRID.replace("[tool.failcond]\n", '[tool.failcond]\ncorpus = "corpus"\nreview = "review.json"\n')
        .replace("images =", 'classes = ["a", "b", "c"]\nimages =')
        .replace("[1, 3]", "[1, 2]")
        .replace('"blackout"]', '"blackout", "dies"]')
        .replace("blackout\" }", 'blackout", dies = "mine:broken_corruption" }')
    )  # fmt: skip
    project.configure(table)
    add_corpus(project)
    add_review(project)
    assert project.run("--failcond-json=old.json", "-k", "not dies").ret == 1
    project.configure(
        table.replace("severities =", 'reference = "old.json"\nseverities ='),
        gate(id="holds", metric="clean_accuracy", min=0.5),
        gate(id="narrow", metric="accuracy", min=0.62, corruptions=["blackout"], severities=[1]),
        gate(id="crossed", metric="accuracy", min=0.65, corruptions=["blackout"], severities=[2]),
        gate(id="each", metric="accuracy", min=0.5, by_class=True, corruptions=["blackout"]),
        gate(id="waived", metric="clean_accuracy", min=0.9, expected_fail="no twos yet"),
        gate(id="warns", metric="clean_accuracy", min=1.0, level="warn"),
        gate(id="dies", metric="mean_corruption_accuracy", min=0.1),
        gate(id="exact", metric="accuracy_drop", max=0.005, corruptions=["gaussian_noise"]),
        gate(id="lost", metric="regression_drop", max=0.01),
        gate(id="mce", metric="mce", max=1.5, corruptions=["blackout"]),
        gate(id="valid", metric="reviewed_validity", min=0.5),
        gate(id="crossing", metric="crossing_severity", min=2, at=0.6, corruptions=["blackout"]),
    )
    project.write("conftest.py", OVERRIDE)
    project.write("flipped.py", PROBE)
    project.write("test_own.py", OWN)
    kept["everything"] = by_one_and_two(
        project, *REPORTS, "--failcond-seeds=2", "--failcond-compare=old.json"
    )
    return kept["everything"]


@pytest.fixture
def directions(project, kept, gate):
    """Classes of evil names, gates on directions, and those of another run measured again."""
    if "directions" in kept:
        return kept["directions"]
    evil = "<script>alert(1)</script>"
    tiny_generator(classes=(evil, "two words", "star")).save(project.path / "tiny.safetensors")
    project.write("other.py", "import torchy\n"
                  "def load():\n"
                  "    model = torchy.load_classifier()\n"
                  "    model.out.weight.data = -model.out.weight.data.roll(1, 0)\n"
                  "    return model\n")  # fmt: skip
    table = CORNERS.replace("[tool.failcond]\n", "[tool.failcond]\nthreads = 1\n")
    project.configure(
        table.replace("top = 2", "top = 1\ntruncation = 0.8"),
        "[tool.failcond.combinations]\nsamples = 4\ndimensions = 5\ntoward = ['star']",
        gate(metric="breaking_shift", min=2.0),
        gate(id="star", metric="broken_share", at=2.0, max=0.0, classes=["star"]),
        gate(id="newly", metric="newly_broken_share", at=1.0, max=0.5),
        gate(id="start", metric="start_accuracy", min=0.5),
        gate(id="together", metric="combined_distance", min=1.0),
        gate(id="pairs", metric="combined_share", at=2.0, max=0.5, toward=["star"]),
    )
    project.run("--failcond-classifier=other:load", "--failcond-json=old.json")
    kept["directions"] = by_one_and_two(project, *REPORTS, "--failcond-compare=old.json")
    return kept["directions"]


@pytest.fixture(params=["everything", "directions"])
def both(request):
    return request.getfixturevalue(request.param)


def test_outcomes_and_exit_codes_are_the_same(both):
    one, two = (session.result for session in both)
    assert one.ret == two.ret == 1
    assert one.parseoutcomes() == two.parseoutcomes()


def test_the_kept_run_is_the_same_to_the_byte(both):
    one, two = both
    assert one.run == two.run
    assert one.pictures == two.pictures
    assert one.pictures


def test_what_is_shown_at_the_end_is_the_same(both):
    one, two = both
    assert one.summary == two.summary
    assert "verdict: failed" in two.summary
    markdown = [(session.path / "run.md").read_text(encoding="utf-8") for session in both]
    assert markdown[0] == markdown[1]
    assert "verdict: failed" in markdown[1]


def test_reports_of_other_plugins_are_the_same(both):
    one, two = both
    assert one.rows == two.rows
    assert one.cases == two.cases
    assert len(two.cases) == len(two.rows) > 3


def test_every_outcome_is_there(everything):
    """What is the same is not nothing."""
    _, two = everything
    assert set(two.result.parseoutcomes()) == {"passed", "failed", "xfailed", "marginal"}
    two.result.stdout.fnmatch_lines_random(["*MARGINAL*gaussian_noise-1*", "*XFAIL*test_clean*"])
    verdicts = {g["id"]: g["verdict"] for g in two.run["gates"]}
    assert verdicts == {
        **{"holds": "passed", "narrow": "marginal", "crossed": "failed", "each": "failed"},
        **{"waived": "waived", "warns": "failed", "dies": "error", "exact": "marginal"},
        **{"lost": "failed", "mce": "failed", "crossing": "marginal", "valid": "marginal"},
    }
    assert two.run["comparison"]["keys"]
    assert [entry["key"] for entry in two.run["records"]].count("flipped") == 1
    assert "12 of 12 corner cases show their class" in two.summary


def test_each_key_is_measured_once_and_each_model_loaded_once_by_a_process(everything):
    one, two = (sorted(line for line in s.log if line != "loaded") for s in everything)
    assert one == two
    assert everything[0].log.count("loaded") == 1
    assert 1 <= everything[1].log.count("loaded") <= 2


def test_each_check_is_made_once_though_each_report_shows_it(everything):
    for session in everything:
        made = sorted(line for line in session.log if line.startswith("checked"))
        checks = [check for gate in session.run["gates"] for check in gate["checks"]]
        assert made == sorted(
            f"checked {check['gate']} {check['key']} {check['class_index']}"
            for check in checks
            if check["verdict"] != "error"  # what could not be measured gave none
        )
        assert len(made) == 21
        assert any("Since the baseline:" in str(extras) for *_, extras in session.rows.values())


def test_what_is_said_on_the_way_is_said_once(everything):
    for session in everything:
        lines = session.text.splitlines()
        (said,) = [i for i, line in enumerate(lines) if line.startswith("failcond: gate 'exact'")]
        assert said < min(i for i, line in enumerate(lines) if "PASSED" in line)
        assert session.text.count("the classifier writes into its input images") == 1
        assert "\x1b" not in session.text  # no progress without a terminal
        assert "cells," not in session.text.partition("= failcond =")[0].partition("collected")[2]


def test_evil_names_are_text(directions):
    for session in directions:
        assert "<script>alert" not in (session.path / "report.html").read_text(encoding="utf-8")
        assert session.rows["test_corner_case[0-1]"][1] == "<script>alert(1)</script>"
        for result in blob(session).values():
            parts = [*result["resultsTableRow"], *(extra["content"] for extra in result["extras"])]
            assert not any("<script" in part for part in parts)


def test_directions_of_the_other_run_are_measured_again(directions):
    _, two = directions
    old = json.loads((two.path.parent / "old.json").read_text(encoding="utf-8"))
    found = {entry["key"] for entry in two.run["comparison"]["directions"]}
    assert found == {direction["key"] for direction in old["directions"]}
    assert len(two.run["directions"]) > len(old["directions"])


def test_combinations_of_the_other_run_are_tried_again(directions):
    for session in directions:
        searches = {found["key"] for found in session.run["combinations"]}
        assert len(searches) == 5
        compared = session.run["comparison"]["combinations"]
        assert {entry["key"] for entry in compared} == searches
        assert sum(entry["replayed"] for entry in compared) > 0
        assert all(entry["still"] <= entry["replayed"] for entry in compared)
        assert "test_combination[0-star]" in session.rows
        assert "test_regression[combination-0-2]" in session.rows


def test_they_share_the_cores(project, monkeypatch):
    """New interpreters: what is set before an import, and the order of each set, are their own."""
    for variable in (WAITING, THREADS):
        monkeypatch.delenv(variable, raising=False)
    project.write("conftest.py", SEEN)
    project.write("test_cores.py", ASKS.format(expected={WAITING: "PASSIVE", THREADS: SHARE}))
    result = project.run("-n", "2", *ALONE, "-k", "test_it")
    assert result.parseoutcomes() == {"passed": 1}


def test_shuffled_tests_are_the_same_and_their_coverage_is_measured(project, gate):
    few = {"corruptions": ["gaussian_noise"], "severities": [1]}
    project.configure(GRID, gate(id="exact", metric="accuracy_drop", max=0.005, **few))
    options = ("-q", "--randomly-seed=1", "--cov=mine", "--cov-report=term")
    result = project.run(*options, workers=2)
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 4, "marginal": 1}
    result.stdout.fnmatch_lines(["mine.py*"])
    # Beside the dots of workers, too, what is said on the way has a line of its own.
    (note,) = [line for line in result.stdout.lines if "failcond: gate" in line]
    assert note.startswith("failcond: gate 'exact'")
    assert note.endswith(")")


def test_what_is_wrong_is_told_once_and_nothing_is_measured(project):
    """A wrong marker, which no test is made of, and two sets of subjects, which all others meet."""
    project.write("test_own.py", OWN.replace("severities=[1]", "severities=[9]"))
    project.write("conftest.py", PARAMS)
    options = ("--continue-on-collection-errors", "--junitxml=junit.xml")
    result = project.run(*options, workers=2)
    assert result.ret != 0
    assert "severity 9 is not an integer from 1 to 5" in result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    junit = (project.path / "junit.xml").read_text()
    assert junit.count(f">{TWO.format('failcond_classifier')}") == 1
    assert junit.count(">see above, test_robustness.py::test_") == 9
    assert project.log() == []


def test_a_kept_run_is_judged_strictly_without_measuring(project, gate):
    project.configure(
        GRID,
        gate(metric="accuracy", min=0.79, corruptions=["blackout"], severities=[3]),
        gate(metric="regression_drop", max=0.01, corruptions=["blackout"]),
    )
    assert project.run("--failcond-json=old.json").ret == 0
    project.write("mine.py", "raise RuntimeError('nothing is loaded')")
    options = ("--failcond-from=old.json", "--failcond-json=run.json", "--failcond-strict")
    one, two = by_one_and_two(project, *options)
    assert one.result.ret == two.result.ret == 1
    # What is marginal, and what could not be evaluated.
    assert two.result.parseoutcomes() == one.result.parseoutcomes() == {"passed": 4, "failed": 3}
    assert one.run == two.run

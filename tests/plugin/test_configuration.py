"""What a user can get wrong: each is one sentence that names the key and the remedy, and exit code 4."""

from __future__ import annotations

import importlib
import json
from typing import Any, cast

import pytest
from PIL import Image

from pytest_failcond.config.configuration import read_configuration
from pytest_failcond.errors import FailcondError
from pytest_failcond.plugin.option_table import OPTIONS as ALL
from pytest_failcond.plugin.options import make_state
from pytest_failcond.plugin.scope import Scope
from tests.plugin.conftest import GRID

GATE = "[[tool.failcond.gates]]\n"

WRONG = {
    "unknown key": ('[tool.failcond]\nclasifier = "m:f"', ["clasifier", "classifier"]),
    "unknown corruption": (
        '[tool.failcond.corruptions]\nnames = ["gausian_noise"]',
        ["gausian_noise", "gaussian_noise"],
    ),
    "corruption twice": (
        '[tool.failcond.corruptions]\nnames = ["contrast", "contrast"]',
        ["corruptions", "twice"],
    ),
    "severity": ("[tool.failcond.corruptions]\nseverities = [0]", ["severities", "1 to 5"]),
    "no severity": ("[tool.failcond.corruptions]\nseverities = []", ["severities"]),
    "type": ('[tool.failcond]\nseed = "one"', ["seed", "integer"]),
    "custom name": (
        '[tool.failcond.corruptions]\ncustom = { contrast = "m:f" }',
        ["contrast", "no name of a built-in"],
    ),
    "custom part": (
        '[tool.failcond.corruptions]\ncustom = { both = ["contrast", "fogg"] }',
        ["both", "fogg"],
    ),
    "max_shift": ("[tool.failcond.corner_cases]\nmax_shift = 0.7", ["max_shift", "0.5"]),
    "top": ("[tool.failcond.corner_cases]\ntop = 0", ["corner_cases.top"]),
    "confidence": ("[tool.failcond]\nconfidence = 1.5", ["confidence"]),
    "unknown metric": (GRID + GATE + 'metric = "acuracy"\nmin = 0.9', ["acuracy", "accuracy"]),
    "no metric": (GRID + GATE + "min = 0.9", ["metric", "missing"]),
    "no threshold": (
        GRID + GATE + 'metric = "accuracy"',
        ["metric 'accuracy' needs its threshold, 'min'"],
    ),
    "wrong side": (
        GRID + GATE + 'metric = "accuracy"\nmax = 0.9',
        ["metric 'accuracy' takes 'min', not 'max'"],
    ),
    "both sides": (
        GRID + GATE + 'metric = "accuracy"\nmin = 0.5\nmax = 0.9',
        ["metric 'accuracy' takes 'min', not 'max'"],
    ),
    "no names": (
        "[tool.failcond.corruptions]\nnames = []",
        ["corruptions", "names: selects nothing; leave it out for all"],
    ),
    "selects nothing": (
        GRID + GATE + 'metric = "accuracy"\nmin = 0.9\ncorruptions = ["contrast"]',
        ["selects nothing", "contrast"],
    ),
    "empty selector": (
        GRID + GATE + 'metric = "accuracy"\nmin = 0.9\nseverities = []',
        ["selects nothing", "severities"],
    ),
    "no grid": (
        "[tool.failcond]\n" + GATE + 'metric = "accuracy"\nmin = 0.9',
        ["selects nothing", "corruptions"],
    ),
    "id twice": (
        GRID + 2 * (GATE + 'id = "a"\nmetric = "accuracy"\nmin = 0.9\n'),
        ["'a'", "two gates have the id"],
    ),
    "until alone": (
        GRID + GATE + 'metric = "accuracy"\nmin = 0.9\nuntil = 2027-01-01',
        ["until", "expected_fail"],
    ),
    "at missing": (GRID + GATE + 'metric = "broken_share"\nmax = 0.2', ["'at'", "broken_share"]),
    "at off the grid": (
        GRID + GATE + 'metric = "broken_share"\nmax = 0.2\nat = 0.3',
        ["'at'", "0.5"],
    ),
    "level": (GRID + GATE + 'metric = "accuracy"\nmin = 0.9\nlevel = "loud"', ["level", "warn"]),
    "gate key": (GRID + GATE + 'metric = "accuracy"\nmin = 0.9\nseverity = [1]', ["severity"]),
    "class twice": ('[tool.failcond]\nclasses = ["a", "a"]', ["classes", "twice"]),
    "gate class": (
        '[tool.failcond]\nclasses = ["a", "b"]\n'
        + GATE
        + 'metric = "clean_accuracy"\nmin = 0.9\nclasses = ["c"]',
        ["selects nothing", "'c'"],
    ),
    "searched class": (
        '[tool.failcond]\nclasses = ["a", "b"]\n[tool.failcond.combinations]\ntoward = ["c"]',
        ["combinations.toward", "'c'"],
    ),
    "no generator file": (
        '[tool.failcond]\ngenerator = "none.safetensors"',
        ["none.safetensors"],
    ),
    "judge and judges": (
        '[tool.failcond]\njudge = "m:a"\njudges = ["m:b"]',
        ["judge and judges", "put all into judges = [...]"],
    ),
    "no judges": ("[tool.failcond]\njudges = []", ["judges", "is empty"]),
    "judge twice": ('[tool.failcond]\njudges = ["m:a", "m:a"]', ["judges", "twice"]),
    "several as judge": (
        '[tool.failcond]\njudge = ["m:a", "m:b"]',
        ["judge: expected one name, got a list; name several by judges = [...]"],
    ),
    "least_p 0": ("[tool.failcond.acceptance]\nleast_p = 0", ["acceptance.least_p", "over 0"]),
    "least_p 1": ("[tool.failcond.acceptance]\nleast_p = 1.0", ["acceptance.least_p", "under 1"]),
    "least_p in percent": ("[tool.failcond.acceptance]\nleast_p = 80", ["80", "like 0.8"]),
    "least_p is text": (
        '[tool.failcond.acceptance]\nleast_p = "0.8"',
        ["acceptance.least_p", "number"],
    ),
    "acceptance key": ("[tool.failcond.acceptance]\nleast = 0.5", ["least", "least_p"]),
    "no file of judges": (
        GRID.replace("[tool.failcond]", '[tool.failcond]\njudge = "none.safetensors"', 1),
        ["none.safetensors"],
    ),
    "device": ('[tool.failcond]\ndevice = "abacus"', ["abacus", "cpu"]),
    **{
        f"truncation {value}": (
            f"[tool.failcond.corner_cases]\ntruncation = {value}",
            ["corner_cases.truncation"],
        )
        for value in ("0", "0.0", "1.5", "-0.7", '"0.7"')
    },
}


def test_an_error_at_collection_is_shown_as_pytest_shows_it(project):
    project.write("test_broken.py", "import nothing_of_that_name\n")
    result = project.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*No module named 'nothing_of_that_name'*", "*1 error*"])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_a_folder_of_image_files_is_an_image_set(project):
    data = importlib.import_module("mine").load_images()
    for row, label in enumerate(data.labels[:90]):
        place = project.path / "digits" / "abc"[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.images[row, ..., 0]).save(place / f"{row:03}.png")
    table = GRID.replace('"mine:load_images"', '"digits"')
    project.configure(
        table + '[[tool.failcond.gates]]\nmetric = "accuracy"\nmin = 0.1\nclasses = ["b"]'
    )
    result = project.run("--failcond-json=run.json")
    assert result.ret == 0, result.stdout.str()
    run = json.loads((project.path / "run.json").read_text())
    assert run["classes"] == ["a", "b", "c"]
    assert run["measurements"][0]["correct"] == run["measurements"][0]["total"]
    project.configure(table.replace("[tool.failcond]", '[tool.failcond]\nclasses = ["x", "y"]'))
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*no folder for 'x', 'y'; no class for 'a', 'b', 'c'; give them the same names*"]
    )


class Alone:
    """A session's configuration, of no worker: workers leave it to the controller to look for files."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __getattr__(self, name: str) -> Any:
        if name == "workerinput":
            raise AttributeError(name)
        return getattr(self._config, name)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_configuration_is_refused_before_collection(project, pytestconfig, name):
    """By the function that a session calls when it is configured; another test has the session."""
    table, words = WRONG[name]
    project.configure(table)
    found = read_configuration(project.path / "pyproject.toml", "--failcond-config")
    with pytest.raises(FailcondError) as refused:
        make_state(
            cast(pytest.Config, Alone(pytestconfig)), Scope((project.path,), project.path, found)
        )
    message = str(refused.value)
    if name != "no file of judges":  # it names that file
        assert message.startswith(f"{found.path}: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("name", ["unknown key", "device"])
def test_a_wrong_configuration_stops_at_once(project, name):
    table, words = WRONG[name]
    project.configure(table)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert message.startswith("ERROR: ")
    assert "\n" not in message
    for word in words:
        assert word in message


OPTIONS = {
    "--failcond-config=none.toml": ["--failcond-config", "none.toml"],
    "--failcond-generator=none.safetensors": ["none.safetensors"],
    "--failcond-device=abacus": ["abacus", "cpu"],
    "--failcond-seed=x": ["--failcond-seed"],
    "--failcond-json": ["--failcond-json", "expected one argument"],
    "--failcond-json=.": ["--failcond-json", "name a file"],
    "--failcond-markdown=/proc/nowhere/a.md": ["--failcond-markdown", "another place"],
    "--failcond-compare=none.json": ["--failcond-compare", "none.json"],
}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_wrong_option_stops_at_once(project, option):
    result = project.run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str()
    assert "Traceback" not in message
    for word in OPTIONS[option]:
        assert word in message


@pytest.mark.parametrize("name", [n for n, a in ALL.items() if "metavar" in a and "type" not in a])
def test_an_empty_value_is_refused(project, name):
    """As of a variable of a pipeline that is not set: it would be ignored in silence."""
    result = project.run(f"--failcond-{name}=")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"--failcond-{name}: " in result.stderr.str()


@pytest.mark.parametrize(
    "option", ["--failcond-classifier=mine:load_blind", "--failcond-device=cpu"]
)
def test_what_is_idle_beside_a_kept_run_is_refused(project, option):
    assert project.once("--failcond-json=run.json").ret == 0
    result = project.run("--failcond-from=run.json", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "would have no effect: --failcond-from" in result.stderr.str()


SUBJECTS = {
    "mine:load_nothing.model": "there is no 'model' in mine",
    "mine:load_crash": "raised RuntimeError: weights are",
    "mine:load_wrong_shape": "it must return logits [256, ",
    "mine:load_not_finite": "not finite",
    "mine:HERE": "cannot be called",
}


@pytest.mark.parametrize("reference", SUBJECTS)
def test_a_classifier_that_cannot_be_used_fails_its_tests_with_one_sentence(project, reference):
    result = project.run(f"--failcond-classifier={reference}", "-k", "clean")
    assert result.ret == 1
    text = result.stdout.str()
    assert SUBJECTS[reference] in text
    assert "Traceback" not in text
    assert "passed" not in result.parseoutcomes()


@pytest.mark.parametrize(
    ("option", "file", "words"),
    [
        (
            "--failcond-markdown",
            "test_robustness.py",
            "is Python code, which pytest-failcond does not overwrite",
        ),
        (
            "--failcond-json",
            "link.json",
            "is Python code, which pytest-failcond does not overwrite",
        ),
        ("--failcond-markdown", "pytest.ini", "is pytest's configuration, which is an input"),
    ],
)
def test_tests_and_ini_files_are_not_written_over(project, option, file, words):
    project.write("pytest.ini", "[pytest]\n")
    (project.path / "link.json").symlink_to("test_robustness.py")
    before = (project.path / file).read_text()
    result = project.run(f"{option}={file}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"{option}: {project.path / file} {words}" in result.stderr.str()
    assert (project.path / file).read_text() == before


def test_failcond_toml_may_take_the_place_of_a_table_and_not_stand_beside_one(project):
    project.write(
        "failcond.toml",
        GRID.replace("tool.failcond", "X")
        .replace("[X]", "")
        .replace("[X.corruptions]", "[corruptions]")
        .replace("[1, 3]", "[5]"),
    )
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    files = [project.path / name for name in ("failcond.toml", "pyproject.toml")]
    assert f"{files[0]} and {files[1]} both configure failcond" in result.stderr.str()
    files[1].write_text("[tool.pytest]\nstrict = true\n")
    result = project.run("--collect-only", "-q")
    assert "test_corruption[blackout-5]" in result.stdout.str()
    assert "test_corruption[blackout-3]" not in result.stdout.str()


def test_an_option_without_a_configuration_says_so(project):
    project.configure()
    project.write("pyproject.toml", "")
    result = project.run("--failcond-seed=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*there is no ?tool.failcond?*failcond init*"])

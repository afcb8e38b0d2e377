"""Every command that a session prints repeats the options that chose its subjects, and so makes the same picture."""

from __future__ import annotations

import ast
import re
import shlex
from itertools import pairwise

import pytest

from pytest_failcond import Run
from pytest_failcond.cli import COMMANDS, main
from pytest_failcond.plugin.option_table import OPTIONS
from pytest_failcond.probes.combination.reproduce import show_command
from pytest_failcond.probes.corpus.folder import promotion
from pytest_failcond.probes.direction.reproduce import show_command as show_direction
from pytest_failcond.report.reproduce import show_kept
from pytest_failcond.words.commands import SUBJECTS, command_line, given_in
from tests.sources import FILES, ROOT, nodes_of

OTHER = """
classifier = "nowhere:load"
generator = "nowhere.safetensors"
images = "nowhere:load"
seed = 1
[corruptions]
names = ["gaussian_noise"]
severities = [1]
[corner_cases]
top = 1
samples = 4
max_shift = 1.0
[combinations]
samples = 2
dimensions = 4
"""
GIVEN = {
    "seed": "7",
    "generator": "tiny.safetensors",
    "classifier": "torchy:load_classifier",
    "images": "flat:load_images",
    "config": "else where/other.toml",
}
IMAGES = """
import mine
from pytest_failcond import LabeledImages

def load_images():
    given = mine.load_images()
    return LabeledImages(given.images[:, :8, :8], given.labels)
"""
CASES = """
import pytest
from pytest_failcond.strategies import Case, Combination, Corrupted

CASES = Case(2, 1, 2, 3), Combination(2, ((1, 2), (2, -1)), 1), Combination(2, (), 0), Corrupted("contrast", 4, 5)

@pytest.mark.parametrize("case", CASES)
def test_mine(failcond, case):
    print(failcond.image(case))
"""


@pytest.fixture(scope="module")
def kept():
    """What the one session printed."""
    return {}


@pytest.fixture
def session(project, kept, monkeypatch):
    """A session all of whose subjects were chosen by options; its folder is the current one."""
    if not kept:
        project.add_generator()
        project.write("flat.py", IMAGES)
        (project.path / "else where").mkdir()
        project.write("else where/other.toml", OTHER)
        project.write("test_mine.py", CASES)
        options = [f"--failcond-{name}={value}" for name, value in GIVEN.items()]
        result = project.run(*options, "-rP", "-k", "mine or star", "--failcond-json=run.json")
        kept.update(text=result.stdout.str(), path=project.path)
    monkeypatch.chdir(kept["path"])
    monkeypatch.syspath_prepend(str(kept["path"]))
    return kept


def lines_of(text: str) -> list[str]:
    return sorted(set(re.findall(r"`(failcond show [^`]*)`", text)))


def test_a_case_is_made_again_by_its_line(session, capsys):
    lines = lines_of(session["text"])
    assert len(lines) == 4
    for line in lines:
        words = shlex.split(line)
        assert words[-10:] == [part for name in SUBJECTS for part in (f"--{name}", GIVEN[name])]
        capsys.readouterr()
        assert main([*words[1:], "--out", "it.png"]) == 0
        (p,) = re.findall(r"classifier: .* = ([0-9.]+)\n", capsys.readouterr().out)
        assert re.search(rf"p\(\S+\) = {p}; reproduce with `{re.escape(line)}`", session["text"])


def test_the_lines_of_reports_choose_the_same_subjects(session):
    run = Run.load("run.json")
    assert run.environment["options"] == GIVEN
    direction = next(iter(run.directions.values()))
    combined = next(one for one in run.combinations.values() if one.pictured)
    last = show_direction(run, direction, direction.strip.shift[-1])
    for line in (last, show_command(run, combined, combined.pictured.rows[0])):
        named = dict(pairwise(shlex.split(line)))
        expected = GIVEN | {"generator": str(session["path"] / GIVEN["generator"])}
        assert {name: named[f"--{name}"] for name in SUBJECTS} == expected
    kept = dict(pairwise(shlex.split(show_kept(run, "a-1"))))  # the manifest has its seed
    assert kept.keys() >= {"--config", "--images", "corpus:a-1"}
    assert "--seed" not in kept
    assert main([*shlex.split(last)[1:], "--out", "it.png"]) == 0


def test_the_options_that_choose_subjects_are_those_of_the_session():
    """An option that is new either chooses subjects, or is named here."""
    others = [
        "device",
        "seeds",
        "strict",
        "json",
        "compare",
        "shard",
        "from",
        "markdown",
        "no-images",
    ]
    assert {*SUBJECTS, *others} == {*OPTIONS}
    assert given_in(dict.fromkeys(OPTIONS, 3)) == dict.fromkeys(SUBJECTS, "3")
    line = command_line(["x", "a b"], {"config": "it's", "seed": "1"})
    assert shlex.split(line) == ["failcond", "x", "a b", "--seed", "1", "--config", "it's"]
    line = promotion(["a-1", "b-2"], {"config": "c", "seed": "1"})
    assert line == "failcond discover --fixed a-1 b-2 --config c"


def test_commands_for_the_subjects_are_made_in_one_place():
    """A text that begins such a command would lack the options."""
    found = set()
    for path in FILES:
        nodes = nodes_of(path)
        docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and id(node) not in docs:
                begun = re.search(r"failcond (show|discover --)", str(node.value))
            else:
                begun = isinstance(node, ast.List) and is_command(node.elts)
            if begun:
                found.add(str(path.relative_to(ROOT)))
    assert found == set()


def is_command(words: list[ast.expr]) -> bool:
    """Whether a list is a command of failcond, which `command_line` should make."""
    first, second, *_ = [*(getattr(word, "value", None) for word in words), None, None]
    return first == "failcond" and isinstance(second, str) and second in COMMANDS

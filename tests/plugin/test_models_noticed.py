"""What is noticed of the models in a session: said once everywhere, kept, and random ones fail under strict."""

from __future__ import annotations

import json

import pytest

from pytest_failcond.runs.run import Run
from tests.plugin.conftest import GRID

ODD = '''
"""Models that draw at random, write into what they are given, or are left in training mode."""
import numpy as np
import torch
from torch import nn
import mine
import torchy

RANDOM = np.random.default_rng(0)

def load_random():
    classify = mine.load_classifier()
    return lambda images: classify(images) + RANDOM.normal(0, 3, (len(images), 3))

def load_writer():
    classify = mine.load_classifier()
    def writes(images):
        logits = classify(images)
        images[:] = 0
        return logits
    return writes

class Rows(torchy.Rows):
    def forward(self, images):
        logits = super().forward(images.clone())
        images.mul_(0)
        return logits

def load_training_writer():
    return Rows().train()

def load_random_judge():
    return load_random()

def load_heads():
    classify = mine.load_classifier()
    def heads(images):
        odds = np.exp(classify(images))
        p = odds / odds.sum(axis=1, keepdims=True)
        return {"shape": p, "other": p[:, ::-1]}
    return heads

def load_turned():
    classify = mine.load_classifier()
    return lambda images: classify(images)[:, [1, 2, 0]]

def load_judge():
    classify = mine.load_classifier()
    return lambda images: 1000 * classify(images)
'''
OPTIONS = ("--failcond-json=run.json", "--failcond-markdown=run.md")
CHANGES = "classifier changes from call to call: shown the same 256 images twice, it changed"


@pytest.fixture
def odd(project, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "odd", raising=False)
    project.write("odd.py", ODD)
    return project


def kept(project, name="run.json"):
    return json.loads((project.path / name).read_text(encoding="utf-8"))


def test_a_random_classifier_is_said_once_everywhere_and_kept(odd):
    result = odd.run("--failcond-classifier=odd:load_random", *OPTIONS)
    assert result.ret == 0
    text = result.stdout.str()
    assert "".join(text.split()).count("".join(CHANGES.split())) == 1
    assert (odd.path / "run.md").read_text(encoding="utf-8").count(CHANGES) == 1
    (remark,) = kept(odd)["environment"]["remarks"]
    assert (remark["model"], remark["what"]) == ("classifier", "random")
    assert CHANGES in remark["text"]
    from pytest_failcond.report import html, terminal

    run = Run.load(odd.path / "run.json")
    assert html.summary(run).count(CHANGES) == 1
    quiet = terminal.render(run, width=400, color=False, unicode=True, verbose=-1)
    assert quiet.count(CHANGES) == 1


def test_under_strict_it_is_an_error_of_a_kept_run_too(odd):
    odd.run("--failcond-classifier=odd:load_random", "--failcond-json=run.json")
    for of in ("--failcond-classifier=odd:load_random", "--failcond-from=run.json"):
        result = odd.run(of, "--failcond-strict", "--failcond-json=strict.json")
        assert result.ret == 1
        result.stdout.fnmatch_lines(["ERROR *classifier*"])
        (error,) = kept(odd, "strict.json")["errors"]
        assert error["key"] == "classifier"
        assert CHANGES in error["error"]
    assert odd.run("--failcond-from=run.json").ret == 0


def test_of_the_judge_it_is_said_too(odd):
    odd.configure(GRID.replace("images =", 'judge = "odd:load_random_judge"\nimages ='))
    assert odd.run(*OPTIONS).ret == 0
    (remark,) = kept(odd)["environment"]["remarks"]
    assert (remark["model"], remark["what"]) == ("judge", "random")


def test_parts_of_a_run_are_joined_with_what_was_noticed(odd):
    from pytest_failcond.cli import main

    for part in (1, 2):
        odd.run("--failcond-classifier=odd:load_random", f"--failcond-shard={part}/2",
                f"--failcond-json={part}.json")  # fmt: skip
    strict = ("--failcond-shard=1/2", "--failcond-strict", "--failcond-classifier=odd:load_random")
    assert odd.run(*strict).ret == 1
    assert main(["merge", "1.json", "2.json", "--out", "whole.json"]) == 0
    (remark,) = kept(odd, "whole.json")["environment"]["remarks"]
    assert remark["what"] == "random"


def test_a_model_that_writes_changes_nothing_and_is_named_once(odd):
    odd.configure(GRID.replace("images =", 'judge = "odd:load_judge"\nimages ='))
    assert odd.run("--failcond-json=plain.json").ret == 0
    result = odd.run("--failcond-classifier=odd:load_writer", "--failcond-json=run.json")
    assert result.ret == 0  # warnings are errors in this project
    assert result.stdout.str().count("the classifier writes into its input images") == 1
    assert kept(odd)["measurements"] == kept(odd, "plain.json")["measurements"]
    assert "remarks" not in kept(odd, "plain.json")["environment"]


def test_a_head_of_probabilities_is_measured_as_the_classifier_and_noticed(odd):
    odd.configure(GRID)
    assert odd.run("--failcond-json=plain.json").ret == 0
    odd.configure(GRID.replace("images =", 'head = "shape"\nimages ='))
    result = odd.run("--failcond-classifier=odd:load_heads", *OPTIONS)
    assert result.ret == 0
    text = " ".join(result.stdout.str().split())
    assert text.count("the classifier returns probabilities, not logits") == 1
    assert kept(odd)["measurements"] == kept(odd, "plain.json")["measurements"]
    assert [remark["what"] for remark in kept(odd)["environment"]["remarks"]] == ["probabilities"]
    odd.configure(GRID.replace("images =", 'head = "form"\nimages ='))
    result = odd.run("--failcond-classifier=odd:load_heads")
    assert result.ret == 1
    text = " ".join(result.stdout.str().split())
    assert "which has no head 'form'; known: other, shape" in text


def test_outputs_in_another_order_are_named_once_and_kept(odd):
    result = odd.run("--failcond-classifier=odd:load_turned", *OPTIONS)
    assert result.ret == 0
    (remark,) = kept(odd)["environment"]["remarks"]
    assert (remark["model"], remark["what"]) == ("classifier", "order")
    assert (
        "has 0.0 % of a sample of 150 of 300 clean test images right, and 100.0 % if"
        in remark["text"]
    )
    assert "(output 0 as class '1', output 1 as class '2', output 2 as class '0')" in remark["text"]
    assert " ".join(result.stdout.str().split()).count(remark["text"]) == 1


def test_corner_cases_are_the_same_for_a_model_that_writes(corners):
    corners.write("odd.py", ODD)
    assert corners.run("--failcond-json=plain.json").ret == 0
    result = corners.run(
        "--failcond-classifier=odd:load_training_writer", "--failcond-json=run.json"
    )
    assert result.ret == 0
    for what in ("rankings", "directions"):
        assert kept(corners)[what] == kept(corners, "plain.json")[what]
    remarks = kept(corners)["environment"]["remarks"]
    assert [remark["what"] for remark in remarks] == ["training", "writes"]
    for file in (corners.path / "plain.json.files").iterdir():
        assert (corners.path / "run.json.files" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("key", ["classifier", "judge", "images"])
def test_a_loader_that_returns_nothing_is_no_setting_left_out(project, key):
    configured = GRID if key in GRID else GRID.replace("images =", f'{key} = ""\nimages =')
    lines = [f'{key} = "mine:load_nothing"' if line.startswith(f"{key} =") else line
             for line in configured.splitlines()]  # fmt: skip
    project.configure("\n".join(lines))
    result = project.run("-k", "clean")
    assert result.ret == 1
    text = " ".join(result.stdout.str().split())
    assert f"{key} = 'mine:load_nothing' returned None; it must return the {key}" in text


def test_a_ranking_of_nothing_fails_its_tests(corners):
    corners.write(
        "odd.py",
        "import torch, torchy\n"
        "class Steps(torchy.Rows):\n"
        "    def forward(self, images):\n"
        "        return super().forward(images) * 0\n"
        "def load():\n"
        "    return Steps().eval()\n",
    )
    result = corners.run("--failcond-classifier=odd:load", "--failcond-json=run.json")
    assert result.ret == 1
    assert "passed" not in result.parseoutcomes()
    errors = {entry["key"]: entry["error"] for entry in kept(corners)["errors"]}
    for index, name in enumerate(("circle", "square", "star")):
        assert f"class {name!r} cannot be ranked: whichever" in errors[f"ranking:{index}"]

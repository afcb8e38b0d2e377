"""One fault, one sentence: the test that meets it first tells it, the others refer to that test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failcond.report import html, markdown, terminal
from pytest_failcond.verdicts.gates import GateResult
from tests.plugin.conftest import CORNERS, GRID, ROOT
from tests.runs import make_check, make_run

OWN = """
import pytest, mine
@pytest.fixture(scope="session")
def failcond_{}():
    {}
"""

FAULTS = {
    "the loader raises": ({"classifier": "mine:load_crash"}, "", "weights are on another machine"),
    "it cannot be called": ({"classifier": "mine:HERE"}, "", "cannot be called"),
    "it is no model": ({"classifier": "mine:load_nothing"}, "", "returned None"),
    "it is no image set": ({"images": "mine:load_classifier"}, "", "expected LabeledImages"),
    "the model raises": ({"classifier": "mine:load_broken"}, "", "not a good day"),
    "the user's fixture raises": (
        {},
        OWN.format("classifier", "raise RuntimeError('no such weights')"),
        "no such weights",
    ),
    "the user's fixture fails": (
        {},
        OWN.format("images", "pytest.fail('no such disk')"),
        "no such disk",
    ),
}


def broken(project, fault):
    given, conftest, sentence = FAULTS[fault]
    text = (project.path / "mine.py").read_text()
    project.write(
        "mine.py",
        text + "\ndef load_broken():\n    def model(images):\n"
        "        raise RuntimeError('not a good day')\n    return model\n",
    )
    tables = GRID
    for key, value in given.items():
        tables = tables.replace(f"mine:load_{'images' if key == 'images' else 'classifier'}", value)
    project.configure(
        tables, '[[tool.failcond.gates]]\nmetric = "mean_corruption_accuracy"\nmin = 0.5'
    )
    if conftest:
        project.write("conftest.py", conftest)
    return sentence


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_once(project, fault):
    sentence = broken(project, fault)
    kept = ("--junitxml=junit.xml", "--html=report.html", "--failcond-markdown=run.md")
    result = project.run("--tb=short", "-rN", *kept)
    assert result.ret == 1
    told = [line for line in result.stdout.lines if sentence in line and "    " not in line]
    at_end = "the model raises" in fault  # the run, which was measured so far, tells it too
    assert len(told) == 1 + at_end, told
    text = result.stdout.str()
    assert text.count("see above, test_robustness.py::test_") == 5
    if at_end:
        assert (project.path / "run.md").read_text().count(sentence) == 1
    for name in ("junit.xml", "report.html"):
        assert (project.path / name).read_text().count("see above, test_robustness.py::test_") >= 5


def test_a_judge_that_accepts_too_few_is_told_once_for_each_class(corners, gate):
    corners.write(
        "torchy.py",
        (corners.path / "torchy.py").read_text()
        + "\ndef load_doubtful():\n    return lambda images: torch.eye(4)[[3] * len(images)].numpy()[:, :3]\n",
    )
    corners.configure(
        CORNERS.replace("[tool.failcond]", '[tool.failcond]\njudge = "torchy:load_doubtful"', 1),
        gate(metric="breaking_shift", min=1.0),
    )
    result = corners.run("-rN", "-q", "-q", "-q")
    text = result.stdout.str()
    failures = text.partition("= failcond =")[0]
    for name in ("square", "star"):
        assert failures.count(f"of class '{name}'") == 1
        assert failures.count(f"see above, test_robustness.py::test_corner_case[{name}-1]") == 1


def test_a_key_without_a_gate_has_no_row_of_a_cause_told_by_a_gate(project):
    """The clean images fail as every cell does: the row of a gated cell tells why."""
    broken(project, "the model raises")
    result = project.run("-rN", "--failcond-markdown=run.md")
    ours = result.stdout.str().partition("= failcond =")[2]
    assert ours.count("not a good day") == 1
    rows = [line for line in ours.splitlines() if line.startswith("ERROR")]
    assert rows, ours
    assert all("mean-corruption-accuracy" in row for row in rows), rows
    text = (project.path / "run.md").read_text(encoding="utf-8")
    assert text.count("not a good day") == 1
    assert "see above" not in text


def test_of_many_classes_that_cannot_be_ranked_the_first_are_told():
    run = make_run(gates=(), cells=False, corner_cases=False)
    why = "the judge accepts only 0 of 512 generated images of class {!r}"
    ranked = {f"ranking:{i}": why.format(str(i)) for i in range(10)}
    run = replace(run, errors={**ranked, "corruption:fog:1": "no fog"})
    text = terminal.render(run, width=160, color=False, unicode=True)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("ERROR")] == [
        "ranking:0", "ranking:1", "ranking:2", "corruption:fog:1"
    ]  # fmt: skip
    assert "… and 7 more, -v shows them: ranking 7" in text
    every = terminal.render(run, width=160, color=False, unicode=True, verbose=1)
    assert sum(line.startswith("ERROR") for line in every.splitlines()) == 11


def test_the_errors_of_one_gate_are_one_row_in_every_medium():
    """Each check of a gate fails for one cause: the terminal counts them, and Markdown lists them."""
    run = make_run(gates=(), corner_cases=False)
    keys = [key for key in run.records if str(key).startswith("corruption:")][:4]

    def gate(name, *whys):
        checks = [
            make_check(name, "accuracy", str(key), None, n=0, verdict="error", reason=why)
            for key, why in zip(keys, whys, strict=False)
        ]
        return GateResult(name, "accuracy", "fail", tuple(checks))

    run = replace(
        run, gates=(gate("cells", *["no light"] * 4), gate("others", "no light", "no film"))
    )
    text = terminal.render(run, width=160, color=False, unicode=True)
    rows = [line for line in text.splitlines() if line.startswith("ERROR")]
    assert [
        row.split() for row in rows if "column_blur:5" not in row
    ] == [  # an error without a gate
        ["ERROR", "cells", str(keys[0]), "and", "3", "more", "no", "light"],
        ["ERROR", "others", str(keys[0]), "see", "above"],
        ["ERROR", "others", str(keys[1]), "no", "film"],
    ]
    every = terminal.render(run, width=160, color=False, unicode=True, verbose=1)
    assert all(every.count(str(key)) >= 1 for key in keys)
    summary = markdown.render(run).partition("### ")[0]
    assert summary.count("no light") == summary.count("see above") == 1
    assert ", ".join(map(str, keys)) in summary.replace("`", "").replace("\\", "")
    page = html.page(run)
    assert all(str(key) in page for key in keys)


PLACES = {
    "test_robustness.py": ("from pytest_failcond.suite import test_clean", 1),
    "test_mine.py": ("def test_it(failcond):\n    x = 1\n    failcond.measure('clean')", 3),
    "test_check.py": ("def test_it(failcond):\n    failcond.check('clean')", 2),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_failure_lies_in_the_users_file(project, name):
    broken(project, "the model raises")
    text, line = PLACES[name]
    project.write(name, f"{text}\n")
    result = project.run("--tb=line", name)
    result.stdout.fnmatch_lines([f"*{name}:{line}: *not a good day*"])
    assert str(ROOT / "pytest_failcond") not in result.stdout.str()


def test_what_is_not_evaluated_lies_in_the_users_file(project, gate):
    project.configure(GRID, gate(metric="regression_drop", max=0.01))
    result = project.run("-rs")
    result.stdout.fnmatch_lines(["SKIPPED * test_robustness.py:1: there is no baseline*"])

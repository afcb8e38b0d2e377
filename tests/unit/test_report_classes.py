"""A thousand classes: messages and reports list the worst ten, and say how many more there are."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest

from pytest_failcond.report import html, markdown, need, terminal
from pytest_failcond.verdicts.gates import GateResult
from tests.runs import changed, make_check, make_direction, make_run

CLASSES = tuple(f"kind{i:04}" for i in range(1000))
CELLS = [f"corruption:gaussian_noise:{s}" for s in (1, 2)]


@cache
def run_by_class(*, failing: int = 1000, directions: int = 0):
    """A run in which the last classes are the worst, on the second cell."""
    checks = tuple(
        make_check(
            "cells", "accuracy", cell, 0.9 - 0.0005 * i, bound=0.95 - 0.0005 * i, threshold=0.95,
            class_index=i, verdict="failed" if i >= 1000 - failing else "passed", certain=True,
            reason=f"reason {i:04}",
        )
        for cell in CELLS
        for i in range(len(CLASSES))
    )  # fmt: skip
    run = make_run(corner_cases=False, gates=(GateResult("cells", "accuracy", "fail", checks),))
    found = [
        make_direction(i, rank, 7 * rank, 1, breaking_shift=2.0 if i % 2 else 3.0, valid_range=3.5)
        for i in range(directions)
        for rank in (1, 2)
    ]
    found_by_key = {d.key: d for d in found}
    return changed(run, classes=CLASSES, measurements={}, directions=found_by_key)


def shown_in(run, medium: str) -> str:
    if medium == "markdown":
        return markdown.render(run)
    if medium.startswith("terminal"):
        verbose = int(medium.endswith("-v"))
        return terminal.render(run, width=160, color=False, unicode=True, verbose=verbose)
    return html.page(run, pictures=False) if medium == "page" else html.summary(run)


MEDIA = ["markdown", "terminal", "terminal -v", "page", "summary"]


@pytest.mark.parametrize("medium", MEDIA)
def test_the_worst_ten_classes_are_listed_and_the_others_counted(medium):
    text = shown_in(run_by_class(), medium)
    named = {int(n) for n in re.findall(r"kind(\d{4})", text)}
    assert named <= set(range(980, 1000))
    assert 999 in named
    assert len(named) <= 20  # ten of the gate, and of a key ten
    assert re.search(r"… and (1,99\d|199\d) more", text)
    assert len(text) < 200_000


@pytest.mark.parametrize("medium", MEDIA)
def test_of_many_classes_with_directions_the_worst_ten_are_listed(medium):
    run = replace(run_by_class(directions=200), gates=())
    text = shown_in(run, medium)
    named = {int(n) for n in re.findall(r"kind(\d{4})", text)}
    assert named
    assert len(named) <= 10
    assert all(i % 2 for i in named)  # they break first
    assert ("190 more classes" in text) == (not medium.startswith("terminal"))
    assert ("of the worst 10 classes" in text) == medium.startswith("terminal")


def test_ten_classes_are_all_listed():
    checks = run_by_class().gates[0].checks[:10]
    assert need.few_classes(checks) == (list(checks), {})
    shown, more = need.few_classes(run_by_class().gates[0].checks[:11])
    assert (len(shown), more) == (10, {"cells": 1})
    assert need.and_more(more) == "… and 1 more of gate 'cells'"


def test_checks_of_keys_are_not_left_out():
    checks = [make_check("plain", "accuracy", f"corruption:key{i}:1", 0.5) for i in range(50)]
    assert need.few_classes(checks) == (checks, {})

"""The work for a run grows in proportion to its classes: counted in calls, not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from benchmarks.classes import made, plan, steps
from pytest_failcond.runs.run import Run
from pytest_failcond.verdicts.gates import GateResult
from tests.runs import changed, make_check, make_direction, make_run

FEW, MANY = 15, 60
MOST = 1.15  # times the work per class that a few classes take

CASES = [*steps(made(1, ("contrast",))[1])]


def calls(work: Callable[[], object]) -> int:
    """The number of calls that a function makes, of Python's own functions too."""
    work()  # what is imported or computed once does not count
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def grown(few: Callable[[], object], many: Callable[[], object]) -> float:
    """How much more work many classes take than a few, per class."""
    return calls(many) / calls(few) * FEW / MANY


@cache
def by_class(classes: int) -> tuple[Run, Run, dict[str, Callable[[Run], object]]]:
    """A run before and after its verdicts, and the steps of the work for it."""
    run, settings = made(classes, ("contrast",))
    every = steps(settings)
    return run, every["verdicts"](run), every


@pytest.mark.parametrize("step", CASES)
def test_the_work_by_class_grows_with_the_classes(step):
    works = []
    for classes in (FEW, MANY):
        run, judged, every = by_class(classes)
        whole = run if step in ("plan", "resolution", "verdicts") else judged
        works.append(lambda every=every, whole=whole: every[step](replace(whole)))
    assert grown(*works) < MOST


@cache
def by_direction(classes: int) -> Run:
    """A run with three directions of each class, and a check of each."""
    found = [
        make_direction(i, rank, 7 * rank, 1, breaking_shift=2.0, valid_range=3.5)
        for i in range(classes)
        for rank in (1, 2, 3)
    ]
    checks = tuple(
        make_check("breaks", "breaking_shift", str(d.key), 2.0, bound=1.5, threshold=2.5)
        for d in found
    )
    gate = GateResult("breaks", "breaking_shift", "fail", checks)
    return changed(
        make_run(corner_cases=False, gates=(gate,)),
        classes=tuple(f"kind{i}" for i in range(classes)),
        measurements={},
        directions={d.key: d for d in found},
    )


@pytest.mark.parametrize("step", ["terminal", "terminal -v", "markdown", "html", "json"])
def test_the_work_by_direction_grows_with_the_classes(step):
    every, few, many = steps(made(1, ("contrast",))[1]), by_direction(FEW), by_direction(MANY)
    assert grown(lambda: every[step](replace(few)), lambda: every[step](replace(many))) < MOST


def test_a_pair_of_classes_each_would_be_seen():
    works = [lambda n=n: [abs(i - j) for i in range(n) for j in range(n)] for n in (FEW, MANY)]
    assert grown(*works) > 2 * MOST


def test_a_plan_has_every_class():
    run, settings = made(FEW, ("contrast",))
    about = [test.name for test in plan(settings, run.classes)]
    assert sum(name.startswith("corner_case:") for name in about) == 3 * FEW
    assert len(about) == len(set(about)) >= 3 * FEW + 5

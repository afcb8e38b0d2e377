"""Plans, verdicts and reports of gates by class, for more and more classes: each row ten times the one before."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_failcond.config.settings import Settings
from pytest_failcond.probes.base import Planned, Planning
from pytest_failcond.probes.keys import CleanKey, CorruptionKey, Key
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.report import html, markdown, terminal
from pytest_failcond.runs.assemble import conclude
from pytest_failcond.runs.run import Run
from pytest_failcond.verdicts.plan import number_of_checks
from pytest_failcond.verdicts.resolution import unresolved

_CLASSES = (10, 100, 1000)
_PER_CLASS = 50
_TOP = 3
_NAMES = ("contrast", "fog", "snow", "frost")


def run() -> None:
    """Print CPU seconds, and µs per check, of each step for 20 cells and three gates by class."""
    most = int(os.environ.get("FAILCOND_CLASSES", _CLASSES[-1]))
    for classes in (n for n in _CLASSES if n <= most):
        _try(classes)


def steps(settings: Settings) -> dict[str, Callable[[Run], Any]]:
    """Return the steps from a plan to its reports, by name; ``verdicts`` completes the run."""
    return {
        "plan": lambda run: plan(settings, run.classes),
        "resolution": lambda run: unresolved(settings, run.classes, run.labels),
        "verdicts": lambda run: conclude(run, settings, None),
        "terminal": lambda run: _terminal(run, 0),
        "terminal -v": lambda run: _terminal(run, 1),
        "markdown": markdown.render,
        "html": lambda run: html.page(run, pictures=False),
        "json": lambda run: run.to_json(),
    }


def plan(settings: Settings, names: tuple[str, ...]) -> list[Planned]:
    """Plan all tests, those of a generator too, and read them again from their names."""
    planning = Planning(settings, names, generator=True)
    tests = [test for probe in PROBES for test in probe.tests(planning)]
    for gate in settings.gates:
        number_of_checks(gate, settings, names)
    return [PROBES.planned(test.name, settings) for test in tests]


def _try(classes: int) -> None:
    run, settings = made(classes)
    whole, sizes = 0.0, []
    for step, work in steps(settings).items():
        start = time.process_time()
        done = work(run)
        spent = time.process_time() - start
        whole += spent
        run = done if step == "verdicts" else run
        size = f", {len(done) / 1e3:.0f} kB" if isinstance(done, str) else ""
        sizes.append(f"{step} {spent:.2f} s{size}")
    checks = len(run.checks)
    print(f"{classes} classes, {checks} checks: {'; '.join(sizes)}")
    print(f"  in all {whole:.2f} s, {1e6 * whole / checks:.0f} µs per check", flush=True)


def _terminal(run: Run, verbose: int) -> str:
    return terminal.render(run, width=100, color=False, unicode=True, verbose=verbose)


def made(classes: int, corruptions: tuple[str, ...] = _NAMES) -> tuple[Run, Settings]:
    """Make a run of five cells per corruption in which classes differ, and some are lost."""
    random = np.random.default_rng(0)
    labels = random.permutation(np.repeat(np.arange(classes), _PER_CLASS))
    names = tuple(f"class {i}" for i in range(classes))
    gates = [
        {"id": "clean", "metric": "clean_accuracy", "min": 0.8, "by_class": True},
        {"id": "cells", "metric": "accuracy", "min": 0.7, "by_class": True},
        {"id": "drops", "metric": "accuracy_drop", "max": 0.2, "by_class": True},
    ]
    settings = Settings.model_validate({
        "classifier": "m:c", "images": "m:i", "classes": names, "gates": gates,
        "corruptions": {"names": list(corruptions)},
        "corner_cases": {"top": _TOP},
    })  # fmt: skip
    keys: list[Key] = [
        CleanKey(),
        *(CorruptionKey(name, s) for name in corruptions for s in range(1, 6)),
    ]
    difficulty = random.random(classes)[labels]
    measured: dict[Key, Measurement] = {}
    for place, key in enumerate(keys):
        wrong = random.random(len(labels)) < difficulty * place / (2 * len(keys))
        predicted = np.where(wrong, (labels + 1) % classes, labels)
        measured[key] = Measurement(key, predicted, labels, key, classes)
    run = Run(
        environment={"date": "2026-01-01T00:00:00Z"},
        subjects={},
        settings=settings.model_dump(mode="json", exclude={"folder"}),
        classes=names,
        labels=labels,
        records={**measured},
        planned=tuple(keys),
    )
    return run, settings

"""What the hooks and the fixtures of one pytest process share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_failcond.printing import lines

if TYPE_CHECKING:
    from pytest_failcond.folders import OwnFolder
    from pytest_failcond.run import Run
    from pytest_failcond.settings import Settings


@dataclass
class State:
    """A configured session.

    Attributes:
        settings: the validated configuration.
        classes: class names, if the configuration or the generator's header gives them.
        store: folder of the store.
        owns_store: whether this process made the folder, and so removes it.
        folder: the folder of the session's own that the store lies in; None in a worker.
        strict: whether marginal and not-evaluated checks fail.
        baseline: run file to compare with.
        corpus: ids of the corpus's entries.
        pictures: whether pictures of the user's images may be made.
        part: (i, n), where only the i-th of n parts of the plan is measured, and nothing judged.
        measured: run file whose measurements are judged, where nothing is measured.
        given: command-line options that name a subject, by the fixture that loads it.
        item: the test that is running.
        run: the finished run, once there is one.
        noted: whether it was said which gates cannot be resolved.
        problem: why the run could not be kept.
    """

    settings: Settings
    classes: tuple[str, ...] | None
    store: Path
    owns_store: bool
    strict: bool
    baseline: Path | None
    folder: OwnFolder | None = None
    corpus: tuple[str, ...] = ()
    pictures: bool = True
    part: tuple[int, int] | None = None
    measured: Path | None = None
    given: dict[str, str] = field(default_factory=dict)
    item: pytest.Item | None = None
    run: Run | None = None
    noted: bool = False
    problem: str | None = None


STATE = pytest.StashKey[State]()
SUITE = "pytest_failcond.suite"


def from_suite(item: object) -> bool:
    """Whether a test is one of the suite's, wherever it was imported to."""
    return getattr(getattr(item, "function", None), "__module__", None) == SUITE


def fail(sentence: str) -> NoReturn:
    """Fail the running test with one sentence, or a line each, without the chain of errors behind it."""
    raise pytest.fail.Exception(lines(sentence), pytrace=False) from None

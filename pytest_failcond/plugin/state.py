"""The state that the hooks and fixtures of one pytest process share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_failcond.words.printing import lines, one_line

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.runs.run import Run
    from pytest_failcond.storage.folders import OwnFolder


@dataclass
class State:
    """A configured session.

    Attributes:
        settings: the validated configuration.
        classes: class names, if the configuration or the generator's header gives them.
        store: folder of the store.
        owns_store: whether this process made the folder, and so removes it.
        folder: the session's own folder around the store; None in a worker.
        strict: whether marginal and not-evaluated checks fail.
        baseline: run file to compare with.
        corpus: ids of the corpus's entries.
        pictures: whether pictures of the user's images may be made.
        part: (i, n), if only the i-th of n parts of the plan is measured, and nothing judged.
        measured: run file whose measurements are judged; then nothing is measured.
        given: command-line options that name a subject, by the fixture that loads it.
        item: the test that is running.
        attempts: how often each test has begun, by node ID.
        begun: node IDs of the tests that have begun, in any process; empty in a worker.
        refusal: the reason why no test may use the subjects of this session.
        models: models without a hash, by their role; a session has one of each.
        run: the run, when finished.
        noted: whether the notice on unresolved gates was printed.
        problem: the reason why the run could not be kept.
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
    attempts: Counter[str] = field(default_factory=Counter)
    begun: set[str] = field(default_factory=set)
    refusal: str | None = None
    models: dict[str, Any] = field(default_factory=dict)
    run: Run | None = None
    noted: bool = False
    problem: str | None = None

    @property
    def attempt(self) -> int:
        """How often the running test has begun; over 1, it is a rerun after a failure."""
        return 1 if self.item is None else max(1, self.attempts[self.item.nodeid])

    def rerun(self) -> str | None:
        """Return the name of the rerun that the running test is in; None in its first attempt."""
        if self.item is None or self.attempt == 1:
            return None
        return f"{self.item.nodeid} {self.attempt}"


STATE = pytest.StashKey[State]()
SUITE = "pytest_failcond.suite"
SUBJECTS = ("failcond_classifier", "failcond_images", "failcond_generator", "failcond_judge")
"""The fixtures of the subjects."""


def from_suite(item: object) -> bool:
    """Whether a test is one of the suite's, in any module that imports it."""
    return getattr(getattr(item, "function", None), "__module__", None) == SUITE


class Failed(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """A failed test, with its sentence.

    Attributes:
        faults: the parts of the sentence that may fail other tests too.
        brief: a few characters for the line of the short summary; node IDs leave little room.
    """

    __module__ = "builtins"  # like pytest's own: summaries then read "Failed: …"

    def __init__(self, sentence: str, faults: Sequence[str], brief: str) -> None:
        super().__init__(lines(sentence), pytrace=False)
        self.faults = tuple(map(lines, faults))
        self.brief = one_line(brief)


def fail(sentence: str, faults: Sequence[str] | None = None, brief: str = "") -> NoReturn:
    """Fail the running test with one sentence, or a line each, without the chain of errors behind it.

    Args:
        sentence: the failure.
        faults: the parts of it to report once in a session; default the whole sentence.
        brief: the same in a few characters, for the short summary.
    """
    raise Failed(sentence, [sentence] if faults is None else faults, brief) from None

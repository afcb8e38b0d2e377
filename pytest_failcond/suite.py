"""Ready-made tests. In a test module: ``from pytest_failcond.suite import *``.

Each is generated for the entries of the configuration, and for none if there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failcond.plugin.session import Failcond
    from pytest_failcond.probes.combination import Combination
    from pytest_failcond.probes.corruption import CorruptionCell
    from pytest_failcond.probes.direction import CornerCase
    from pytest_failcond.probes.keys import Key

__all__ = [
    "test_clean",
    "test_combination",
    "test_corner_case",
    "test_corpus",
    "test_corruption",
    "test_gate",
    "test_probe",
    "test_regression",
]


def test_clean(failcond: Failcond) -> None:
    """The test images, uncorrupted."""
    failcond.check("clean")


def test_corruption(failcond: Failcond, failcond_corruption: CorruptionCell) -> None:
    """The test images under one corruption at one severity."""
    failcond.check(failcond_corruption.key)


def test_corner_case(failcond: Failcond, failcond_corner_case: CornerCase) -> None:
    """A direction along which the classifier loses a class fastest."""
    failcond.check(failcond_corner_case.key)


def test_combination(failcond: Failcond, failcond_combination: Combination) -> None:
    """The nearest wrong images of a class, along several directions at once."""
    failcond.check(failcond_combination.key)


def test_corpus(failcond: Failcond, failcond_corpus: str) -> None:
    """An image of the corpus: an earlier corner case."""
    failcond.check_corpus(failcond_corpus)


def test_gate(failcond: Failcond, failcond_gate: str) -> None:
    """A gate over several keys."""
    failcond.check_gate(failcond_gate)


def test_probe(failcond: Failcond, failcond_probe: Key) -> None:
    """A test that a project's own probe plans."""
    failcond.check(failcond_probe)


def test_regression(failcond: Failcond, failcond_regression: str) -> None:
    """One key against the baseline."""
    failcond.check_regression(failcond_regression)

"""The properties of a test: JUnit files and pytest-html's table show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_failcond.report.need import neediest
from pytest_failcond.verdicts.gates import Check

Property = tuple[str, Any]


def of_class(index: int, classes: Sequence[str]) -> Iterator[Property]:
    """Name a class."""
    yield "failcond_class", classes[index]
    yield "failcond_class_index", index


def of_checks(checks: Sequence[Check], classes: Sequence[str]) -> Iterator[Property]:
    """Give value, bound, threshold and n of a test's gravest check, or of the one closest to
    failing.

    ``failcond_limit`` is the kind of threshold: ``min`` or ``max``.
    """
    if not checks:
        return
    check = neediest(checks)
    if check.class_index is not None:
        yield from of_class(check.class_index, classes)
    yield "failcond_gate", check.gate
    yield "failcond_metric", check.metric
    if check.value is not None:
        yield "failcond_value", check.value
    if check.bound is not None:
        yield "failcond_bound", check.bound
    yield "failcond_threshold", check.threshold
    yield "failcond_limit", "min" if check.keeps_above else "max"
    yield "failcond_n", check.n

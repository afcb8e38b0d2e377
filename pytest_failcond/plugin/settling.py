"""The checks of a test turned into its outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_failcond.plugin import properties
from pytest_failcond.plugin.state import fail
from pytest_failcond.report.need import and_more, few_classes
from pytest_failcond.verdicts.gates import Check, held_against
from pytest_failcond.words.printing import one_line, printable

VERDICT = "failcond_verdict"


def settle(
    checks: Sequence[Check], classes: Sequence[str], strict: bool, tell: Callable[[str, Any], None]
) -> list[Check]:
    """Turn verdicts into the outcome of the running test.

    Args:
        checks: of the test.
        classes: class names by index.
        strict: whether marginal checks, and those not evaluated, fail the test.
        tell: notes a value on the test, by name, for reports.
    """
    for name, value in properties.of_checks(checks, classes):
        tell(name, value)
    binding = [c for c in checks if c.level == "fail" and c.waived is None]
    failing = {"failed", "error"} | ({"marginal", "not_evaluated"} if strict else set())
    failed = [c for c in binding if c.verdict in failing]
    if failed:
        tell(VERDICT, "failed")
        faults = [c.reason for c in failed if c.verdict == "error"]
        fail("\n".join(_said(failed, classes)), faults, _brief(failed, classes))
    idle = [c for c in binding if c.verdict == "not_evaluated"]
    if idle:
        tell(VERDICT, "not_evaluated")
        pytest.skip(one_line(idle[0].reason))
    waived = [c for c in checks if c.level == "fail" and c.waived is not None]
    if waived:
        tell(VERDICT, "waived")
        pytest.xfail(one_line("; ".join(_said(waived, classes))))
    marginal = any(c.verdict == "marginal" for c in binding)
    tell(VERDICT, "marginal" if marginal else "passed")
    return list(checks)


def _said(checks: Sequence[Check], classes: Sequence[str]) -> list[str]:
    """Return the findings of checks, a line each; for a gate by class, of the worst classes."""
    shown, more = few_classes(checks)
    lines = [describe(c, classes) + ("" if c.waived is None else f": {c.waived}") for c in shown]
    return [*lines, and_more(more)] if more else lines


def _brief(checks: Sequence[Check], classes: Sequence[str]) -> str:
    """Return value and threshold of the worst check, and its key if there are several; without a value,
    the reason.
    """
    shown = [check for check in few_classes(checks)[0] if check.value is not None]
    if not shown:
        return checks[0].reason
    worst, several = shown[0], len({check.key for check in checks}) > 1
    of = "" if worst.class_index is None else f" class {classes[worst.class_index]}"
    return f"{held_against(worst)}{f' {worst.key}' if several else ''}{of}"


def describe(check: Check, classes: Sequence[str]) -> str:
    """Return the finding of a check in one line, for the test's failure message."""
    of = "" if check.class_index is None else f", class {classes[check.class_index]!r}"
    bound = "" if check.bound is None else f"bound {check.bound:z.4f}, "
    rest = f" ({bound}n = {check.n})" if check.n else ""
    return printable(
        f"{check.verdict} gate {check.gate!r} on {check.key}{of}: {check.reason}{rest}"
    )

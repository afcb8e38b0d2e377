"""The consistency of a run: no planned key is missing, no check is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.base import Asking, Planned
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.storage.reading import shown
from pytest_failcond.verdicts.plan import checks_of, classes_of_checks, is_about

if TYPE_CHECKING:
    from pytest_failcond.runs.run import Run
    from pytest_failcond.verdicts.gates import Check

Made = tuple[str, str, int | None]
"""A check: its gate, its key, its class."""


def check_agreement(run: Run) -> None:
    """Check that a run has a result, or an error, for every planned key.

    Errors never shrink a gate: a run without one of its checks, measurements or errors is refused.

    Raises:
        ValueError: one is missing.
    """
    _check_corpus(run)
    if run.part is not None:
        if run.gates or run.comparison is not None:
            raise ValueError("gates: a part of a divided run judges nothing")
        return
    try:
        settings = run.configuration
    except FailcondError:
        return  # of another version: the demands of its gates are not known here
    measured = run.records.keys() | run.errors.keys() | run.withheld.keys()
    plan = [PROBES.planned(name, settings) for name in run.planned]
    for planned in plan:
        for key in planned.needs:
            if key not in measured:
                raise ValueError(
                    f"{shown(key)} was planned, but there is neither a result nor an error"
                )
    asking = Asking(settings, run.classes, run.measured)
    for check in run.checks:
        _check_gate(check, asking)
    there = {(c.gate, c.key, c.class_index) for c in run.checks}
    for planned in plan:
        for gate, about, class_index in _expected(planned, asking):
            if (gate, about, class_index) not in there:
                raise ValueError(
                    f"gates: {gate!r} has no check of {shown(about)}, which was planned"
                )


def _check_gate(check: Check, asking: Asking) -> None:
    """Check that the configured gate can make this check."""
    gate = asking.settings.gate(check.gate)
    for name in ("metric", "level", "threshold", "at"):
        if getattr(check, name) != getattr(gate, name):
            raise ValueError(
                f"gates: {name} of {check.gate!r} is {shown(getattr(check, name))} in the check of "
                f"{check.key}, and {getattr(gate, name)!r} in the settings"
            )
    if check.waived is not None and gate.expected_fail is None:
        raise ValueError(
            f"gates: the check of {check.key} is waived, but {gate.id!r} has no waiver"
        )
    if not is_about(gate, check.key, asking):
        raise ValueError(f"gates: {gate.id!r} does not check {check.key}")


def _expected(planned: Planned, asking: Asking) -> Iterator[Made]:
    """Return the checks that a planned test makes."""
    for gate, key in checks_of(planned, asking):
        for class_index in classes_of_checks(gate, asking.class_names):
            yield gate.id, key, class_index


def _check_corpus(run: Run) -> None:
    """Check that the probability of the true class fits the prediction."""
    for entry in run.corpus.entries if run.corpus is not None else ():
        rounding = 1e-4
        least = 1 / len(run.classes) if run.classes else 0.0
        if entry.right and entry.p < least - rounding:
            raise ValueError(f"corpus entry {entry.id}: p = {entry.p} is too little to be right")
        if not entry.right and entry.p > 0.5 + rounding:
            raise ValueError(f"corpus entry {entry.id}: p = {entry.p} is too much to be wrong")

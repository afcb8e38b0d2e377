"""Whether the parts of a run fit together: nothing that was planned is missing, no check is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_failcond.errors import FailcondError
from pytest_failcond.metric_rows import METRICS
from pytest_failcond.plan import (
    checked_keys,
    classes_of_checks,
    gates_for,
    keys_over_cells,
    needed,
    regression_gates,
)
from pytest_failcond.reading import shown

if TYPE_CHECKING:
    from pytest_failcond.gate_settings import GateSettings
    from pytest_failcond.gates import Check
    from pytest_failcond.run import Run
    from pytest_failcond.settings import Settings

Made = tuple[str, str, int | None]
"""A check: its gate, its key, its class."""


def check_agreement(run: Run) -> None:
    """See that a run holds a result, or an error, for everything that was planned.

    Errors never shrink a gate: a run from which a check, a measurement or an error was taken is refused.

    Raises:
        ValueError: something is missing.
    """
    _check_corpus(run)
    if run.part is not None:
        if run.gates or run.comparison is not None:
            raise ValueError("gates: a part of a divided run judges nothing")
        return
    try:
        settings = run.configuration
    except FailcondError:
        return  # of another version: what its gates demanded is not known here
    measured = {*run.measurements, *run.rankings, *run.directions, *run.replays, *run.errors}
    for planned in run.planned:
        for key in needed(planned, settings):
            if key not in measured:
                raise ValueError(
                    f"{shown(key)} was planned, but there is neither a result nor an error"
                )
    for check in run.checks:
        _check_gate(check, settings)
    there = {(c.gate, c.key, c.class_index) for c in run.checks}
    for planned in run.planned:
        for gate, key, class_index in _expected(run, planned):
            if (gate, key, class_index) not in there:
                raise ValueError(f"gates: {gate!r} has no check of {shown(key)}, which was planned")


def _check_gate(check: Check, settings: Settings) -> None:
    """See that a check is one that its gate, as it is configured, can make."""
    gate = settings.gate(check.gate)
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
    about = METRICS[gate.metric].about
    if about == "direction":
        fits = check.key.startswith(("direction:", "corner_case:", "ranking:"))
    else:
        fits = check.key in checked_keys(gate, settings)
    if not fits:
        raise ValueError(f"gates: {gate.id!r} is not about {check.key}")


def _expected(run: Run, planned: str) -> Iterator[Made]:
    """Return the checks that a planned test makes, as `Verdicts.of_planned` makes them."""
    settings, names = run.configuration, run.classes
    kind, _, rest = planned.partition(":")

    def of(gates: list[GateSettings], key: str) -> Iterator[Made]:
        for gate in gates:
            for class_index in classes_of_checks(gate, names):
                yield gate.id, key, class_index

    if kind == "gate":
        gate = settings.gate(rest)
        for key in keys_over_cells(gate, settings):
            yield from of([gate], key)
    elif kind == "regression":
        yield from of(regression_gates(rest, settings), rest)
    elif kind == "corner_case":
        class_index, rank = map(int, rest.split(":"))
        ranking = run.rankings.get(f"ranking:{class_index}")
        ranked = ranking is not None and rank <= len(ranking.directions)
        key = ranking.directions[rank - 1] if ranking is not None and ranked else planned
        about = gates_for(f"ranking:{class_index}", settings, names)
        yield from ((gate.id, key, None) for gate in about)
    elif kind in ("ranking", "direction") and int(rest.split(":")[0]) >= len(names):
        return  # asked for by a test of the user's: there is no such class
    elif not (kind == "corpus" and rest):
        yield from of(gates_for(planned, settings, names), planned)


def _check_corpus(run: Run) -> None:
    """See that the probability of the true class allows it to be the predicted one, or another."""
    for entry in run.corpus.entries if run.corpus is not None else ():
        rounding = 1e-4
        least = 1 / len(run.classes) if run.classes else 0.0
        if entry.right and entry.p < least - rounding:
            raise ValueError(f"corpus entry {entry.id}: p = {entry.p} is too little to be right")
        if not entry.right and entry.p > 0.5 + rounding:
            raise ValueError(f"corpus entry {entry.id}: p = {entry.p} is too much to be wrong")

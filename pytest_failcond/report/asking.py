"""The parts of probes in reports; those of a project's own may raise or return anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from pytest_failcond.probes.base import Probe
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.metric import resolved
from pytest_failcond.probes.registry import OURS, PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.process.exchange import UserCodeError, ask, described
from pytest_failcond.words.blocks import Block, Note, Section
from pytest_failcond.words.outcome import Fault, Outcome

_Made = TypeVar("_Made")


def sections_of(probe: Probe, run: Shown) -> list[Section]:
    """Return the sections of a probe; if it raised, one that says so."""

    def make() -> list[Section]:
        return [_checked(one, Section) for one in resolved(probe.sections)(run)]

    try:
        return _called(probe, "sections", make)
    except UserCodeError as error:
        return [Section(f"Probe {probe.name}", [Note(str(error), "error")])]


def details_of(probe: Probe, run: Shown, key: Key) -> list[Block]:
    """Return the details of a key by a probe; if it raised, a note that says so."""

    def make() -> list[Block]:
        return [_checked(one, *get_args(Block)) for one in resolved(probe.details)(run, key)]

    try:
        return _called(probe, "details", make)
    except UserCodeError as error:
        return [Note(str(error), "error")]


def properties_of(
    probe: Probe, found: object, classes: Sequence[str]
) -> list[tuple[str, str | float]]:
    """Return the properties of a test by its probe.

    Raises:
        UserCodeError: the probe is a project's own, and raised.
    """

    def make() -> list[tuple[str, str | float]]:
        return [(name, value) for name, value in resolved(probe.properties)(found, classes)]

    return _called(probe, "properties", make)


def outcomes(run: Shown) -> dict[str, Outcome]:
    """Return the outcome of each probe, by its name; an error for one that raised."""
    return {probe.name: _outcome_of(probe, run) for probe in PROBES}


def _outcome_of(probe: Probe, run: Shown) -> Outcome:
    def make() -> Outcome:
        made: Outcome = _checked(resolved(probe.outcome)(run), Outcome)
        return made

    try:
        return _called(probe, "outcome", make)
    except UserCodeError as error:
        return Outcome("error", [Fault(f"probe {probe.name}", str(error))])


def _called(probe: Probe, what: str, make: Callable[[], _Made]) -> _Made:
    if probe in OURS:
        return make()
    made: _Made = ask(f"probe {probe.name!r}: {what}", make)
    return made


def _checked(made: Any, *kinds: type) -> Any:
    if not isinstance(made, kinds):
        names = kinds[0].__name__ if len(kinds) == 1 else "block, such as Note or Table"
        raise TypeError(f"got {described(made)}, expected {names}")
    return made

"""The parts of probes in reports; those of a project's own may raise anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pytest_failcond.probes.base import Probe
from pytest_failcond.probes.metric import resolved
from pytest_failcond.probes.registry import OURS, PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.process.exchange import UserCodeError, ask
from pytest_failcond.words.outcome import Fault, Outcome


def listed(
    probe: Probe, what: Literal["sections", "details", "properties"], *arguments: Any
) -> list[Any]:
    """Return what a probe yields: sections, details of a key, or properties of a test.

    Raises:
        UserCodeError: the probe is a project's own, and its function raised.
    """
    function = resolved(getattr(probe, what))
    made: list[Any] = _called(probe, what, lambda: [*function(*arguments)])
    return made


def outcomes(run: Shown) -> dict[str, Outcome]:
    """Return the outcome of each probe, by its name; an error for one that raised."""
    found = {}
    for probe in PROBES:
        try:
            found[probe.name] = _called(probe, "outcome", resolved(probe.outcome), run)
        except UserCodeError as error:
            found[probe.name] = Outcome("error", [Fault(f"probe {probe.name}", str(error))])
    return found


def _called(probe: Probe, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    if probe in OURS:
        return function(*arguments)
    return ask(f"probe {probe.name!r}: {what}", function, *arguments)

"""Which gates are refused when the configuration is read. Pure.

A gate must select configured entries, and some results must fail it and some not: it is refused if
no result that the configuration can give fails it, or if every one does. A marginal result is not a
failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_failcond.config.combination_settings import EVERY
from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.probes.metric import Asked, Reach
from pytest_failcond.probes.registry import METRICS, PROBES

if TYPE_CHECKING:
    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings


def check_gate(gate: GateSettings, settings: Settings) -> None:
    """Check that a gate selects something, and that some results fail it and some do not.

    Raises:
        ValueError: it does not; the text is one sentence.
    """
    _check_selection(gate, settings)
    metric, asked = METRICS[gate.metric], _asked(gate, settings)
    if metric.at is not None and gate.at is not None and not metric.at.fits(asked, gate.at):
        raise ValueError(
            f"gate {gate.id!r}: at = {gate.at:zg}: 'at' of metric {gate.metric!r} is "
            f"{metric.at.what(asked)}"
        )
    _check_min_n(gate, settings)
    check_reach(gate, metric.reach(asked))


def check_gate_classes(settings: Settings, names: tuple[str, ...]) -> None:
    """Check that the classes of gates and searches exist, if the configuration does not name the classes.

    Raises:
        FailcondError: a gate or a search names an unknown class.
    """
    known = set(names)
    if settings.combinations and (why := settings.combinations.unknown(names)):
        raise FailcondError(why)
    for gate in settings.gates:
        for name in (*(gate.classes or ()), *(gate.toward or ())):
            if name not in known:
                raise FailcondError(
                    f"gate {gate.id!r} selects nothing: there is no class {name!r}"
                    f"{nearest(name, names)}"
                )


def check_reach(gate: GateSettings, reach: Reach) -> None:
    """Refuse a gate that no value in reach fails, or that every one does.

    Raises:
        ValueError: it is such a gate.
    """
    best, worst = reach.lowest, reach.highest
    if gate.keeps_above:
        best, worst = worst, best
    if gate.holds(worst):
        why = "never fails"
    elif not reach.beyond and not gate.holds(best):
        why = "fails on every result"
    else:
        return
    side, low, high = METRICS[gate.metric].good, f"{reach.lowest:g}", f"{reach.highest:g}"
    if side == "min":
        fits = f"over {low}" + ("" if reach.beyond else f" and at most {high}")
    else:
        fits = f"at least {low} and under {high}"
    raise ValueError(
        f"gate {gate.id!r}: {side} = {gate.threshold:zg} {why}, because {gate.metric!r} is "
        f"{reach.what}; give a {side} {fits}, like {reach.example:g}"
    )


def _asked(gate: GateSettings, settings: Settings) -> Asked:
    grid = settings.corruptions
    severities = gate.severities or (() if grid is None else grid.severities)
    search = settings.combinations
    return Asked(
        tuple(sorted(severities)),
        settings.corner_cases.max_shift,
        gate.at,
        0.0 if search is None else search.max_distance,
    )


def _check_min_n(gate: GateSettings, settings: Settings) -> None:
    """Refuse a least number of images above all images: every check would be an error."""
    limit = PROBES.of_metric(gate.metric).most(settings)
    if gate.min_n is None or limit is None:
        return
    most, key = limit
    if gate.min_n > most:
        raise ValueError(
            f"gate {gate.id!r}: min_n = {gate.min_n} fails on every result, because {key} allows "
            f"at most {most} images; lower min_n, or raise {key}"
        )


def _check_selection(gate: GateSettings, settings: Settings) -> None:
    metric, grid = METRICS[gate.metric], settings.corruptions
    # If no cells are selected, the clean images are compared with the baseline as well.
    chosen = gate.corruptions is not None or gate.severities is not None
    needs_cells = "corruptions" in metric.selectors and (chosen or not metric.needs_baseline)
    if needs_cells and grid is None:
        raise ValueError(
            f"gate {gate.id!r} selects nothing: there is no {settings.table('corruptions')}"
        )
    if missing := PROBES.of_metric(gate.metric).missing(settings):
        raise ValueError(f"gate {gate.id!r} selects nothing: {missing}")
    if metric.needs_reference and (grid is None or grid.reference is None):
        raise ValueError(
            f"gate {gate.id!r}: metric {gate.metric!r} compares with a reference; set "
            f'reference = "run.json", a run file, in {settings.table("corruptions")}'
        )
    _check_names(gate, "classes", settings.classes or ())
    if gate.toward is not None:
        _check_toward(gate, gate.toward, settings)
    if grid is not None:
        _check_names(gate, "corruptions", grid.names)
        _check_names(gate, "severities", grid.severities)


def _check_toward(gate: GateSettings, toward: Sequence[str], settings: Settings) -> None:
    """Refuse a gate on pairs of classes that are not searched."""
    search = settings.combinations
    searched = () if search is None else search.toward
    if not searched:
        raise ValueError(
            f"gate {gate.id!r} selects nothing: no class is searched towards another; set toward = "
            f"{list(toward)!r} in {settings.table('combinations')}"
        )
    _check_names(gate, "toward", settings.classes or () if searched == EVERY else searched)
    if len(toward) == 1 and gate.classes == tuple(toward):
        raise ValueError(
            f"gate {gate.id!r} selects nothing: class {toward[0]!r} is not searched towards itself; name "
            "another class"
        )


def _check_names(gate: GateSettings, selector: str, known: Sequence[Any]) -> None:
    there = set(known)
    for value in getattr(gate, selector) or ():
        if there and value not in there:
            raise ValueError(
                f"gate {gate.id!r} selects nothing: {selector} {value!r} is not configured"
                f"{nearest(str(value), map(str, known))}"
            )

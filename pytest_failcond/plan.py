"""Which gates are about which keys, and how many checks that makes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_failcond.gate_settings import GateSettings
from pytest_failcond.keys import CleanKey, CorpusKey, CorruptionKey, parse_key
from pytest_failcond.metric_rows import METRICS
from pytest_failcond.settings import Settings

MEAN_KEY = "corruptions"
"""Stands for all selected cells together, as the key of a check over several of them."""


def is_per_key(gate: GateSettings) -> bool:
    """Whether the gate gives checks of single keys, made by those keys' tests."""
    return METRICS[gate.metric].about not in ("several cells", "corpus")


def keys_over_cells(gate: GateSettings, settings: Settings) -> list[str]:
    """Return the keys of the checks of a gate over several cells: their mean, or each row.

    The images of the corpus are measured, and checked, together.
    """
    if METRICS[gate.metric].about == "corpus":
        return [str(CorpusKey())]
    if gate.metric != "crossing_severity":
        return [MEAN_KEY]
    rows = (cell.rpartition(":")[0] for cell in cells_of(gate, settings))
    return list(dict.fromkeys(rows))


def cells_of(gate: GateSettings, settings: Settings) -> list[str]:
    """Return the keys of the corruption cells that a gate selects."""
    grid = settings.corruptions
    if grid is None:
        return []
    names = gate.corruptions or grid.names
    severities = gate.severities or grid.severities
    return [str(CorruptionKey(name, severity)) for name in names for severity in severities]


def compared_keys(gate: GateSettings, settings: Settings) -> list[str]:
    """Return the keys on which a gate compares with the baseline.

    All that is measured on the test images; the cells alone where the gate selects among them.
    """
    clean = ["clean"] if gate.corruptions is None and gate.severities is None else []
    return clean + cells_of(gate, settings)


def gates_for(key: str, settings: Settings, class_names: Sequence[str]) -> list[GateSettings]:
    """Return the gates that check this key by itself, in the configuration's order."""
    parsed = parse_key(key)
    chosen = []
    for gate in settings.gates:
        about = METRICS[gate.metric].about
        if isinstance(parsed, CleanKey):
            applies = about == "clean"
        elif isinstance(parsed, CorpusKey):
            applies = about == "corpus"
        elif isinstance(parsed, CorruptionKey):
            applies = about == "cell" and key in cells_of(gate, settings)
        else:
            named = class_names[parsed.class_index] if gate.classes else None
            applies = about == "direction" and (gate.classes is None or named in gate.classes)
        if applies:
            chosen.append(gate)
    return chosen


def regression_gates(key: str, settings: Settings) -> list[GateSettings]:
    """Return the gates that compare this key by itself with the baseline."""
    return [
        gate
        for gate in settings.gates
        if METRICS[gate.metric].about == "baseline" and key in compared_keys(gate, settings)
    ]


def classes_of_checks(
    gate: GateSettings, class_names: Sequence[str]
) -> tuple[int, ...] | tuple[None]:
    """Return the classes that a gate checks one by one, by index; (None,) where it does not."""
    if not gate.by_class:
        return (None,)
    if gate.classes is None:
        return tuple(range(len(class_names)))
    chosen = set(gate.classes)
    return tuple(index for index, name in enumerate(class_names) if name in chosen)


def number_of_checks(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> int:
    """Return how many checks a gate makes in a whole run, for the correction of `certain`."""
    if METRICS[gate.metric].about == "direction":
        return max(1, len(gate.classes or class_names) * settings.corner_cases.top)
    return max(1, len(checked_keys(gate, settings)) * len(classes_of_checks(gate, class_names)))


def checked_keys(gate: GateSettings, settings: Settings) -> list[str]:
    """Return the keys of the checks of a gate that is not about directions, which rankings name."""
    keys: dict[str, Callable[[GateSettings, Settings], list[str]]] = {
        "clean": lambda gate, settings: ["clean"],
        "cell": cells_of,
        "several cells": keys_over_cells,
        "corpus": keys_over_cells,
        "baseline": compared_keys,
    }
    return keys[METRICS[gate.metric].about](gate, settings)


def needed(planned: str, settings: Settings) -> list[str]:
    """Return the keys that a planned test needs measured."""
    kind, _, rest = planned.partition(":")
    if kind == "corner_case":
        return [f"ranking:{rest.partition(':')[0]}"]
    if kind == "regression":
        return [rest]
    if kind == "corpus":
        return [kind]
    if kind != "gate":
        return [planned]
    gate = settings.gate(rest)
    if METRICS[gate.metric].about == "corpus":
        return ["corpus"]
    if METRICS[gate.metric].needs_baseline:
        return compared_keys(gate, settings)
    clean = ["clean"] if gate.metric == "relative_mce" else []
    return clean + cells_of(gate, settings)


def unit_of(planned: str) -> str | None:
    """Return the measurement, not to be divided, that a planned test asks for or a key belongs to.

    A class is ranked and its directions are walked together, and the images of the corpus are
    classified together. Gates and comparisons only read; None.
    """
    kind, _, rest = planned.partition(":")
    if kind == "regression" and rest.startswith("direction:"):
        return unit_of(rest)
    if kind in ("corner_case", "direction"):
        return f"ranking:{rest.partition(':')[0]}"
    if kind == "corpus":
        return kind
    return None if kind in ("gate", "regression") else planned


def share_of(planned: Sequence[str], part: tuple[int, int]) -> set[str]:
    """Return the measurements of the i-th of n parts of a plan: every n-th, from the i-th on."""
    units = dict.fromkeys(unit for entry in planned if (unit := unit_of(entry)) is not None)
    return set(list(units)[part[0] - 1 :: part[1]])

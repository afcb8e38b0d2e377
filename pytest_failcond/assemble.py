"""Store → run: what was measured and checked, against what was planned."""

from __future__ import annotations

from pathlib import Path

from pytest_failcond.gates import Check, cells_of, gates_for, note_idle_waiver, unmeasured
from pytest_failcond.measurements import ClassRanking, Direction, Measurement, unpack
from pytest_failcond.run import GateResult, Run
from pytest_failcond.settings import Settings
from pytest_failcond.store import Store

PLAN = "plan"
_MISSING = "was planned, but its test did not come to an end"


def assemble(store_folder: Path, settings: Settings, classes: tuple[str, ...] | None) -> Run | None:
    """Make the run from a store; None if no test of the session asked for anything.

    What was planned and is not there becomes an error: it never shrinks the run silently.
    """
    store = Store(store_folder)
    session = store.find("session")
    if session is None or "error" in session:
        return None
    labels = unpack(session["labels"])
    errors: dict[str, str] = {}
    measurements: dict[str, Measurement] = {}
    rankings: dict[str, ClassRanking] = {}
    directions: dict[str, Direction] = {}
    for name, record in store.records(""):
        kind = name.partition(":")[0]
        if "error" in record and kind != "check":
            errors[name.removeprefix("missing:")] = record["error"]
        elif kind in ("clean", "corruption"):
            measurements[name] = Measurement.from_json(record, labels)
        elif kind == "ranking":
            rankings[name] = ClassRanking.from_json(record)
        elif kind == "direction":
            directions[name] = Direction.from_json(record)
    names = classes or _numbered(measurements, rankings)
    checks = {
        (record["gate"], record["key"]): Check(**record) for _, record in store.records("check:")
    }
    for planned in (store.find(PLAN) or {}).get("plan", []):
        _account(planned, settings, names, measurements, rankings, errors, checks)
    return Run(
        environment=session["environment"],
        subjects=session["subjects"],
        settings=settings.model_dump(mode="json", exclude={"gates", "folder"}),
        classes=names,
        labels=labels,
        measurements={key: measurements[key] for key in _grid_order(settings, measurements)},
        rankings=dict(sorted(rankings.items(), key=lambda entry: entry[1].class_index)),
        directions=dict(
            sorted(directions.items(), key=lambda e: (e[1].class_index, e[1].rank or 999, e[0]))
        ),
        errors=errors,
        gates=tuple(
            GateResult(gate.id, gate.metric, gate.level, tuple(note_idle_waiver(gate, found)))
            for gate in settings.gates
            if (found := _in_order([c for (g, _), c in checks.items() if g == gate.id], settings))
        ),
        pictures=store.pictures if store.pictures.is_dir() else None,
    )


def _account(
    planned: str,
    settings: Settings,
    names: tuple[str, ...],
    measurements: dict[str, Measurement],
    rankings: dict[str, ClassRanking],
    errors: dict[str, str],
    checks: dict[tuple[str, str], Check],
) -> None:
    """See that a planned test left its measurement and its checks; else note the error."""
    kind, _, rest = planned.partition(":")
    if kind in ("clean", "corruption"):
        there, key, gates = planned in measurements, planned, gates_for(planned, settings, names)
    elif kind == "corner_case":
        class_index = rest.split(":")[0]
        key = f"ranking:{class_index}"
        there, gates = key in rankings, gates_for(key, settings, names)
    elif kind == "gate":
        there, key, gates = any(g == rest for g, _ in checks), rest, [settings.gate(rest)]
    else:  # regression: a check of its own
        key = rest
        gates = [g for g in settings.gates if g.metric == "regression_drop"]
        there = all((g.id, key) in checks for g in gates)
    if not there:
        reason = errors.setdefault(key, _MISSING)
        for gate in gates:
            checks.setdefault((gate.id, key), unmeasured(gate, key, reason))


def _numbered(
    measurements: dict[str, Measurement], rankings: dict[str, ClassRanking]
) -> tuple[str, ...]:
    count = max([m.classes for m in measurements.values()], default=0)
    count = max([count, *(r.class_index + 1 for r in rankings.values())])
    return tuple(map(str, range(count)))


def _grid_order(settings: Settings, measurements: dict[str, Measurement]) -> list[str]:
    """Return the keys as the configuration orders its corruptions, others last."""
    grid = settings.corruptions
    rows = list(grid.names) if grid else []

    def place(key: str) -> tuple[int, str]:
        name = key.split(":")[1] if ":" in key else ""
        return (-1 if key == "clean" else rows.index(name) if name in rows else len(rows), key)

    return sorted(measurements, key=place)


def _in_order(checks: list[Check], settings: Settings) -> list[Check]:
    """Sort a gate's checks as its cells stand in the configuration, others by key."""
    if not checks:
        return []
    order = cells_of(settings.gate(checks[0].gate), settings)
    return sorted(checks, key=lambda c: (order.index(c.key) if c.key in order else -1, c.key))

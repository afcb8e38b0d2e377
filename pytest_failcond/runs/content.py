"""The content of a run file: a run as JSON, and back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.corpus.record import Replay
from pytest_failcond.probes.direction.fit import Fitness, fitness_of
from pytest_failcond.probes.direction.record import ClassRanking, Direction
from pytest_failcond.probes.keys import CorpusKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.regression.record import Comparison
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.runs.beside import Beside
from pytest_failcond.runs.run_file.whole import SCHEMA
from pytest_failcond.storage.packing import check_size, pack, unpack
from pytest_failcond.verdicts.gates import Check, GateResult

if TYPE_CHECKING:
    from pytest_failcond.runs.run import Run

_WIDE = "<u4"


def digest(content: dict[str, Any]) -> str:
    """Return the hash of a run file's content, whatever its layout."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def content_of(run: Run) -> dict[str, Any]:
    """Return the content of the run file."""
    fitness, combined = fitness_of(run.records), run.combinations
    ours = {*run.measurements, *run.rankings, *run.directions, *combined, CorpusKey()}
    ours |= {found.key for found in fitness}
    others = [
        {"key": key, "record": record.to_json()}
        for key, record in run.records.items()
        if key not in ours
    ]
    return {
        "schema": SCHEMA,
        "environment": run.environment,
        "subjects": run.subjects,
        "settings": run.settings,
        "classes": list(run.classes),
        "labels": pack(run.labels),
        "kept": None if run.kept is None else pack(run.kept, _WIDE),
        "part": None if run.part is None else list(run.part),
        **({"beside": run.beside.to_json()} if run.beside else {}),
        "planned": list(run.planned),
        "measurements": [m.to_json() for m in run.measurements.values()],
        "rankings": [r.to_json() for r in run.rankings.values()],
        "directions": [d.to_json() for d in run.directions.values()],
        **({"combinations": [c.to_json() for c in combined.values()]} if combined else {}),
        **({"fitness": [found.to_json() for found in fitness]} if fitness else {}),
        "corpus": None if run.corpus is None else run.corpus.to_json(),
        **({"records": others} if others else {}),
        "errors": _listed(run.errors),
        **({"withheld": _listed(run.withheld)} if run.withheld else {}),
        "gates": [
            {
                "id": gate.id,
                "metric": gate.metric,
                "level": gate.level,
                "verdict": gate.verdict,
                "checks": [vars(check) for check in gate.checks],
            }
            for gate in run.gates
        ],
        "notes": list(run.notes),
        "comparison": None if run.comparison is None else run.comparison.to_json(),
    }


def _listed(sentences: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "error": text} for key, text in sentences.items()]


def fields_of(data: dict[str, Any], pictures: Path) -> dict[str, Any]:
    """Return the fields of a run from content that the typed reader has accepted."""
    labels = unpack(data["labels"])
    check_size(labels, data["measurements"])
    records: list[Any] = [
        Measurement.from_json(PROBES.parse(m["key"]), m, labels) for m in data["measurements"]
    ]
    records += [ClassRanking.from_json(r) for r in data["rankings"]]
    records += [Direction.from_json(d) for d in data["directions"]]
    records += [Combined.from_json(c) for c in data.get("combinations", ())]
    records += [Fitness.from_json(f) for f in data.get("fitness", ())]
    # Runs from before the corpus can still be baselines.
    records += [Replay.from_json(data["corpus"])] if data.get("corpus") else []
    found = {record.key: record for record in records}
    for entry in data.get("records", ()):
        key = PROBES.read_key(entry["key"])
        found[key] = PROBES.read(key, entry["record"], labels)
    gates = [
        GateResult(g["id"], g["metric"], g["level"], tuple(_check(c) for c in g["checks"]))
        for g in data["gates"]
    ]
    return {
        "environment": data["environment"],
        "subjects": data["subjects"],
        "settings": data["settings"],
        "classes": tuple(data["classes"]),
        "labels": labels,
        "records": found,
        "planned": tuple(data["planned"]),
        "comparison": None
        if data["comparison"] is None
        else Comparison.from_json(data["comparison"], PROBES.parse),
        "kept": None if data["kept"] is None else unpack(data["kept"], _WIDE, count=len(labels)),
        "part": None if data["part"] is None else (data["part"][0], data["part"][1]),
        "beside": Beside.from_json(data["beside"]) if data.get("beside") else None,
        "errors": {e["key"]: e["error"] for e in data["errors"]},
        "withheld": {e["key"]: e["error"] for e in data.get("withheld", ())},
        "gates": tuple(gates),
        "notes": tuple(data.get("notes", ())),
        "pictures": pictures if pictures.is_dir() else None,
        # Earlier runs have no hashes.
        "hashes": data.get("pictures", {}),
    }


def _check(data: dict[str, Any]) -> Check:
    return Check(**data | {"key": PROBES.read_key(data["key"])})

"""The run: everything that one session measured and decided, on what and with what.

One JSON file, ``PATH``, and a folder of pictures, ``PATH.files/``.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.files import write_atomically
from pytest_failcond.gates import Check, VerdictName, worst
from pytest_failcond.measurements import ClassRanking, Direction, Measurement, pack, unpack

SCHEMA = 1


@dataclass(frozen=True)
class GateResult:
    """A gate and its checks; its verdict is the gravest of theirs."""

    id: str
    metric: str
    level: str
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> VerdictName:
        """The gravest verdict of the checks that are not waived."""
        return worst(check.verdict for check in self.checks if check.waived is None)


@dataclass(frozen=True, eq=False)
class Run:
    """A run, as kept and shown.

    Attributes:
        environment: versions, device, threads, date.
        subjects: hashes of classifier, judge, generator and images.
        settings: the configuration that it was made with.
        classes: class names by index.
        labels: true class of every test image, int ``[N]``.
        measurements: clean and corrupted cells by key.
        rankings: by key, in the order of the classes.
        directions: by key.
        errors: key → why it could not be measured.
        gates: those that were checked.
        pictures: the folder of the pictures that directions name, if there is one.
    """

    environment: dict[str, Any]
    subjects: dict[str, Any]
    settings: dict[str, Any]
    classes: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    measurements: dict[str, Measurement]
    rankings: dict[str, ClassRanking]
    directions: dict[str, Direction]
    errors: dict[str, str] = field(default_factory=dict)
    gates: tuple[GateResult, ...] = ()
    pictures: Path | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # as of any dataclass that compares arrays

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks of all gates."""
        return tuple(check for gate in self.gates for check in gate.checks)

    def picture(self, file: str) -> bytes | None:
        """Return a picture's bytes (PNG), or None where the run was kept without."""
        if self.pictures is None or Path(file).name != file:  # a run file may come from anywhere
            return None
        path = self.pictures / file
        return path.read_bytes() if path.is_file() else None

    def save(self, path: str | os.PathLike[str], *, pictures: bool = True) -> None:
        """Write the run file atomically, and its pictures beside it.

        Raises:
            FailcondError: the place cannot be written; an older run there is left as it was.
        """
        target = Path(path)
        folder = target.with_name(f"{target.name}.files")
        staged = target.with_name(f".{folder.name}.{os.getpid()}")
        text = json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n"
        named = (
            {direction.strip.file for direction in self.directions.values()} if pictures else set()
        )
        try:
            for name in sorted(named):
                content = self.picture(name)
                if content is not None:
                    write_atomically(staged / name, content)
            write_atomically(target, text)
            _replace_pictures(folder, staged)
        except OSError as error:
            raise FailcondError(
                f"{folder}: cannot be written ({error.strerror or error})"
            ) from error
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def to_json(self) -> dict[str, Any]:
        """Return the content of the run file."""
        return {
            "schema": SCHEMA,
            "environment": self.environment,
            "subjects": self.subjects,
            "settings": self.settings,
            "classes": list(self.classes),
            "labels": pack(self.labels),
            "measurements": [m.to_json() for m in self.measurements.values()],
            "rankings": [r.to_json() for r in self.rankings.values()],
            "directions": [d.to_json() for d in self.directions.values()],
            "errors": [{"key": key, "error": text} for key, text in self.errors.items()],
            "gates": [
                {
                    "id": gate.id,
                    "metric": gate.metric,
                    "level": gate.level,
                    "verdict": gate.verdict,
                    "checks": [vars(check) for check in gate.checks],
                }
                for gate in self.gates
            ],
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Run:
        """Read a run file.

        Raises:
            FailcondError: it is missing, damaged, or of a newer schema.
        """
        where = Path(path)
        try:
            data = json.loads(where.read_text(encoding="utf-8"))
            schema = data["schema"]
        except OSError as error:
            raise FailcondError(f"{where}: cannot be read ({error.strerror or error})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FailcondError(f"{where}: not a run file of pytest-failcond") from error
        if schema != SCHEMA:
            raise FailcondError(
                f"{where}: written with schema {schema!r}, this version reads {SCHEMA}; "
                "update pytest-failcond"
            )
        try:
            return cls._from_json(data, where.with_name(where.name + ".files"))
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
            raise FailcondError(f"{where}: damaged ({type(error).__name__}: {error})") from error

    @classmethod
    def _from_json(cls, data: dict[str, Any], pictures: Path) -> Run:
        labels = unpack(data["labels"])
        measurements = [Measurement.from_json(m, labels) for m in data["measurements"]]
        rankings = [ClassRanking.from_json(r) for r in data["rankings"]]
        directions = [Direction.from_json(d) for d in data["directions"]]
        gates = [
            GateResult(g["id"], g["metric"], g["level"], tuple(Check(**c) for c in g["checks"]))
            for g in data["gates"]
        ]
        return cls(
            environment=data["environment"],
            subjects=data["subjects"],
            settings=data["settings"],
            classes=tuple(data["classes"]),
            labels=labels,
            measurements={m.key: m for m in measurements},
            rankings={r.key: r for r in rankings},
            directions={d.key: d for d in directions},
            errors={e["key"]: e["error"] for e in data["errors"]},
            gates=tuple(gates),
            pictures=pictures if pictures.is_dir() else None,
        )


def _replace_pictures(folder: Path, staged: Path) -> None:
    """Put staged pictures in the place of those of an older run."""
    new = sorted(staged.iterdir()) if staged.is_dir() else []
    if new:
        folder.mkdir(parents=True, exist_ok=True)
    for picture in new:
        picture.replace(folder / picture.name)
    if folder.is_dir():
        names = {picture.name for picture in new}
        for left_over in folder.glob("*.png"):
            if left_over.name not in names:
                left_over.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()

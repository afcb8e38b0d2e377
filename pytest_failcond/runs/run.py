"""The run: everything that one session measured and decided, on what and with what.

One JSON file, ``PATH``, and a folder of pictures, ``PATH.files/``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError, NotEvaluated
from pytest_failcond.probes.combination.record import Combined, combined_in
from pytest_failcond.probes.corpus.record import Replay, replay_in
from pytest_failcond.probes.direction.record import (
    ClassRanking,
    Direction,
    directions_in,
    rankings_in,
)
from pytest_failcond.probes.keys import (
    CleanKey,
    CombinationKey,
    Key,
)
from pytest_failcond.probes.regression.record import Comparison
from pytest_failcond.records.measurements import Measurement, measurements_in
from pytest_failcond.runs.beside import Beside
from pytest_failcond.runs.content import content_of, digest, fields_of
from pytest_failcond.runs.run_file.agreement import check_agreement
from pytest_failcond.runs.run_file.whole import SCHEMA, RunRecord
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.locks import lock_path
from pytest_failcond.storage.outputs import is_file, pictures_folder
from pytest_failcond.storage.pictures import checked, placed, remove, renamed
from pytest_failcond.storage.reading import read_json, sentence_of, shown, validate
from pytest_failcond.verdicts.gates import Check, GateResult
from pytest_failcond.verdicts.plan import number_of_checks
from pytest_failcond.words.remarks import Remark, remarks_of

_SOURCE = "`pytest --failcond-json=PATH` makes a run"


@dataclass(frozen=True, eq=False)
class Run:
    """A run, as kept and shown.

    Attributes:
        environment: versions, device, threads, date, git commit.
        subjects: hashes of classifier, judge, generator and images, specification of corruptions.
        settings: the configuration that it was made with, its gates too.
        classes: class names by index.
        labels: true class of every test image, int ``[N]``.
        planned: the tests of the session: ``clean``, ``corner_case:8:1``, ``gate:ID``, ….
        records: the measurements, by key, in the order in which they are shown.
        errors: key → the reason why it could not be measured.
        withheld: key → the reason why it was not measured, though nothing failed.
        gates: the checked gates.
        notes: gates that not even a perfect result would pass on so few images, a sentence each.
        comparison: with the baseline, if there is one.
        kept: indices of the test images in the user's set, if ``max_images`` left some out.
        part: (i, n) of a run that measured the i-th of n parts of the plan.
        beside: what was measured for the comparison with a baseline alone.
        pictures: the folder of the pictures that it names, if there is one.
        hashes: SHA-256 of the run's pictures by file name.
    """

    environment: dict[str, Any]
    subjects: dict[str, Any]
    settings: dict[str, Any]
    classes: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    records: dict[Key, Any]
    planned: tuple[str, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)
    gates: tuple[GateResult, ...] = ()
    notes: tuple[str, ...] = ()
    comparison: Comparison | None = None
    kept: npt.NDArray[np.int64] | None = None
    part: tuple[int, int] | None = None
    beside: Beside | None = None
    pictures: Path | None = None
    hashes: dict[str, str] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # as of any dataclass that compares arrays

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """All checks of all gates."""
        return tuple(check for gate in self.gates for check in gate.checks)

    @cached_property
    def checks_by_key(self) -> dict[str, list[Check]]:
        """The same by their key."""
        found: dict[str, list[Check]] = {}
        for check in self.checks:
            found.setdefault(check.key, []).append(check)
        return found

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """Index of every test image in the user's set, int ``[N]``."""
        return np.arange(len(self.labels)) if self.kept is None else self.kept

    @cached_property
    def configuration(self) -> Settings:
        """The settings, validated again.

        Raises:
            FailcondError: this version does not know them.
        """
        try:
            return Settings.model_validate_json(json.dumps(self.settings))
        except ValidationError as error:
            told = sentence_of(error, self.settings)
            raise FailcondError(
                f"the run's settings are not valid in this version: {told}; make a new run"
            ) from error

    @cached_property
    def demanded(self) -> dict[str, int]:
        """How many checks each gate of the configuration makes in a whole run.

        Empty if this version does not know these settings: the gates were judged then.
        """
        try:
            settings = self.configuration
        except FailcondError:
            return {}
        return {g.id: number_of_checks(g, settings, self.classes) for g in settings.gates}

    def measured(self, key: Key) -> Any:
        """Return the record of a key.

        Raises:
            FailcondError: it could not be measured, or was not.
        """
        if key in self.records:
            return self.records[key]
        if key in self.withheld:
            raise NotEvaluated(self.withheld[key])
        raise FailcondError(self.errors.get(key, f"{key} was not measured"))

    @cached_property
    def measurements(self) -> dict[Key, Measurement]:
        """Predictions on the test images, clean and by cell."""
        return measurements_in(self.records)

    @property
    def clean(self) -> Measurement | None:
        """The uncorrupted test images, if they were measured."""
        return self.records.get(CleanKey())

    @cached_property
    def rankings(self) -> dict[Key, ClassRanking]:
        """Rankings of the classes' directions."""
        return rankings_in(self.records)

    @cached_property
    def directions(self) -> dict[Key, Direction]:
        """Walks along directions."""
        return directions_in(self.records)

    @cached_property
    def combinations(self) -> dict[CombinationKey, Combined]:
        """Combined corner cases."""
        return combined_in(self.records)

    @property
    def corpus(self) -> Replay | None:
        """The classifier's predictions on the corpus, if there is one."""
        return replay_in(self.records)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """The remarks on the models; runs of earlier versions have none."""
        return remarks_of(self.environment.get("remarks", ()))

    @property
    def strict(self) -> bool:
        """Whether checks that are marginal or not evaluated failed their tests."""
        return bool(self.environment.get("strict"))

    @property
    def picture_files(self) -> set[str]:
        """Names of all its pictures."""
        examples = [r.examples for r in self.records.values() if isinstance(r, Measurement)]
        for entry in self.comparison.keys if self.comparison is not None else ():
            examples += [entry.lost_examples, entry.gained_examples]
        files = {direction.strip.file for direction in self.directions.values()}
        files |= {d.where.file for d in self.directions.values() if d.where is not None}
        files |= {file for found in self.combinations.values() for file in found.files}
        files |= {e.picture for e in self.corpus.entries if e.picture} if self.corpus else set()
        files |= self.beside.files if self.beside else set()
        return files | {found.file for found in examples if found is not None}

    def picture(self, file: str) -> bytes | None:
        """Return a picture's bytes (PNG), or None if the run was kept without it.

        Raises:
            FailcondError: its content has changed.
        """
        return checked(self.pictures, file, self.hashes)

    def save(self, path: str | os.PathLike[str], *, pictures: bool = True) -> None:
        """Write the run file atomically, and its pictures beside it.

        Raises:
            FailcondError: the place cannot be written; an older run there is unchanged.
        """
        target = Path(path)
        folder = pictures_folder(target)
        # A device or a pipe has no pictures beside it.
        named = sorted(self.picture_files) if pictures and is_file(target) else []
        with lock_path(target):  # another session's pictures must not mix with this run
            older = _pictures_of(target)
            with placed(folder, named, self.picture) as kept:
                content = renamed(self.to_json(), kept.names) | {"pictures": kept.hashes}
                content["digest"] = digest(content)
                write_atomically(target, json.dumps(content, indent=1, allow_nan=False) + "\n")
            remove(folder, {k: v for k, v in older.items() if k not in kept.hashes})

    def to_json(self) -> dict[str, Any]:
        """Return the content of the run file."""
        return content_of(self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Run:
        """Read a run file.

        Raises:
            FailcondError: it is missing, damaged, edited, or of another schema.
        """
        where = Path(path)
        data = read_json(where, "a run file of pytest-failcond", source=_SOURCE)
        if not isinstance(data, dict) or "schema" not in data:
            raise FailcondError(f"{where}: not a run file of pytest-failcond")
        if data["schema"] != SCHEMA:
            raise FailcondError(
                f"{where}: written with schema {shown(data['schema'])}, this version reads {SCHEMA}; "
                "update pytest-failcond"
            )
        content = {name: value for name, value in data.items() if name != "digest"}
        if data.get("digest") != digest(content):
            raise FailcondError(
                f"{where}: was edited or damaged after it was written: its digest does not fit; "
                "take the original, or make a new run"
            )
        try:
            validate(RunRecord, data)
            run = cls(**fields_of(data, pictures_folder(where)))
            check_agreement(run)
        except (ValueError, FailcondError) as error:
            raise FailcondError(
                f"{where}: damaged, or written by a newer version: {error}; take the original, or "
                "make a new run"
            ) from error
        return run

    @classmethod
    def load_whole(cls, path: str | os.PathLike[str]) -> Run:
        """Read a whole run file, not a part of a divided run.

        Raises:
            FailcondError: as `load`, or it is a part.
        """
        run = cls.load(path)
        if run.part is not None:
            raise FailcondError(
                f"{path}: is one of {run.part[1]} parts; join them all first: failcond merge PARTS…"
            )
        return run


def _pictures_of(path: Path) -> dict[str, str | None]:
    """Return the pictures of the existing run, if there is one, with their hashes if it has any."""
    if not is_file(path):
        return {}
    try:
        run = Run.load(path)
    except FailcondError:  # the place is empty or has no run of ours: nothing is touched
        return {}
    return {file: run.hashes.get(file) for file in run.picture_files}

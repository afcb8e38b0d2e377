"""A run file as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from pytest_failcond.probes.keys import CornerCaseKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.ranges import PARTS
from pytest_failcond.runs.run_file.combinations import CombinedRecord
from pytest_failcond.runs.run_file.decided import (
    BesideRecord,
    ComparisonRecord,
    GateRecord,
    check_metrics,
)
from pytest_failcond.runs.run_file.directions import DirectionRecord, RankingRecord
from pytest_failcond.runs.run_file.fitness import FitnessRecord
from pytest_failcond.runs.run_file.measured import CorpusRecord, MeasurementRecord
from pytest_failcond.runs.run_file.origin import EnvironmentRecord, SubjectsRecord, at_most
from pytest_failcond.runs.run_file.values import (
    FileName,
    Hash,
    OtherKey,
    Packed,
    Planned,
    Positive,
)
from pytest_failcond.storage.reading import Many, Record, shown, validate

SCHEMA = 1
_DEEPEST = 20  # levels of the records of a project's own probe


class _Grid(Record):
    """The part of ``settings.corruptions`` that is read even if the rest is not valid here."""

    model_config = ConfigDict(extra="ignore")
    names: Many[str] = Field([])
    severities: Many[Annotated[int, Field(ge=1, le=5)]] = Field([])
    reference: str | None = None


class _Gate(Record):
    """The same of a gate."""

    model_config = ConfigDict(extra="ignore")
    id: str = ""
    metric: str
    level: str = "fail"


class _Settings(Record):
    """The part of the settings that is read, whether or not they are valid in this version."""

    model_config = ConfigDict(extra="ignore")
    classifier: str | None = None
    generator: str | None = None
    baseline: str | None = None
    seed: int = 0
    seeds: Positive = 1
    confidence: float = Field(0.95, gt=0.5, lt=1)
    corruptions: _Grid | None = None
    corner_cases: dict[str, Any] | None = None
    combinations: dict[str, Any] | None = None
    gates: Many[_Gate] = Field([])


def _settings(value: dict[str, Any]) -> dict[str, Any]:
    validate(_Settings, value)
    return value


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    def check(part: Any, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError(f"a record is nested more than {_DEEPEST} deep")
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        for one in parts:
            check(one, depth + 1)

    check(value, 0)
    return value


class OtherRecord(Record):
    """A record of the review, or of a project's own probe."""

    key: OtherKey = Field(description="PROBE, or PROBE:PART:….")
    record: Annotated[dict[str, Any], AfterValidator(_shallow)] = Field(
        description="The content of the record."
    )


class ErrorRecord(Record):
    """A key, and the reason why it could not be measured."""

    key: str = Field(description="The key, or the planned test.")
    error: str = Field(description="One sentence.")


class RunRecord(Record):
    """Everything that one session measured and decided, on what and with what. pytest
    --failcond-json=PATH and the failcond commands write it; its pictures are in PATH.files/. A
    raised number in `schema` means that older readers would misread the file.
    """

    schema_: Literal[1] = Field(alias="schema", description="Version of this format.")
    environment: EnvironmentRecord = Field(description="Its environment.")
    subjects: SubjectsRecord = Field(description="The subjects, by hashes.")
    settings: Annotated[dict[str, Any], AfterValidator(_settings)] = Field(
        description="The configuration, with defaults filled in: the keys are those of "
        "[tool.failcond], described in docs/configuration.md."
    )
    classes: Many[str] = Field(description="Names of the classes, by index.")
    labels: Packed = Field(description="True class of every test image, as packed uint16.")
    kept: Packed | None = Field(
        description="Index of every test image in the user's set, as packed uint32; null if the "
        "whole set was measured."
    )
    part: Annotated[list[Positive], Field(min_length=2, max_length=2)] | None = Field(
        description="[i, n] of a run that measured the i-th of n parts of the plan and judges "
        "nothing; null for a whole run."
    )
    beside: BesideRecord | None = Field(
        None,
        description="What was measured for the comparison with a baseline alone; left out if there is nothing.",
    )
    planned: Many[Planned] = Field(
        description="The session's plan: a key, corner_case:CLASS:RANK, gate:ID or regression:KEY "
        "for each test."
    )
    measurements: Many[MeasurementRecord] = Field(
        description="Predictions on the test images, clean and by corruption cell."
    )
    rankings: Many[RankingRecord] = Field(description="The directions for the tests of each class.")
    directions: Many[DirectionRecord] = Field(description="The findings along each direction.")
    combinations: Many[CombinedRecord] = Field(
        [],
        description="The nearest combinations of directions that break the images of each class; left out if there are none.",
    )
    fitness: Many[FitnessRecord] = Field(
        [],
        description="How well the generator shows each class; left out without a generator, a judge or test images.",
    )
    corpus: CorpusRecord | None = Field(
        None, description="The predictions on the corpus; null without one."
    )
    records: Many[OtherRecord] = Field(
        [], description="The record of the review, and those of probes that are not built in."
    )
    errors: Many[ErrorRecord] = Field(description="Keys that could not be measured.")
    withheld: Many[ErrorRecord] = Field(
        [],
        description="What was not measured because a result would say nothing about the classifier; left out if there is nothing.",
    )
    gates: Many[GateRecord] = Field(description="The applied gates.")
    notes: Many[str] = Field(
        [], description="Gates that no result on so few images would pass, in words."
    )
    comparison: ComparisonRecord | None = Field(
        description="The changes since a baseline; null without one."
    )
    pictures: Annotated[dict[FileName, Hash], BeforeValidator(at_most(100_000))] = Field(
        {},
        description="SHA-256 of each picture in the folder of pictures, by file name; earlier "
        "runs lack it.",
    )
    digest: Hash = Field(
        description="Hash of the content without this field: sha256 over JSON with sorted keys and no spaces."
    )

    _LISTS: ClassVar[dict[str, str]] = {
        "measurements": "key", "records": "key", "rankings": "key", "directions": "key", "combinations": "key", "fitness": "key",
        "errors": "key", "withheld": "key",
        "gates": "id",
    }  # fmt: skip

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for name, field in self._LISTS.items():
            _unique(name, [getattr(entry, field) for entry in getattr(self, name)])
        _unique("classes", self.classes)
        if self.corpus is not None:
            _unique("corpus.entries", [entry.id for entry in self.corpus.entries])
        if self.beside is not None:
            _unique("beside.found", [entry.key for entry in self.beside.found])
        if self.comparison is not None:
            _unique("comparison.keys", [entry.key for entry in self.comparison.keys])
            _unique("comparison.directions", [entry.key for entry in self.comparison.directions])
            searched = [entry.key for entry in self.comparison.combinations]
            _unique("comparison.combinations", searched)
        keys = [PROBES.read_key(entry.key) for entry in self.records]
        check_metrics(self.gates, others=any(key.probe not in PROBES for key in keys))
        if self.part is not None and not self.part[0] <= self.part[1] <= PARTS.most:
            raise ValueError(f"part: {self.part} is not one of at most {PARTS.most} parts")
        self._check_class_indices(len(self.classes))
        return self

    def _check_class_indices(self, classes: int) -> None:
        """Check that every class index has a name."""

        def check(what: str, indices: Sequence[int | None], most: int = classes) -> None:
            for index in indices:
                if index is not None and index >= most:
                    raise ValueError(f"{what}: there is no class {index} among {classes}")

        for measured in self.measurements:
            if len(measured.per_class) != classes:
                raise ValueError(
                    f"{measured.key}: {len(measured.per_class)} classes, where {classes} are named"
                )
            if (examples := measured.examples) is not None:
                check(
                    f"{measured.key}, examples", examples.labels + examples.before + examples.after
                )
        for ranking in self.rankings:
            check(ranking.key, [ranking.class_index])
        for fitness in self.fitness:
            check(fitness.key, [fitness.class_index])
        for direction in self.directions:
            check(direction.key, [direction.class_index, *direction.strip.predicted])
            # A judge may have one output more, for none of the classes.
            check(direction.key, direction.strip.judged or (), classes + 1)
        for found in self.combinations:
            check(found.key, [found.class_index, found.toward, *found.predicted])
        for gate in self.gates:
            check(f"gate {gate.id!r}", [made.class_index for made in gate.checks])
        for planned in self.planned:
            if isinstance(about := PROBES.named(planned), CornerCaseKey):
                check(planned, [about.class_index])
        if self.comparison is not None:
            check("comparison", self.comparison.ranked_otherwise)
        # If only the corpus was measured, the classes may have no names.
        for replayed in self.corpus.entries if self.corpus is not None and classes else ():
            check(f"corpus entry {replayed.id}", [replayed.label])


def _unique(name: str, values: list[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{name}: {shown(value)} occurs twice")
        seen.add(value)

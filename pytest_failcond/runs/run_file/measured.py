"""The measurements on images of the user's, in a run file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pytest_failcond.probes.keys import CorruptionKey
from pytest_failcond.probes.registry import parse_key
from pytest_failcond.runs.run_file.values import (
    CellKey,
    Count,
    FileName,
    Packed,
    Positive,
    Share,
)
from pytest_failcond.storage.reading import Many, Record, shown


def same_length(record: Record, *names: str) -> None:
    """Check that lists that belong together have one length."""
    lengths = {name: len(getattr(record, name)) for name in names}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ValueError(f"lists that belong together differ in length: {told}")


def fits_key(record: Record, key: str, **fields: object) -> None:
    """Check that the fields of an entry agree with its key."""
    for name, value in fields.items():
        if getattr(record, name) != value:
            raise ValueError(f"{name} is {shown(getattr(record, name))}, but the key is {key}")


class ExamplesRecord(Record):
    """Pictures of E test images, side by side in one file: as they were classified, or in two rows, clean above corrupted."""

    file: FileName = Field(description="PNG in the folder of pictures.")
    indices: Many[Count] = Field(description="Index of each image in the user's set, [E].")
    labels: Many[Count] = Field(description="True classes, [E].")
    before: Many[Count] = Field(
        description="Predicted classes when clean, or by the baseline, [E]."
    )
    after: Many[Count] = Field(description="Predicted classes here, [E].")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        same_length(self, "indices", "labels", "before", "after")
        return self


class MeasurementRecord(Record):
    """Predictions on the test images, clean or under one corruption."""

    key: CellKey = Field(description="clean, or corruption:NAME:SEVERITY.")
    kind: Literal["clean", "corruption"] = Field(description="The kind of key.")
    corruption: str | None = Field(None, description="Its name; of kind corruption only.")
    severity: Annotated[int, Field(ge=1, le=5)] | None = Field(
        None, description="1 to 5; of kind corruption only."
    )
    correct: Count = Field(description="Images classified right.")
    total: Positive = Field(description="Images.")
    per_class: Many[Annotated[list[Count], Field(min_length=2, max_length=2)]] = Field(
        description="Right and all images of each class, [K][2]."
    )
    predicted: Packed = Field(
        description="Predicted class minus true class, modulo the number of classes, of every image, as packed uint16."
    )
    pixels: str = Field(description="Hash of the images that were classified.")
    judge_correct: Count | None = Field(
        description="Images that the judges accept as their true class; null without a judge."
    )
    judge_total: Count | None = Field(
        description="Images that the judges were shown; null without a judge."
    )
    by_seed: Many[Count] = Field(
        description="Images classified right with each further seed of the corruption."
    )
    examples: ExamplesRecord | None = Field(
        description="Some images that are right when clean and lost here."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        key = parse_key(self.key)
        of_cell = isinstance(key, CorruptionKey)
        fits_key(
            self,
            self.key,
            kind=key.probe,
            corruption=key.corruption if isinstance(key, CorruptionKey) else None,
            severity=key.severity if isinstance(key, CorruptionKey) else None,
        )
        if not of_cell and self.by_seed:
            raise ValueError("clean images have no further seeds, but by_seed has some")
        if max([self.correct, *self.by_seed]) > self.total:
            raise ValueError(f"more images are right than there are, {self.total}")
        if (self.judge_correct is None) != (self.judge_total is None):
            raise ValueError("judge_correct and judge_total go together")
        if (self.judge_correct or 0) > (self.judge_total or 0):
            raise ValueError("judge_correct is over judge_total")
        return self


class ReplayedRecord(Record):
    """The classifier's prediction on one image of the corpus."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = Field(description="Id of the entry.")
    status: Literal["open", "fixed"] = Field(
        description="open: known to be wrong; fixed: must be right."
    )
    label: Count = Field(description="True class.")
    predicted: Count = Field(description="Predicted class.")
    p: Share = Field(description="Probability of the true class.")
    picture: FileName | None = Field(
        description="PNG in the folder of pictures, if a fixed one is wrong; else null."
    )
    png: str = Field(description="Hash of its file: the same image in two runs has the same.")
    origin: str = Field("", description="How it was made, in words.")


class CorpusRecord(Record):
    """Predictions on the images of the corpus, in the order of its manifest."""

    pixels: str = Field(description="Hash of the images that were classified.")
    entries: Many[ReplayedRecord] = Field(description="One by one.")

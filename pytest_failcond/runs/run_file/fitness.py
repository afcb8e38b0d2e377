"""The generator's fitness in a run file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pytest_failcond.probes.keys import FitnessKey
from pytest_failcond.probes.registry import parse_key
from pytest_failcond.runs.run_file.measured import fits_key
from pytest_failcond.runs.run_file.values import Count, FitnessName, Positive, Share, Shift
from pytest_failcond.storage.reading import Record


class LikenessRecord(Record):
    """The likeness of two sets of images of one class, in a judge's features."""

    distance: Shift = Field(
        description="Their Fréchet distance, in the spread of the real images' features."
    )
    coverage: Share = Field(description="Share of the real images with one of the others near.")


class FitnessRecord(Record):
    """Generated images of one class beside real ones, in the judges' eyes."""

    key: FitnessName = Field(description="fitness:CLASS.")
    kind: Literal["fitness"] = Field(description="What is measured.")
    class_index: Count = Field(alias="class", description="Index of the class.")
    accepted: Count = Field(description="Generated images, unmoved, that the judges accept.")
    drawn: Positive = Field(description="Generated images.")
    real_accepted: Count = Field(description="Real test images that the judges accept.")
    real: Positive = Field(
        description="Real test images, corrupted as in the generator's training."
    )
    likeness: LikenessRecord | None = Field(
        description="Likeness of generated images to real ones; null if no judge has features, or there are too few real images."
    )
    real_likeness: LikenessRecord | None = Field(
        description="Likeness of real images to other real ones."
    )
    why: str = Field(description="Why the class is not fit; empty if it is.")
    remedy: str = Field(description="What to do then; else empty.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        key = parse_key(self.key)
        assert isinstance(key, FitnessKey)
        fits_key(self, key, class_index=key.class_index)
        if self.accepted > self.drawn or self.real_accepted > self.real:
            raise ValueError("more images are accepted than there are")
        if (self.likeness is None) != (self.real_likeness is None):
            raise ValueError("likeness and real_likeness go together")
        if bool(self.why) != bool(self.remedy):
            raise ValueError("why and remedy go together")
        return self

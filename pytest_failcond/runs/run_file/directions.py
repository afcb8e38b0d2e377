"""The rankings and directions in a run file."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pytest_failcond.probes.keys import DirectionKey, RankingKey
from pytest_failcond.probes.registry import parse_key
from pytest_failcond.runs.run_file.measured import fits_key, same_length
from pytest_failcond.runs.run_file.values import (
    Count,
    DirectionName,
    FileName,
    Packed,
    Positive,
    RankingName,
    Share,
    Shift,
)
from pytest_failcond.storage.packing import MOST_TRUTHS
from pytest_failcond.storage.reading import Many, Record


class PassedOver(Record):
    """A direction left out."""

    key: DirectionName = Field(description="Key of the direction.")
    score: float = Field(description="As in scores, without a sign.")
    valid_range: Shift = Field(description="Shift up to which 80 % of the images are accepted, σ.")


class RankingRecord(Record):
    """The directions of one class, by how fast the classifier loses it."""

    key: RankingName = Field(description="ranking:CLASS.")
    kind: Literal["ranking"] = Field(description="The kind of key.")
    class_index: Count = Field(alias="class", description="Index of the class.")
    samples: Count = Field(description="Images that were drawn to rank by.")
    directions: Many[DirectionName] = Field(description="Keys of the walked directions, by rank.")
    dimensions: Many[Count] = Field(description="The highest-ranked dimensions.")
    scores: Many[float] = Field(
        description="Their scores: the loss in p(class) per σ moved up; by effect, the loss at the end of the generator's own range, + at the upper end, - at the lower."
    )
    passed_over: Many[PassedOver] = Field(
        description="Directions left out because images soon stop showing their class."
    )
    starts: Count = Field(0, description="Start images of the class; 0 of earlier runs.")
    starts_right: Packed | None = Field(
        None,
        description="Which start images are right before they are moved: bits [starts], packed, zlib, in base64; null of earlier runs.",
    )
    way: Literal["gradient", "effect"] = Field(
        "gradient",
        description="Ranked by the classifier's gradient, or by measured effect; ranks of different ways have no common scale.",
    )
    why: str = Field("", description="The reason for a ranking by effect; else empty.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        key = parse_key(self.key)
        assert isinstance(key, RankingKey)
        fits_key(self, key, class_index=key.class_index)
        same_length(self, "dimensions", "scores")
        for walked in map(parse_key, (*self.directions, *(over.key for over in self.passed_over))):
            if not isinstance(walked, DirectionKey) or walked.class_index != self.class_index:
                raise ValueError(f"{walked} is of another class")
        return self


class CurveRecord(Record):
    """A degradation curve over T shifts: counts of the start images."""

    shift: Annotated[Many[Shift], Field(min_length=1)] = Field(description="Shifts, σ, [T].")
    right: Many[Count] = Field(description="Start images still right, [T].")
    broken: Many[Count] = Field(description="Start images broken by then, [T].")
    lost: Many[Count] = Field(description="Start images lost to the judges first by then, [T].")
    accepted: Many[Count] = Field(description="Start images that are accepted there, [T].")
    mean_p: Many[Share] = Field(description="Mean p(class), [T].")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        same_length(self, "shift", "right", "broken", "lost", "accepted", "mean_p")
        if any(after <= before for before, after in pairwise(self.shift)):
            raise ValueError("its shifts do not rise")
        return self


class StripRecord(Record):
    """A picture strip, and the captions of its F frames."""

    file: FileName = Field(description="PNG in the folder of pictures.")
    sample: Count = Field(description="Number of the start image.")
    broke: bool = Field(description="Whether it broke.")
    shift: Many[float] = Field(description="Shifts, σ, [F].")
    p: Many[Share] = Field(description="p(class), [F].")
    predicted: Many[Count] = Field(description="Predicted classes, [F].")
    judged: Many[Count] | None = Field(
        description="Prediction of the judge that accepts it least, [F]; the number of classes "
        "for none of these; null without a judge."
    )
    accepted: Many[bool] | None = Field(
        None, description="Whether it still shows its class, [F]; null without a judge."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        judged = tuple(n for n in ("judged", "accepted") if getattr(self, n) is not None)
        same_length(self, "shift", "p", "predicted", *judged)
        return self


class AttributeRecord(Record):
    """The change of an attribute of the images along a direction."""

    name: str = Field(description="Such as noise.")
    change: float = Field(
        description="Mean over the start images, in σ of the attribute among generated images."
    )
    low: float = Field(description="Lower end of its confidence interval.")
    high: float = Field(description="Upper end of its confidence interval.")


class WhereRecord(Record):
    """Where the images change along a direction."""

    file: FileName = Field(
        description="PNG in the folder of pictures: the mean absolute difference, by pixel."
    )
    most: Share = Field(description="The largest of these differences, which is white there.")
    regions: Annotated[Many[Shift], Field(min_length=9, max_length=9)] = Field(
        description="Mean absolute difference of each ninth of the image, row by row, in σ of its pixels among generated images, [9]."
    )


class DirectionRecord(Record):
    """The findings along one direction; shifts are in σ of the dimension."""

    key: DirectionName = Field(description="direction:CLASS:DIMENSION:SIGN.")
    class_index: Count = Field(alias="class", description="Index of the class.")
    rank: Positive | None = Field(
        description="1 for the most harmful direction of its class; null if it was not ranked."
    )
    dimension: Count = Field(description="Number of the dimension in the style vector.")
    layer: str = Field(description="Layer of the generator.")
    channel: Count = Field(description="Channel of the layer.")
    sign: Literal[1, -1] = Field(description="The sign of the shift.")
    score: float = Field(
        description="Loss in p(class) per σ, at the start; of a class ranked by effect, at the end of the generator's own range."
    )
    std: Shift = Field(description="σ: standard deviation of the dimension over generated images.")
    breaking_shift: Shift | None = Field(
        description="Smallest shift at which half of the start images are broken; null: none is."
    )
    valid_range: Shift | None = Field(
        description="Shift up to which 80 % of the images are accepted; null: not judged."
    )
    total: Positive = Field(description="Start images.")
    curve: CurveRecord = Field(description="Their outcomes.")
    breaks: Many[Shift | None] = Field(
        description="Each start image's bisected breaking shift; null: it did not break."
    )
    strip: StripRecord = Field(description="A typical break.")
    accepted: Packed | None = Field(
        description="Whether each start image is accepted at each shift: bits [T, N], packed, zlib, in base64; null: not judged."
    )
    attributes: Many[AttributeRecord] = Field(
        description="The changes in the images from no shift to the end of the tested range, "
        "largest first."
    )
    where: WhereRecord | None = Field(
        None, description="Where they change by then; null of earlier runs."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        key = parse_key(self.key)
        assert isinstance(key, DirectionKey)
        where = {"class_index": key.class_index, "dimension": key.dimension, "sign": key.sign}
        fits_key(self, key, **where)
        if len(self.breaks) != self.total:
            raise ValueError(f"{len(self.breaks)} breaks for {self.total} start images")
        curve = self.curve
        if len(curve.shift) * self.total > MOST_TRUTHS:
            raise ValueError(f"{len(curve.shift)} shifts of {self.total} start images are too many")
        if max(curve.accepted) > self.total or any(
            sum(counts) != self.total
            for counts in zip(curve.right, curve.broken, curve.lost, strict=True)
        ):
            raise ValueError(f"its curve does not count {self.total} start images")
        return self

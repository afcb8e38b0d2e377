"""The combined corner cases in a run file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.probes.registry import parse_key
from pytest_failcond.runs.run_file.directions import AttributeRecord
from pytest_failcond.runs.run_file.measured import fits_key, same_length
from pytest_failcond.runs.run_file.values import (
    CombinationName,
    Count,
    FileName,
    Packed,
    Share,
    Shift,
)
from pytest_failcond.storage.packing import MOST_TRUTHS
from pytest_failcond.storage.reading import Many, Record


class PicturedRecord(Record):
    """P cases in pictures: a column each, the start image above the combination."""

    file: FileName = Field(description="PNG in the folder of pictures.")
    rows: Many[Count] = Field(description="The start image of each, by its place among all, [P].")
    p: Many[Annotated[list[Share], Field(min_length=2, max_length=2)]] = Field(
        description="p(class), of the start image and of the combination, [P][2]."
    )
    changes: Many[dict[str, float]] = Field(
        description="The attributes that change most in each, in σ among generated images, [P]."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        same_length(self, "rows", "p", "changes")
        return self


class CombinedRecord(Record):
    """The nearest combinations that break each of N start images of a class, along D dimensions."""

    key: CombinationName = Field(description="combination:CLASS, or combination:CLASS:TOWARD.")
    class_index: Count = Field(alias="class", description="Index of the class.")
    toward: Count | None = Field(description="Index of the wanted class; null: any other class.")
    max_distance: float = Field(
        gt=0, description="End of the search, σ: the root of the sum of the squares of the shifts."
    )
    samples: Many[Count] = Field(description="Numbers of the start images, [N].", min_length=1)
    dimensions: Many[Count] = Field(
        description="The dimensions that may be moved, by rank, [D].", min_length=1
    )
    names: Many[str] = Field(description="The same as layer[channel], [D].")
    std: Many[Shift] = Field(description="σ of each over generated images, [D].")
    moved: Packed = Field(
        description="Which dimensions each combination moves, rejected ones included: bits [N, D], packed, zlib, in base64."
    )
    shifts: Packed = Field(
        description="The shifts of the moved dimensions, σ, row by row, as packed float32."
    )
    distances: Many[Shift | None] = Field(
        description="Distance of each start image's combination, σ, [N]; 0: wrong before it is moved; null: none was found."
    )
    predicted: Many[Count] = Field(description="Predicted class there, [N].")
    rejected: Packed = Field(
        description="Whether an acceptor rejected the combination that the guides let pass: bits [N], packed, zlib, in base64."
    )
    levels: Many[Share | None] = Field(
        description="The least probability that an acceptor gives the class there, [N]; 0 if one puts another class first; null without a judge or a case."
    )
    guided_by_acceptors: bool = Field(description="Whether the search saw the judges that decide.")
    guides: Many[str | None] = Field(
        description="Hashes of the judges that it saw instead; null for one without a hash."
    )
    judged: bool = Field(description="Whether there is a judge.")
    way: Literal["gradient", "evolution", "steps"] = Field(
        description="The way of the search; steps: of earlier versions."
    )
    attributes: Many[AttributeRecord] = Field(
        description="The changes from start images to their combinations, largest first."
    )
    groups: Many[Many[Count]] = Field(
        description="The moved cases by their looks, by place among the start images; the most typical of each group first."
    )
    pictured: PicturedRecord | None = Field(
        description="The most typical case of each group; null without a moved case."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        key = parse_key(self.key)
        assert isinstance(key, CombinationKey)
        fits_key(self, key, class_index=key.class_index, toward=key.toward)
        same_length(self, "samples", "distances", "predicted", "levels")
        same_length(self, "dimensions", "names", "std")
        total = len(self.samples)
        if total * len(self.dimensions) > MOST_TRUTHS:
            raise ValueError(
                f"{len(self.dimensions)} dimensions of {total} start images are too many"
            )
        if any(d is not None and d > self.max_distance + 1e-4 for d in self.distances):
            raise ValueError(f"a distance is over max_distance, {self.max_distance:g}")
        pictured = [] if self.pictured is None else self.pictured.rows
        if any(row >= total for part in (*self.groups, pictured) for row in part):
            raise ValueError(f"names a start image beyond {total}")
        if any(not part for part in self.groups):
            raise ValueError("a group is empty")
        return self

"""The findings along directions and in a class's ranking, as plain data for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction.keys import read_key
from pytest_failcond.probes.direction.place import Where
from pytest_failcond.probes.keys import DirectionKey, Key, RankingKey
from pytest_failcond.storage.packing import unpack_bits

Way = Literal["gradient", "effect"]
"""A way to rank dimensions: by the classifier's gradient, or by the measured effect of a push to the
ends of the generator's own range."""

STANDS_OUT = 0.5  # σ of natural variation; smaller changes are not named
VALID_SHARE = 0.8
"""The share of the start images that must be accepted within the valid range."""


@dataclass(frozen=True)
class Curve:
    """A degradation curve over T shifts: counts of the N start images; ``mean_p`` is p(class).

    ``right``: still right; ``broken``: broken by then; ``lost``: lost to the judges first by then;
    ``accepted``: images that are accepted there.
    """

    shift: list[float]
    right: list[int]
    broken: list[int]
    lost: list[int]
    accepted: list[int]
    mean_p: list[float]


@dataclass(frozen=True)
class Frames:
    """A picture strip: file name in the run's folder, and the captions of its F frames.

    ``judged``: the prediction of the judge that accepts it least; ``accepted``: whether it still
    shows its class; both None without a judge.
    """

    file: str
    sample: int
    broke: bool
    shift: list[float]
    p: list[float]
    predicted: list[int]
    judged: list[int] | None
    accepted: list[bool] | None = None


@dataclass(frozen=True)
class AttributeChange:
    """The change of an attribute of the images along a direction, over the tested range.

    Attributes:
        name: such as ``noise``.
        change: mean over the start images, in σ of the attribute among generated images.
        low, high: confidence interval of it, over the start images.
    """

    name: str
    change: float
    low: float
    high: float

    @property
    def stands_out(self) -> bool:
        """Whether it is half of the natural σ or more, and surely not 0."""
        return abs(self.change) >= STANDS_OUT and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Direction:
    """The findings along one direction; shifts are in σ of the dimension, ``std``.

    Attributes:
        rank: 1 for the most harmful direction of its class; None if it was not ranked.
        score: loss in p(class) per σ, at the start; where the class was ranked by effect, the loss at the
            end of the generator's own range.
        breaking_shift: smallest shift at which half of the start images are broken; None: none is.
        valid_range: shift up to which 80 % of the images are accepted; None: not judged.
        breaks: each start image's bisected breaking shift; None: it did not break.
        attributes: the changes in the images from no shift to `tested_to`, largest first.
        accepted: whether each start image is accepted at each shift; see `valid`. None: not judged.
        where: where the images change by then; None in runs of earlier versions.
    """

    key: DirectionKey
    class_index: int
    rank: int | None
    dimension: int
    layer: str
    channel: int
    sign: int
    score: float
    std: float
    breaking_shift: float | None
    valid_range: float | None
    total: int
    curve: Curve
    breaks: list[float | None]
    strip: Frames
    attributes: list[AttributeChange] = field(default_factory=list)
    accepted: str | None = None
    where: Where | None = None

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Whether each start image is accepted at each shift of the curve, ``[T, N]``."""
        shape = len(self.curve.shift), self.total
        return (
            np.ones(shape, dtype=bool)
            if self.accepted is None
            else unpack_bits(self.accepted, *shape)
        )

    @property
    def name(self) -> str:
        """The dimension as ``layer[channel]``."""
        return f"{self.layer}[{self.channel}]"

    @property
    def tested_to(self) -> float:
        """The shift beyond which nothing is claimed, σ."""
        return self.valid_range if self.valid_range is not None else self.curve.shift[-1]

    def broken_by(self, shift: float) -> int:
        """Start images broken by a shift on the grid; a walk that ended earlier lost no more."""
        position = int(np.searchsorted(self.curve.shift, shift + 1e-9)) - 1
        return self.curve.broken[max(position, 0)]

    @property
    def right_unmoved(self) -> int:
        """Start images that are right before they are moved."""
        return self.curve.right[0]

    def newly_broken_by(self, shift: float) -> int:
        """Start images that are right unmoved and broken by a shift on the grid."""
        return self.broken_by(shift) - self.curve.broken[0]

    @property
    def standing_out(self) -> list[AttributeChange]:
        """The attributes whose change stands out against natural variation, largest first."""
        return [change for change in self.attributes if change.stands_out]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        data = dict(vars(self), curve=vars(self.curve), strip=vars(self.strip))
        data["attributes"] = [vars(change) for change in self.attributes]
        data["where"] = None if self.where is None else vars(self.where)
        data["class"] = data.pop("class_index")
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Direction:
        """Read an entry of the run file."""
        fields = dict(data, key=read_key(data["key"]), class_index=data["class"])
        del fields["class"]
        strip = Frames(**data["strip"])
        if strip.accepted is None and strip.judged is not None:
            # Runs of earlier versions accepted by the judge's label alone.
            strip = replace(strip, accepted=[seen == data["class"] for seen in strip.judged])
        fields |= {"curve": Curve(**data["curve"]), "strip": strip}
        fields["attributes"] = [AttributeChange(**change) for change in data["attributes"]]
        where = data.get("where")
        fields["where"] = None if where is None else Where(**where)
        direction = cls(**fields)
        if direction.accepted is not None:
            try:
                accepted = direction.valid.sum(axis=1).tolist()
            except ValueError as error:
                raise ValueError(f"{direction.key}: accepted: {error}") from error
            if accepted != direction.curve.accepted:
                raise ValueError(f"{direction.key}: accepted, by image, does not fit its curve")
        return direction


@dataclass(frozen=True)
class ClassRanking:
    """The result for ``ranking:CLASS``: the directions for the tests of this class.

    Attributes:
        samples: images that were drawn to rank by.
        directions: keys of the walked directions, by rank.
        dimensions, scores: the first of the ranking, and their scores, signed: the loss in p per σ up,
            or, by effect, at the end of the range that loses more: + up, − down.
        passed_over: directions left out because images soon stop being their class:
            key, score and valid_range of each.
        starts: start images that directions are walked from.
        starts_right: which of them are right before they are moved; see `right_unmoved`. None: of an
            earlier version, which did not keep it.
        way: how the class was ranked. Rankings of different ways have no common scale: they are
            compared by direction, not by rank.
        why: the reason for a ranking by effect, as ``its gradient is zero``; empty for one by gradient.
    """

    key: RankingKey
    class_index: int
    samples: int
    directions: list[DirectionKey]
    dimensions: list[int]
    scores: list[float]
    passed_over: list[dict[str, Any]] = field(default_factory=list)
    starts: int = 0
    starts_right: str | None = None
    way: Way = "gradient"
    why: str = ""

    @property
    def right_unmoved(self) -> npt.NDArray[np.bool_]:
        """Whether each start image is right before it is moved, bool ``[N]``.

        Raises:
            FailcondError: the run did not keep it.
        """
        if self.starts_right is None:
            raise FailcondError(
                f"{self.key}: the run does not say which start images are right before they are moved; "
                "make a new one"
            )
        return unpack_bits(self.starts_right, self.starts)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        data = dict(vars(self), kind="ranking")
        data["class"] = data.pop("class_index")
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ClassRanking:
        """Read an entry of the run file."""
        fields = {k: v for k, v in data.items() if k not in ("kind", "class")}
        fields["key"] = read_key(data["key"])
        fields["directions"] = [read_key(key) for key in data["directions"]]
        fields["passed_over"] = [
            over | {"key": read_key(over["key"])} for over in data["passed_over"]
        ]
        ranking = cls(class_index=data["class"], **fields)
        if ranking.starts_right is not None:
            try:
                unpack_bits(ranking.starts_right, ranking.starts)
            except ValueError as error:
                raise ValueError(f"{ranking.key}: starts_right: {error}") from error
        return ranking


def directions_in(records: Mapping[Key, Any]) -> dict[Key, Direction]:
    """Return the walks along directions."""
    return {key: record for key, record in records.items() if isinstance(key, DirectionKey)}


def rankings_in(records: Mapping[Key, Any]) -> dict[Key, ClassRanking]:
    """Return the rankings of the classes' directions."""
    return {key: record for key, record in records.items() if isinstance(key, RankingKey)}

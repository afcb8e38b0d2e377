"""What was measured, as plain data that goes to JSON and comes back: no torch, no pytest."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.keys import CorruptionKey, Key, parse_key

STANDS_OUT = 0.5  # σ of natural variation that a change must have to be spoken of
VALID_SHARE = 0.8
"""Of the start images, that the judge must accept within the valid range."""


def pack(values: npt.NDArray[Any], kind: str = "<u2") -> str:
    """Compress small non-negative integers ``[N]``: zlib over little-endian uint16, in base64."""
    return base64.b64encode(zlib.compress(values.astype(kind).tobytes(), 9)).decode("ascii")


def unpack(text: str, kind: str = "<u2") -> npt.NDArray[np.int64]:
    """Read what `pack` wrote."""
    raw = zlib.decompress(base64.b64decode(text, validate=True))
    return np.frombuffer(raw, dtype=kind).astype(np.int64)


def pack_bits(values: npt.NDArray[np.bool_]) -> str:
    """Compress truth values of any shape: zlib over their bits, in base64."""
    return base64.b64encode(zlib.compress(np.packbits(values).tobytes(), 9)).decode("ascii")


def unpack_bits(text: str, *shape: int) -> npt.NDArray[np.bool_]:
    """Read what `pack_bits` wrote."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), dtype=np.uint8)
    return np.unpackbits(raw, count=int(np.prod(shape))).reshape(shape).astype(bool)


@dataclass(frozen=True)
class Examples:
    """Pictures of E test images, side by side in one file: as they were classified, or in two rows,
    clean above corrupted.

    Attributes:
        file: file name in the run's folder.
        indices: of the images, in the user's set, ``[E]``.
        labels: true classes, ``[E]``.
        before, after: predicted classes: clean and corrupted, or the baseline's and now, ``[E]``.
    """

    file: str
    indices: list[int]
    labels: list[int]
    before: list[int]
    after: list[int]


class Predictions:
    """Predicted and true classes of N images, int ``[N]`` each."""

    predicted: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which images were classified right, ``[N]``."""
        right: npt.NDArray[np.bool_] = self.predicted == self.labels
        return right

    @property
    def correct(self) -> int:
        """Images classified right."""
        return int(self.right.sum())

    @property
    def total(self) -> int:
        """Images."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of images classified right."""
        return self.correct / self.total


@dataclass(frozen=True)
class Measurement(Predictions):
    """Predictions on the test images, clean or under one corruption.

    Attributes:
        key: ``clean`` or ``corruption:NAME:SEVERITY``.
        predicted: predicted class of every image, int ``[N]``.
        labels: true class of every image, int ``[N]``.
        pixels: hash of the images that were classified.
        classes: K.
        judge_correct, judge_total: images that the judge classified right, of those it was shown: a
            keyed subset of the same images, under the same corruption. None without a judge.
        by_seed: images classified right with each further seed of the corruption.
        examples: images that are right when clean and lost here, where there are any.
    """

    key: str
    predicted: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    pixels: str
    classes: int
    judge_correct: int | None = None
    judge_total: int | None = None
    by_seed: tuple[int, ...] = ()
    examples: Examples | None = None

    @property
    def judge_accuracy(self) -> float | None:
        """Share of images that the judge classified right; None without a judge."""
        if self.judge_correct is None or not self.judge_total:
            return None
        return self.judge_correct / self.judge_total

    @property
    def per_class(self) -> list[list[int]]:
        """Right and all images of each class, ``[K][2]``."""
        total = np.bincount(self.labels, minlength=self.classes)
        right = np.bincount(self.labels[self.right], minlength=self.classes)
        return [[int(r), int(t)] for r, t in zip(right, total, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        key = parse_key(self.key)
        data: dict[str, Any] = {"key": self.key, "kind": kind_of(key)}
        if isinstance(key, CorruptionKey):
            data |= {"corruption": key.corruption, "severity": key.severity}
        return data | {
            "correct": self.correct,
            "total": self.total,
            "per_class": self.per_class,
            # As offsets from the label, most of which are 0: a tenth of the size.
            "predicted": pack((self.predicted - self.labels) % self.classes),
            "pixels": self.pixels,
            "judge_correct": self.judge_correct,
            "judge_total": self.judge_total,
            "by_seed": list(self.by_seed),
            "examples": None if self.examples is None else vars(self.examples),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], labels: npt.NDArray[np.int64]) -> Measurement:
        """Read an entry of the run file; the labels are those of the run's image set."""
        offsets, classes = unpack(data["predicted"]), len(data["per_class"])
        if len(offsets) != len(labels):
            raise ValueError(f"{data['key']}: {len(offsets)} predictions for {len(labels)} images")
        measured = cls(
            data["key"],
            (labels + offsets) % classes,
            labels,
            data["pixels"],
            classes,
            data["judge_correct"],
            data["judge_total"],
            tuple(data["by_seed"]),
            None if data["examples"] is None else Examples(**data["examples"]),
        )
        if measured.correct != data["correct"]:
            raise ValueError(
                f"{data['key']}: {data['correct']} correct, {measured.correct} counted"
            )
        return measured


@dataclass(frozen=True)
class Curve:
    """A degradation curve over T shifts: counts of the N start images; ``mean_p`` is p(class).

    ``right``: still right; ``broken``: broken by then; ``lost``: lost to the judge first by then;
    ``accepted``: images that the judge accepts there.
    """

    shift: list[float]
    right: list[int]
    broken: list[int]
    lost: list[int]
    accepted: list[int]
    mean_p: list[float]


@dataclass(frozen=True)
class Frames:
    """A picture strip: file name in the run's folder, and what belongs under each of its F frames."""

    file: str
    sample: int
    broke: bool
    shift: list[float]
    p: list[float]
    predicted: list[int]
    judged: list[int] | None


@dataclass(frozen=True)
class AttributeChange:
    """By how much an attribute of the images changes along a direction, up to what was tested.

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
    """What was found along one direction; shifts are in σ of the dimension, ``std``.

    Attributes:
        rank: 1 for the most harmful direction of its class; None where it was not ranked.
        score: loss in p(class) per σ, at the start.
        breaking_shift: smallest shift at which half of the start images are broken; None: none is.
        valid_range: shift up to which the judge accepts 80 % of the images; None: not judged.
        breaks: each start image's bisected breaking shift; None: it did not break.
        attributes: what changes in the images between no shift and `tested_to`, largest first.
        accepted: whether the judge accepts each start image at each shift; see `valid`. None: not
            judged.
    """

    key: str
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

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Whether the judge accepts each start image at each shift of the curve, ``[T, N]``."""
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
    def standing_out(self) -> list[AttributeChange]:
        """The attributes whose change stands out against natural variation, largest first."""
        return [change for change in self.attributes if change.stands_out]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        data = dict(vars(self), curve=vars(self.curve), strip=vars(self.strip))
        data["attributes"] = [vars(change) for change in self.attributes]
        data["class"] = data.pop("class_index")
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Direction:
        """Read an entry of the run file."""
        fields = dict(data, class_index=data["class"])
        del fields["class"]
        fields |= {"curve": Curve(**data["curve"]), "strip": Frames(**data["strip"])}
        fields["attributes"] = [AttributeChange(**change) for change in data["attributes"]]
        direction = cls(**fields)
        if direction.accepted is not None:
            accepted = direction.valid.sum(axis=1).tolist()
            if accepted != direction.curve.accepted:
                raise ValueError(
                    f"{direction.key}: {accepted} accepted, by image, is not its curve"
                )
        return direction


@dataclass(frozen=True)
class ClassRanking:
    """The result for ``ranking:CLASS``: which directions the tests of this class are about.

    Attributes:
        samples: images that the gradients were averaged over.
        directions: keys of the walked directions, by rank.
        dimensions, scores: the highest |score|s of the ranking, signed: the loss in p per σ up.
        passed_over: directions left out because images soon stop being their class:
            key, score and valid_range of each.
    """

    key: str
    class_index: int
    samples: int
    directions: list[str]
    dimensions: list[int]
    scores: list[float]
    passed_over: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        data = dict(vars(self), kind="ranking")
        data["class"] = data.pop("class_index")
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ClassRanking:
        """Read an entry of the run file."""
        fields = {k: v for k, v in data.items() if k not in ("kind", "class")}
        return cls(class_index=data["class"], **fields)


@dataclass(frozen=True)
class Replayed:
    """What the classifier makes of one image of the corpus.

    Attributes:
        id: of the entry.
        status: ``open``, where it is known to be wrong, or ``fixed``, where it must be right.
        label, predicted: true and predicted class, by index.
        p: probability of the true class.
        picture: file name in the run's folder, where a fixed one is wrong.
        png: hash of its file: the same image in two runs has the same.
    """

    id: str
    status: str
    label: int
    predicted: int
    p: float
    picture: str | None = None
    png: str = ""

    @property
    def right(self) -> bool:
        """Whether it was classified right."""
        return self.predicted == self.label

    @property
    def lost(self) -> bool:
        """Whether it must be right, and is not."""
        return self.status == "fixed" and not self.right

    @property
    def mended(self) -> bool:
        """Whether it is known to be wrong, and is right."""
        return self.status == "open" and self.right

    def told(self, class_names: Sequence[str]) -> str:
        """Say what was seen in it."""
        name, seen = (
            class_names[i] if i < len(class_names) else str(i) for i in (self.label, self.predicted)
        )
        what = "is right" if self.right else f"was taken for {seen!r}"
        return f"{what}, p({name!r}) = {self.p:.3f}"


@dataclass(frozen=True)
class Replay(Predictions):
    """Predictions on the images of the corpus, in the order of its manifest.

    Attributes:
        entries: one by one.
        pixels: hash of the images that were classified.
    """

    entries: tuple[Replayed, ...]
    pixels: str
    key: str = "corpus"

    @property
    def predicted(self) -> npt.NDArray[np.int64]:  # type: ignore[override]
        """Predicted class of every image, int ``[N]``."""
        return np.array([entry.predicted for entry in self.entries], dtype=np.int64)

    @property
    def labels(self) -> npt.NDArray[np.int64]:  # type: ignore[override]
        """True class of every image, int ``[N]``."""
        return np.array([entry.label for entry in self.entries], dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        return {"pixels": self.pixels, "entries": [vars(entry) for entry in self.entries]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Replay:
        """Read the entry of the run file."""
        return cls(tuple(Replayed(**entry) for entry in data["entries"]), data["pixels"])


AnyMeasurement = Measurement | Direction | ClassRanking | Replay


def kind_of(key: Key) -> str:
    """Return ``clean``, ``corruption``, ``ranking``, ``direction`` or ``corpus``."""
    return str(key).partition(":")[0]

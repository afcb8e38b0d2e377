"""The description of packed judges, as plain data that is read from a file's header without torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pytest_failcond.errors import FailcondError
from pytest_failcond.ranges import LONGEST_NAME
from pytest_failcond.storage.reading import Many, Record, validate

Kind = Literal["acceptor", "guide"]
KINDS: tuple[Kind, ...] = ("acceptor", "guide")

LARGEST = 64
"""The longest side of images, px, for which a judge is trained from scratch."""
POOLED = 4
"""Side of the grid to which a convolutional judge averages its last features."""
_Width = Annotated[int, Field(ge=1, le=4096)]


class JudgeConfig(Record):
    """One judge: a small convolutional network, or a head on a backbone's features.

    Attributes:
        name: of its tensors in the file.
        kind: an acceptor decides whether an image is accepted; a guide is for searches.
        kernel: side of the convolutions' kernels, px; a head has none.
        first: side of the first convolution's kernel, px; 0: that of the others.
        strides: of each convolution.
        widths: channels of each convolution.
        hidden: width of the layer before the last.
    """

    name: Annotated[str, Field(pattern=r"^[a-z]+-[0-9]{1,3}$")]
    kind: Kind
    kernel: Annotated[int, Field(ge=1, le=9)] = 3
    first: Annotated[int, Field(ge=0, le=9)] = 0
    strides: Many[Annotated[int, Field(ge=1, le=2)]] = Field([], max_length=16)
    widths: Many[_Width] = Field([], max_length=16)
    hidden: _Width = 64

    @model_validator(mode="after")
    def _fits_itself(self) -> Self:
        for side in (self.kernel, *self.kernels):
            if side % 2 == 0:
                raise ValueError(f"kernel {side} must be odd")
        if len(self.strides) != len(self.widths):
            raise ValueError(f"{len(self.strides)} strides for {len(self.widths)} convolutions")
        return self

    @property
    def kernels(self) -> list[int]:
        """The side of each convolution's kernel, px."""
        return [
            self.kernel if number else self.first or self.kernel
            for number in range(len(self.widths))
        ]


class PackConfig(Record):
    """The contents of a file of judges.

    Attributes:
        classes: their number, K; every judge has K + 1 outputs, the last for *none of these*.
        image: height, width (px) and channels of an image.
        floor: the least contrast, in [0, 1]; an image with less is *none of these*.
        judges: the judges, acceptors first.
        features: ``module:callable`` of the backbone whose features the judges read; empty: no backbone.
        features_hash: of the backbone.
        features_width: the number of its features; 0 without a backbone.
    """

    classes: Annotated[int, Field(ge=2, le=100_000)]
    image: Annotated[
        list[Annotated[int, Field(ge=1, le=65_536)]], Field(min_length=3, max_length=3)
    ]
    floor: Annotated[float, Field(gt=0, lt=1)]
    judges: Annotated[Many[JudgeConfig], Field(min_length=1, max_length=64)]
    features: str = ""
    features_hash: str = Field("", max_length=4 * LONGEST_NAME)
    features_width: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @model_validator(mode="after")
    def _fits_itself(self) -> Self:
        names = [judge.name for judge in self.judges]
        if len(set(names)) < len(names):
            raise ValueError(f"judges: expected different names, got {', '.join(names)}")
        if not any(judge.kind == "acceptor" for judge in self.judges):
            raise ValueError("judges: expected one acceptor or more, got none")
        if self.image[2] not in (1, 3):
            raise ValueError(f"image: expected 1 or 3 channels, got {self.image[2]}")
        if bool(self.features) != bool(self.features_width):
            raise ValueError(
                "features: expected a backbone and its width, or neither, got "
                f"{self.features!r} and {self.features_width}"
            )
        for judge in self.judges:
            if bool(judge.widths) == bool(self.features):
                raise ValueError(
                    f"{judge.name}: expected either convolutions or a backbone's features, got "
                    + ("both" if judge.widths else "neither")
                )
        return self

    def tensor_shapes(self, judge: JudgeConfig) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor of a judge, by the tensor's name in the file."""
        shapes: dict[str, tuple[int, ...]] = {}
        inputs = self.image[2]
        for number, (width, kernel) in enumerate(zip(judge.widths, judge.kernels, strict=True)):
            shapes[f"{judge.name}.convolutions.{number}.weight"] = (
                *(width, inputs),
                *(kernel, kernel),
            )
            shapes[f"{judge.name}.convolutions.{number}.bias"] = (width,)
            inputs = width
        for name, outputs, width in (
            ("hidden", judge.hidden, self.features_width or inputs * POOLED**2),
            ("last", self.classes + 1, judge.hidden),
        ):
            shapes[f"{judge.name}.{name}.weight"] = (outputs, width)
            shapes[f"{judge.name}.{name}.bias"] = (outputs,)
        return shapes

    @property
    def all_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor of the file."""
        return {k: v for judge in self.judges for k, v in self.tensor_shapes(judge).items()}

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-ready data."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Any) -> PackConfig:
        """Read the data that `to_json` made.

        Raises:
            FailcondError: a value has another type, or values contradict each other.
        """
        try:
            return validate(cls, data)
        except ValueError as error:
            raise FailcondError(str(error)) from error

"""The recipe of a training of judges, as plain data that needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failcond.errors import FailcondError
from pytest_failcond.judges.config import LARGEST, JudgeConfig, Kind

EPOCHS = 8
"""The default number of times that a judge sees its half of the images."""
_SMALLEST_MAP, _LARGEST_MAP = 3, 6  # px; sides of the last features before they are averaged


@dataclass(frozen=True)
class JudgeRecipe:
    """The numbers of a training of judges.

    Attributes:
        batch: images per step, for each judge.
        negatives: the share of them that show none of the classes.
        learning_rate: AdamW's highest; it rises for a quarter of the training and then falls to zero.
        smoothing: of the labels.
        agreement: the weight of what the other judges of the kind say of readable images, beside the labels.
        floor: the least contrast, as a share of the whole range; an image with less is *none of these*.
        seed: keys all randomness.

    Raises:
        FailcondError: a number is out of range.
    """

    batch: int = 64
    negatives: float = 0.2
    learning_rate: float = 0.006
    smoothing: float = 0.02
    agreement: float = 1.0
    floor: float = 0.03
    seed: int = 0

    @property
    def negatives_per_batch(self) -> int:
        """Examples of a step that show none of the classes."""
        return max(1, round(self.batch * self.negatives))

    def __post_init__(self) -> None:
        if self.batch < 4:
            raise FailcondError(f"batch {self.batch} must be 4 or more")
        if not self.learning_rate > 0:
            raise FailcondError(f"learning_rate {self.learning_rate} must be more than 0")
        for name in ("negatives", "floor"):
            if not 0 < getattr(self, name) < 1:
                raise FailcondError(f"{name} {getattr(self, name)} must lie between 0 and 1")
        if not 0 <= self.smoothing < 0.5:
            raise FailcondError(f"smoothing {self.smoothing} must be 0 or more, and less than 0.5")


@dataclass(frozen=True)
class _Plan:
    """The network of a judge for images of 17 to 32 px.

    Attributes:
        kernel, first: sides of the kernels, px; of the first convolution's.
        strides, widths: of each convolution.
        hidden: width of the layer before the last.
    """

    kernel: int
    first: int
    strides: tuple[int, ...]
    widths: tuple[int, ...]
    hidden: int


# Layers at half and at whole resolution gain more than wide ones of the same cost.
_PLANS: dict[Kind, tuple[_Plan, ...]] = {
    "acceptor": (
        _Plan(3, 5, (2, 1, 2, 2), (32, 32, 64, 96), 96),
        _Plan(3, 3, (1, 2, 2, 2), (16, 32, 64, 96), 128),
    ),
    "guide": (
        _Plan(3, 5, (2, 2, 2), (24, 48, 64), 64),
        _Plan(5, 5, (2, 2, 2), (16, 32, 64), 160),
    ),
}


def judges_for(
    shape: tuple[int, int, int], acceptors: int, guides: int, *, features: bool = False
) -> list[JudgeConfig]:
    """Return judges with different networks for images of a shape (height, width, channels).

    Raises:
        FailcondError: the images are too large for judges without a backbone.
    """
    if not features and max(shape[:2]) > LARGEST:
        raise FailcondError(
            f"images of {shape[0]} x {shape[1]} px: judges are trained from scratch up to {LARGEST} px; name "
            "a backbone with --features MODULE:CALLABLE, or make the images smaller"
        )
    kinds: list[tuple[Kind, int]] = [("acceptor", acceptors), ("guide", guides)]
    return [
        _judge(kind, number, max(shape[:2]), features)
        for kind, count in kinds
        for number in range(count)
    ]


def _judge(kind: Kind, number: int, side: int, features: bool) -> JudgeConfig:
    name = f"{kind}-{number + 1}"
    plan = _PLANS[kind][number % 2]
    if features:
        return JudgeConfig(name=name, kind=kind, hidden=plan.hidden)
    strides, widths = _fitted(side, list(plan.strides), list(plan.widths))
    return JudgeConfig(
        name=name,
        kind=kind,
        kernel=plan.kernel,
        first=plan.first,
        strides=strides,
        widths=widths,
        hidden=plan.hidden,
    )


def _fitted(side: int, strides: list[int], widths: list[int]) -> tuple[list[int], list[int]]:
    """Halve larger images earlier, or once more, and smaller ones later."""
    while _map_of(side, strides) > _LARGEST_MAP:
        if 1 in strides:
            strides[strides.index(1)] = 2
        else:
            strides, widths = [*strides, 2], [*widths, widths[-1]]
    while _map_of(side, strides) < _SMALLEST_MAP and 2 in strides:
        strides[strides.index(2)] = 1
    return strides, widths


def _map_of(side: int, strides: list[int]) -> int:
    """Return the side of the last features, px."""
    return -(-side // (1 << strides.count(2)))

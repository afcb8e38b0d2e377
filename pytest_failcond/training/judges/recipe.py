"""The recipe of a training of judges, as plain data that needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failcond.errors import FailcondError
from pytest_failcond.judges.config import LARGEST, JudgeConfig, Kind

EPOCHS = 10
"""The default number of times that a judge sees its half of the images."""
_LAST_MAP = 8  # px; the largest side of the last features before they are averaged


@dataclass(frozen=True)
class JudgeRecipe:
    """The numbers of a training of judges.

    Attributes:
        batch: images per step, for each judge.
        negatives: the share of them that show none of the classes.
        learning_rate: AdamW's highest; it rises for a quarter of the training and then falls to zero.
        smoothing: of the labels.
        floor: the least contrast, as a share of the whole range; an image with less is *none of these*.
        seed: keys all randomness.

    Raises:
        FailcondError: a number is out of range.
    """

    batch: int = 64
    negatives: float = 0.2
    learning_rate: float = 0.003
    smoothing: float = 0.02
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


_KERNELS: dict[Kind, tuple[tuple[int, int, tuple[int, ...]], ...]] = {
    # side of the kernel, stride of the first convolution, channels
    "acceptor": ((3, 2, (32, 64, 96)), (5, 2, (24, 48, 64))),
    "guide": ((3, 2, (24, 48, 64)), (5, 2, (16, 32, 64))),
}
_HIDDEN = {"acceptor": (96, 128), "guide": (64, 160)}


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
    hidden = _HIDDEN[kind][number % 2]
    if features:
        return JudgeConfig(name=name, kind=kind, hidden=hidden)
    kernel, first, widths = _KERNELS[kind][number % 2]
    strides = [first] + [2] * (len(widths) - 1)
    while -(-side // 2 ** strides.count(2)) > _LAST_MAP:
        strides, widths = [*strides, 2], (*widths, widths[-1])
    return JudgeConfig(
        name=name, kind=kind, kernel=kernel, strides=strides, widths=list(widths), hidden=hidden
    )

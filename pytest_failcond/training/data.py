"""Training images: the user's own, clean and corrupted, in keyed batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from pytest_failcond.corruptions import corrupt
from pytest_failcond.corruptions.names import check_name, check_severity
from pytest_failcond.corruptions.randomness import KeyedRandom, stream_key
from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.storage.reading import Many, Record, validate
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.words.printing import count


class _MixRecord(Record):
    """A `CorruptionMix` in the record of a training."""

    corruptions: Many[str] = Field(["gaussian_blur", "gaussian_noise"])
    severities: Many[int] = Field([1, 2, 3])
    probability: float = 0.5


@dataclass(frozen=True)
class CorruptionMix:
    """The corruption of a training image: with ``probability``, all ``corruptions`` one after the
    other.

    Each has its own severity, drawn evenly from ``severities``. The default is the paper's
    (arXiv 2410.12814): with probability ½ blurred, then noised, severities 1 to 3.

    Raises:
        FailcondError: a corruption or severity does not exist or comes twice, or the probability
            is outside 0 to 1.
    """

    corruptions: tuple[str, ...] = ("gaussian_blur", "gaussian_noise")
    severities: tuple[int, ...] = (1, 2, 3)
    probability: float = 0.5

    def __post_init__(self) -> None:
        for name in self.corruptions:
            check_name(name)
        for severity in self.severities:
            check_severity(severity)
        for key in ("corruptions", "severities"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise FailcondError(f"{key}: {list(values)} names one twice")
        if self.corruptions and not self.severities:
            raise FailcondError("severities: give at least one of 1 to 5")
        if not 0 <= self.probability <= 1:
            raise FailcondError(f"probability {self.probability} is outside 0 to 1")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CorruptionMix:
        """Read the result of `dataclasses.asdict`, also after a way through JSON.

        Raises:
            FailcondError: it is of other types, or as above.
        """
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in dict(data).items()}
        try:
            record = validate(_MixRecord, plain)
        except ValueError as error:
            raise FailcondError(f"mix: {error}") from error
        return cls(tuple(record.corruptions), tuple(record.severities), record.probability)

    def apply(
        self, images: npt.NDArray[np.uint8], indices: npt.NDArray[np.int64], seed: int
    ) -> npt.NDArray[np.uint8]:
        """Corrupt uint8 ``[N, H, W, C]``, keyed by the seed and each image's index."""
        out = images.copy()
        if not self.corruptions:
            return out
        draws = KeyedRandom("mix", seed, indices=indices).uniform(1 + len(self.corruptions))
        chance = draws[:, 0]
        severities = np.asarray(self.severities)[
            (draws[:, 1:] * len(self.severities)).astype(np.int64)
        ]
        for position, name in enumerate(self.corruptions):
            for severity in self.severities:
                rows = np.flatnonzero(
                    (chance < self.probability) & (severities[:, position] == severity)
                )
                if len(rows):
                    out[rows] = corrupt(out[rows], name, severity, seed=seed, indices=indices[rows])
        return out


class TrainingImages:
    """Batches of an image set, padded to the generator's square and keyed by step.

    Args:
        data: the images; every class up to the largest label needs one at least.
        resolution: side of the generator's square, px.
        mix: their corruption.
        seed: keys the choice of images and their corruption.

    Raises:
        FailcondError: a class has no image, or the images are larger than the square.
    """

    def __init__(self, data: LabeledImages, resolution: int, mix: CorruptionMix, seed: int) -> None:
        height, width, _ = data.shape
        if max(height, width) > resolution:
            raise FailcondError(
                f"images of {height} x {width} px do not fit a {resolution} px generator"
            )
        top, left = (resolution - height) // 2, (resolution - width) // 2
        self._padding = (
            (0, 0),
            (top, resolution - height - top),
            (left, resolution - width - left),
            (0, 0),
        )
        self.mix = mix
        self._resolution = resolution
        self._data = data
        self._seed = seed
        self._by_class = [
            np.flatnonzero(data.labels == c) for c in range(int(data.labels.max()) + 1)
        ]
        for label, rows in enumerate(self._by_class):
            if not len(rows):
                raise FailcondError(
                    f"labels: no image has label {label}, though labels go up to "
                    f"{len(self._by_class) - 1}; number the classes without a gap"
                )

    @property
    def hash(self) -> str:
        """A hash of the images and their corruption."""
        return f"{self._data.hash} {self.mix} {self._seed}"

    def check(self, config: GeneratorConfig) -> None:
        """Raise a FailcondError unless a generator of this shape can learn from these images."""
        if len(config.classes) != len(self._by_class):
            raise FailcondError(
                f"classes: {count(len(config.classes), 'name')}, but the labels are "
                f"0 to {len(self._by_class) - 1}; name every class once"
            )
        expected = (*config.image_size, config.image_channels)
        if self._data.shape != expected or self._resolution != config.resolution:
            raise FailcondError(
                f"the generator is for {config.resolution} px and images {list(expected)}, "
                f"got {self._resolution} px and {list(self._data.shape)}"
            )

    def batch(self, labels: npt.NDArray[np.int64], step: int) -> Tensor:
        """Return one image per label, drawn and corrupted: float32 ``[N, C, R, R]`` in [-1, 1]."""
        random = np.random.Generator(np.random.Philox(key=stream_key("batch", self._seed, step)))
        chosen = np.array([random.choice(self._by_class[label]) for label in labels])
        # The first draw of step s is image s N of an endless stream: no corruption comes twice.
        counter = step * len(labels) + np.arange(len(labels))
        images = self.mix.apply(self._data.images[chosen], counter, self._seed)
        padded = np.pad(images, self._padding)
        return torch.from_numpy(padded).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def labels_at(
    step: int, classes: int, count: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the labels of the real and of the generated images of a step, ``[count]`` each."""
    random = np.random.Generator(np.random.Philox(key=stream_key("step", seed, step)))
    return balanced_labels(classes, count, random), balanced_labels(classes, count, random)


def balanced_labels(classes: int, count: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return ``count`` labels, every class as often as any other (to within one), shuffled."""
    start = int(random.integers(classes))
    return random.permutation((np.arange(count) + start) % classes)

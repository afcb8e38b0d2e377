"""The examples that a judge learns from: readable variants of images, and images of nothing, keyed by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.corruptions import corrupt
from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.subjects.images import LabeledImages, to_float
from pytest_failcond.training.data import balanced_labels
from pytest_failcond.training.judges import ops
from pytest_failcond.training.judges.negatives import Family
from pytest_failcond.training.judges.variants import placed, readable, toned

_CHUNK, _LEVELS = 8, 2**24
"""The most steps whose examples are made at once, and the most levels of their images."""
_MILD = tuple(
    (name, severity)
    for name, most in (("shot_noise", 3), ("impulse_noise", 2), ("speckle_noise", 3),
                       ("jpeg_compression", 4), ("brightness", 2), ("gaussian_blur", 1))
    for severity in range(1, most + 1)
)  # fmt: skip
_CORRUPTED = 0.1


class Examples:
    """Batches of examples for one judge.

    Args:
        data: all images.
        rows: the images that the judge learns from.
        families: of its negatives.
        batch: examples per step.
        negatives: the number of them that show none of the classes.
        key: names its randomness.
    """

    def __init__(
        self,
        data: LabeledImages,
        rows: npt.NDArray[np.int64],
        families: Sequence[Family],
        *,
        batch: int,
        negatives: int,
        key: tuple[str | int, ...],
    ) -> None:
        self._data = data
        self._families = families
        self._batch, self._negatives, self._key = batch, negatives, key
        classes = int(data.labels.max()) + 1
        self._none = classes
        self._by_class = [rows[data.labels[rows] == label] for label in range(classes)]
        self._steps = min(max(_LEVELS // (batch * int(np.prod(data.shape))), 1), _CHUNK)
        self._chunk: tuple[int, Tensor, Tensor] | None = None

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the images of a step, float32 ``[N, C, H, W]``, and the right answers, ``[N]``."""
        number, place = divmod(step, self._steps)
        if self._chunk is None or self._chunk[0] != number:
            self._chunk = (number, *self._make(number))
        _, images, labels = self._chunk
        return images[place], labels[place]

    def _make(self, number: int) -> tuple[Tensor, Tensor]:
        """Make the examples of a chunk of steps: ``[steps, N, …]``, positives first."""
        key = stream_key("judges", "examples", *self._key, number)
        random = np.random.Generator(np.random.Philox(key=key))
        draws = torch.Generator().manual_seed(int(key[0] >> np.uint64(1)))
        good, bad = self._batch - self._negatives, self._negatives
        images, labels = self._drawn(self._steps * good, random)
        positives = readable(self._mildly_corrupted(images, random, number), draws)
        drawn, pairs = self._drawn(self._steps * bad, random)
        sources = placed(torch.from_numpy(to_float(drawn)), draws)
        nothing = made_of_nothing(sources, torch.from_numpy(pairs), self._families, draws)
        answers = torch.full((self._steps, bad), self._none)
        return (
            torch.cat([self._by_step(positives), self._by_step(nothing)], dim=1),
            torch.cat([self._by_step(torch.from_numpy(labels)), answers], dim=1),
        )

    def _by_step(self, values: Tensor) -> Tensor:
        return values.reshape(self._steps, -1, *values.shape[1:])

    def _drawn(
        self, count: int, random: np.random.Generator
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Draw images, every class equally often."""
        labels = balanced_labels(len(self._by_class), count, random)
        places = random.random(count)
        sizes = np.array([len(rows) for rows in self._by_class])
        starts = np.concatenate([[0], sizes.cumsum()[:-1]])
        rows = np.concatenate(self._by_class)[
            starts[labels] + np.floor(places * sizes[labels]).astype(np.int64)
        ]
        return self._data.images[rows], labels

    def _mildly_corrupted(
        self, images: npt.NDArray[np.uint8], random: np.random.Generator, number: int
    ) -> Tensor:
        """Corrupt some of the images as ImageNet-C does, each by one corruption at a mild severity."""
        which = random.integers(len(_MILD), size=len(images))
        touched = random.random(len(images)) < _CORRUPTED
        counter = np.arange(len(images)) + number * len(images)
        out = images.copy()
        for kind, (name, severity) in enumerate(_MILD):
            rows = np.flatnonzero(touched & (which == kind))
            if len(rows):
                out[rows] = corrupt(out[rows], name, severity, indices=counter[rows])
        return torch.from_numpy(to_float(out))


def made_of_nothing(
    images: Tensor, labels: Tensor, families: Sequence[Family], random: torch.Generator
) -> Tensor:
    """Return an image of nothing for each image, equally many of every family; contrast and noise vary."""
    out = images.clone()
    order = torch.randperm(len(images), generator=random)
    for number, family in enumerate(families):
        rows = order[number :: len(families)]
        if len(rows):
            out[rows] = family(images[rows], labels[rows], random)
    return toned(ops.some(out, 0.3, _grainy, random), random)


def _grainy(images: Tensor, random: torch.Generator) -> Tensor:
    return images + ops.uniform(images, 0.0, 0.15, random) * ops.noise(images, random)

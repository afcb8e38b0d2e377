"""Pixels of hard images, to the last bit the same whenever they are made with the same generator.

The last bits of a network's output depend on an image's place in its batch, and rounding to 8 bits would
make a whole level of some of them. So styles are drawn in blocks, and an image keeps its place in the
block wherever it is rendered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.generators.base import Generator
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.images import to_uint8

BLOCK = 64
"""Samples that are drawn together, and images that are made together: every batch of a generator
divides it."""


class Moved(Protocol):
    """A start image, and how it is moved: as of `HardImage`."""

    @property
    def label(self) -> int: ...
    @property
    def sample(self) -> int: ...
    @property
    def dimensions(self) -> Sequence[int]: ...
    @property
    def shifts(self) -> Sequence[float]: ...


class StartStyles:
    """The style vectors of start images, whose stream is shared with no test.

    Args:
        generator: makes them.
        seed: keys them.
        truncation: as of `Generator.sample`.
    """

    def __init__(self, generator: Generator, seed: int, truncation: float) -> None:
        self.generator, self._seed, self._truncation = generator, seed, truncation

    @ours()
    def block(self, label: int, first: int) -> Tensor:
        """Draw the samples ``first`` … ``first`` + 63 of a class, ``[64, S]``; ``first`` begins a block."""
        labels = torch.full((BLOCK,), label)
        return self.generator.sample(
            labels, self._seed, stream=f"export/{label}", first=first, truncation=self._truncation
        )

    def of(self, images: Sequence[Moved], std: Mapping[int, float]) -> Tensor:
        """Return the style vectors of moved images, ``[N, S]``."""
        blocks: dict[tuple[int, int], Tensor] = {}
        styles = []
        for image in images:
            place = image.sample % BLOCK
            key = image.label, image.sample - place
            if key not in blocks:
                blocks[key] = self.block(*key)
            style = blocks[key][place].clone()
            for k, shift in zip(image.dimensions, image.shifts, strict=True):
                style[k] += float(np.float32(shift * std[k]))
            styles.append(style)
        return torch.stack(styles)

    @ours()
    def render(self, images: Sequence[Moved], std: Mapping[int, float]) -> npt.NDArray[np.uint8]:
        """Make moved images, uint8 ``[N, H, W, C]``; ``std`` has the σ of every moved dimension."""
        pixels = np.empty((len(images), *self.generator.image_shape), dtype=np.uint8)
        if not images:
            return pixels
        styles = self.of(images, std)
        places = np.array([image.sample % BLOCK for image in images])
        for rows in _apart(places):
            batch = styles[rows[0]].repeat(BLOCK, 1)
            batch[places[rows]] = styles[rows]
            made = self.generator.synthesize(batch).numpy()
            pixels[rows] = to_uint8(made[places[rows]])
        return pixels


def _apart(places: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Divide rows into batches in which no place is taken twice."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    turn = np.arange(len(places)) - np.searchsorted(ordered, ordered)
    for number in range(int(turn.max()) + 1):
        yield order[turn == number]

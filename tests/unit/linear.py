"""A generator of another kind, in a few dozen lines: images are linear in normal styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.generators.base import Generator, Move
from pytest_failcond.stylegan2.generator import Generator as StyleGAN2


@dataclass(frozen=True)
class LinearSpace:
    """Normal dimensions around 0, in layers of two."""

    std: npt.NDArray[np.float64]

    @property
    def size(self) -> int:
        return len(self.std)

    @property
    def range(self) -> npt.NDArray[np.float64]:
        return np.stack([-3.09 * self.std, 3.09 * self.std])

    def name(self, dimension: int) -> str:
        return f"layer{self.layer_of(dimension)}[{dimension % 2}]"

    def layer_of(self, dimension: int) -> int:
        return dimension // 2


class LinearGenerator:
    """Images are base + Σ s_k · weights[k], clamped, whatever the class.

    Args:
        weights: ``[S, C, H, W]``.
        base: brightness of all pixels where the styles are 0.
        std: of the styles, ``[S]``.
    """

    classes = ("circle", "square", "star")
    hash = "linear:1"

    def __init__(self, weights: Tensor, base: float, std: Sequence[float]) -> None:
        self._weights, self._base = weights, base
        self.style_space = LinearSpace(np.array(std))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        _, channels, height, width = self._weights.shape
        return height, width, channels

    def sample(
        self, labels: Any, seed: int = 0, *, stream: str = "sample", first: int = 0
    ) -> Tensor:
        numbers = np.arange(first, first + len(labels))
        drawn = KeyedRandom("z", seed, stream, indices=numbers).normal(self.style_space.size)
        return torch.from_numpy((drawn * self.style_space.std).astype(np.float32))

    def render(self, styles: Tensor) -> Tensor:
        raw: Tensor = self._base + torch.tensordot(styles, self._weights, dims=1)
        return raw.clamp(0, 1)

    def synthesize(self, styles: Tensor) -> Tensor:
        with torch.no_grad():
            return self.render(styles)

    def mover(self, styles: Tensor, moves: Sequence[Move]) -> LinearMover:
        return LinearMover(self, styles, moves)


@dataclass(frozen=True)
class LinearMover:
    generator: LinearGenerator
    styles: Tensor
    moves: Sequence[Move]

    def images(
        self,
        rows: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        amounts: npt.NDArray[np.float64],
    ) -> Tensor:
        styles = self.styles[torch.from_numpy(rows)].clone()
        for i, (d, amount) in enumerate(zip(which, amounts, strict=True)):
            for k, unit in self.moves[d].items():
                styles[i, k] += amount * unit
        return self.generator.synthesize(styles)


def both_are_generators(linear: LinearGenerator, ours: StyleGAN2) -> list[Generator]:
    """Of interest to the type checker."""
    return [linear, ours]

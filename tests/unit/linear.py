"""A generator of another kind, in a few dozen lines: images are linear in normal styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.generators.base import Generator, Move

if TYPE_CHECKING:
    from pytest_failcond.generators.stylegan2.generator import Generator as StyleGAN2

STD = (0.5, 1.0, 2.0, 1.0)
LOST, FAINT = 2, 0  # the dimension that loses a class, by 0.1 per σ, and one that does less


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
        self,
        labels: Any,
        seed: int = 0,
        *,
        stream: str = "sample",
        first: int = 0,
        truncation: float = 1.0,
    ) -> Tensor:
        numbers = np.arange(first, first + len(labels))
        drawn = KeyedRandom("z", seed, stream, indices=numbers).normal(self.style_space.size)
        return torch.from_numpy((truncation * drawn * self.style_space.std).astype(np.float32))

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


def linear_generator() -> LinearGenerator:
    """Images 0.6 bright, less 0.1 for each σ of one dimension and 0.02 of another."""
    weights = torch.zeros(len(STD), 1, 8, 8)
    weights[LOST] = -0.1 / STD[LOST]
    weights[FAINT] = -0.02 / STD[FAINT]
    return LinearGenerator(weights, 0.6, STD)


class Bright(nn.Module):
    """Takes an image for class 0 while its mean is over a level, else for class 1; a judge is sharp."""

    def __init__(self, level: float, sharpness: float = 5.0) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, images: Tensor) -> Tensor:
        margin = (images.mean(dim=(1, 2, 3)) - self.level) * self.sharpness
        return torch.stack([margin, -margin, torch.full_like(margin, -50.0)], dim=1)


def both_are_generators(linear: LinearGenerator, ours: StyleGAN2) -> list[Generator]:
    """Of interest to the type checker."""
    return [linear, ours]

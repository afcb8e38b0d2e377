"""A generator around another: what it does not change is the other's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pytest_failcond.generators.base import (
    Generator,
    Move,
    Mover,
    StyleSpace,
    batches_of,
    work_from,
)
from pytest_failcond.process.batching import Batches


class Around:
    """The same images of the same classes as another generator's; kinds of it change some of that.

    Args:
        generator: the other.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its images."""
        return self.generator.image_shape

    @property
    def style_space(self) -> StyleSpace:
        """The dimensions of its style vectors, their σ and range."""
        return self.generator.style_space

    def sample(
        self,
        labels: Any,
        seed: int = 0,
        *,
        stream: str = "sample",
        first: int = 0,
        truncation: float = 1.0,
    ) -> Tensor:
        """Draw style vectors."""
        return self.generator.sample(
            labels, seed, stream=stream, first=first, truncation=truncation
        )

    def synthesize(self, styles: Tensor) -> Tensor:
        """Make images, in batches."""
        return self.generator.synthesize(styles)

    def render(self, styles: Tensor) -> Tensor:
        """Make the images of one batch; gradients flow to ``styles``."""
        return self.generator.render(styles)

    def mover(self, styles: Tensor, moves: Sequence[Move]) -> Mover:
        """Prepare to move the images of ``styles`` ``[N, S]``, each along any of ``moves``."""
        return self.generator.mover(styles, moves)

    def work_from(self, layer: int) -> float:
        """Return the share of a synthesis that a shift in a layer repeats."""
        return work_from(self.generator, layer)

    @property
    def batches(self) -> Batches:
        """How many images are computed together."""
        return batches_of(self.generator)

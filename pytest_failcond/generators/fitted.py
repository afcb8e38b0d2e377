"""A generator whose images are cropped, resized or made gray, so that a classifier can take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.around import Around
from pytest_failcond.generators.base import Generator, Move, Mover, batches_of
from pytest_failcond.process.batching import Batches, slices
from pytest_failcond.process.surroundings import ours

Size = tuple[int, int]
"""Height and width, px."""

_GRAY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow's mode L


@dataclass(frozen=True)
class Fit:
    """What is done to images, in this order; None: nothing.

    Attributes:
        crop: the centre that is kept.
        resize: the size to which that is resized, bilinearly, with a wider filter where it shrinks.
        channels: 1: made gray; 3: gray in three channels.
    """

    crop: Size | None = None
    resize: Size | None = None
    channels: int | None = None

    @property
    def words(self) -> str:
        """What is done, as ``cropped to 24 x 24 px and made gray``; empty: nothing."""
        parts = []
        if self.crop is not None:
            parts.append(f"cropped to {_px(self.crop)}")
        if self.resize is not None:
            parts.append(f"resized to {_px(self.resize)}")
        if self.channels is not None:
            parts.append("made gray" if self.channels == 1 else "given three equal channels")
        return (
            " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
        )

    def apply(self, images: Tensor) -> Tensor:
        """Return images ``[N, C, H, W]`` in [0, 1], changed; gradients flow."""
        if self.crop is not None:
            top, left = ((images.shape[2 + i] - self.crop[i]) // 2 for i in (0, 1))
            images = images[:, :, top : top + self.crop[0], left : left + self.crop[1]]
        if self.resize is not None:
            images = F.interpolate(images, self.resize, mode="bilinear", antialias=True).clamp(0, 1)
        if self.channels == 1:
            weights = images.new_tensor(_GRAY)[:, None, None]
            images = (images * weights).sum(dim=1, keepdim=True).clamp(0, 1)
        if self.channels == 3:
            images = images.expand(-1, 3, -1, -1)
        return images


def fit_for(
    made: tuple[int, int, int],
    wanted: tuple[int, int, int] | None,
    crop: Size | None = None,
    resize: Size | None = None,
    channels: int | None = None,
) -> Fit:
    """Return what makes a generator's images like the test images.

    Args:
        made: height, width and channels of the generator's images.
        wanted: of the test images; None: there are none.
        crop: the centre to keep; default one of the test images' proportions, unless ``resize`` is given.
        resize: the size to resize it to; default that of the test images.
        channels: default those of the test images.

    Raises:
        FailcondError: the centre is larger than the image.
    """
    size = made[:2]
    if crop is not None and (crop[0] > size[0] or crop[1] > size[1]):
        raise FailcondError(
            f"generator.crop: {_px(crop)} is larger than the generator's images of {_px(size)}"
        )
    if wanted is not None:
        if crop is None and resize is None:
            crop = _proportioned(size, wanted[:2])
        if resize is None:
            resize = wanted[:2]
        channels = wanted[2] if channels is None else channels
    kept = size if crop is None else crop
    return Fit(
        crop=None if kept == size else crop,
        resize=None if resize == kept else resize,
        channels=None if channels == made[2] else channels,
    )


class Fitted(Around):
    """A generator with other images; its samples and its StyleSpace are the same.

    Args:
        generator: whose images are changed.
        fit: how.
    """

    def __init__(self, generator: Generator, fit: Fit) -> None:
        super().__init__(generator)
        self.fit = fit

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes, by index."""
        return self.generator.classes

    @property
    def hash(self) -> str:
        """The generator's, and what is done to its images."""
        return f"{self.generator.hash}, {self.fit.words}"

    @property
    def training(self) -> dict[str, Any]:
        """How the training images were corrupted, if it is known; figures of other images do not count."""
        kept: dict[str, Any] = getattr(self.generator, "training", {})
        return {key: value for key, value in kept.items() if key == "mix"}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its images."""
        height, width, channels = self.generator.image_shape
        height, width = self.fit.resize or self.fit.crop or (height, width)
        return height, width, self.fit.channels or channels

    @ours()
    def synthesize(self, styles: Tensor) -> Tensor:
        """Make images, in batches."""
        parts = slices(len(styles), batches_of(self.generator).images)
        with torch.no_grad():
            made = [self.fit.apply(self.generator.synthesize(styles[part])) for part in parts]
            return torch.cat(made)

    def render(self, styles: Tensor) -> Tensor:
        """Make the images of one batch; gradients flow to ``styles``."""
        return self.fit.apply(self.generator.render(styles))

    @property
    def batches(self) -> Batches:
        """How many images are computed together: fewer where they are made larger."""
        height, width, _ = self.image_shape
        return Batches(*map(min, batches_of(self.generator), Batches.of(height, width)))

    def mover(self, styles: Tensor, moves: Sequence[Move]) -> Mover:
        """Prepare to move the images of ``styles`` ``[N, S]``, each along any of ``moves``."""
        size = batches_of(self.generator).images
        return _FittedMover(self.generator.mover(styles, moves), self.fit, size)


@dataclass(frozen=True)
class _FittedMover:
    mover: Mover
    fit: Fit
    batch: int

    @ours()
    def images(
        self,
        rows: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        amounts: npt.NDArray[np.float64],
    ) -> Tensor:
        """Return image ``rows[i]`` moved by ``amounts[i]`` units of move ``which[i]``."""
        with torch.no_grad():
            return torch.cat(
                [
                    self.fit.apply(self.mover.images(rows[part], which[part], amounts[part]))
                    for part in slices(len(rows), self.batch)
                ]
            )


def _proportioned(size: Size, wanted: Size) -> Size:
    """Return the largest centre of a size that has the proportions of another."""
    scale = min(size[0] / wanted[0], size[1] / wanted[1])
    height, width = (
        max(1, min(round(scale * n), limit)) for n, limit in zip(wanted, size, strict=True)
    )
    return height, width


def _px(size: Size) -> str:
    return f"{size[0]} x {size[1]} px"

"""Readable variants of an image, which a judge should still accept."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pytest_failcond.training.judges import ops

FAINTEST = 0.08
"""The lowest contrast in training, as a share of the image's own: about 20 of 255 levels."""

MOVED, CHANGED = 0.2, 0.5
"""Shares of the images that are moved, and that are changed in other ways."""


def readable(images: Tensor, random: torch.Generator) -> Tensor:
    """Change images ``[N, C, H, W]`` in ways that leave them readable.

    Most are not moved, because interpolation softens what it moves: a judge that never sees an image as sharp as
    those that it is shown later takes sharpness for a sign of *none of these*.
    """
    images = ops.some(images, MOVED, jittered, random)
    return toned(ops.some(images, CHANGED, changed, random), random)


def changed(images: Tensor, random: torch.Generator) -> Tensor:
    """Make each change to some of the images: of the strokes first, then blur, then noise."""
    for change, probability in CHANGES.items():
        images = ops.some(images, probability, change, random)
    return images


def toned(images: Tensor, random: torch.Generator) -> Tensor:
    """Lower the contrast of some images; invert a few gray ones; round all to 8 bits."""
    images = images.clamp(0, 1)
    if images.shape[1] == 1:
        images = torch.where(ops.chance(images, 0.04, random), 1 - images, images)
    return ops.levels(ops.some(images, 0.3, faint, random))


def faint(images: Tensor, random: torch.Generator) -> Tensor:
    """Lower the contrast, down to `FAINTEST`."""
    return ops.dimmed(images, FAINTEST, random)


def hollow(images: Tensor, random: torch.Generator) -> Tensor:
    """Leave the outlines, near each other or apart: bright parts fade, some below the ground."""
    images = ops.some(images, 0.6, ops.widened, random)
    low, span = ops.lowest(images), ops.span(images)
    soft = ops.blurred(images, ops.uniform(images, 0.02, 0.04, random) * ops.side(images))
    share = ((soft - low) / span.clamp(min=1e-3)).clamp(0, 1)
    kept = ops.uniform(images, -0.5, 0.4, random)
    ground = ops.uniform(images, 0.0, 0.4, random)
    outline = 4 * share * (1 - share) * (1 - kept.clamp(min=0)) + share * kept
    return low + span * (ground + (1 - ground) * outline)


def reshaped(images: Tensor, random: torch.Generator) -> Tensor:
    """Let what is bright be wider or thinner."""
    thinner = ops.narrowed(images)
    share = ops.uniform(images, 0.3, 0.8, random)
    thinner = images + share * (thinner - images)
    return torch.where(ops.chance(images, 0.5, random), ops.widened(images, random), thinner)


def jittered(images: Tensor, random: torch.Generator) -> Tensor:
    """Turn, scale and shift a little."""
    count = len(images)
    angle = (torch.rand(count, generator=random) * 2 - 1) * math.pi / 24
    scale = torch.exp((torch.rand(count, generator=random) * 2 - 1) * 0.1)
    shift = (torch.rand((count, 2), generator=random) * 2 - 1) * 0.05
    return ops.moved(images, angle, scale, shift)


def uneven(images: Tensor, random: torch.Generator) -> Tensor:
    """Make parts of the figure fainter than others."""
    ground = ops.middle(images)
    least = ops.uniform(images, 0.3, 0.9, random)
    return ground + (images - ground) * (least + (1 - least) * ops.field(images, 4, random))


def broken(images: Tensor, random: torch.Generator) -> Tensor:
    """Take out three small pieces."""
    for _ in range(3):
        gap = ops.window(images, ops.uniform(images, 0.04, 0.12, random), random, 0.8)
        images = torch.where(gap, ops.middle(images), images)
    return images


def softened(images: Tensor, random: torch.Generator) -> Tensor:
    """Blur a little."""
    return ops.blurred(images, ops.uniform(images, 0.01, 0.07, random) * ops.side(images))


def grainy(images: Tensor, random: torch.Generator) -> Tensor:
    """Add noise that is well below the figure's contrast."""
    strength = ops.uniform(images, 0.0, 0.4, random) * ops.span(images)
    return images + strength * ops.noise(images, random)


def speckled(images: Tensor, random: torch.Generator) -> Tensor:
    """Make a few pixels black or white."""
    draws = torch.rand((len(images), 1, *images.shape[2:]), generator=random)
    share = ops.uniform(images, 0.0, 0.08, random)
    return torch.where(draws < share, (draws < share / 2).float(), images)


CHANGES: dict[Callable[[Tensor, torch.Generator], Tensor], float] = {
    **{uneven: 0.2, hollow: 0.2, reshaped: 0.2, broken: 0.1},
    **{softened: 0.45, grainy: 0.6, speckled: 0.08},
}
"""Changes that leave an image readable, in their order, and the share of changed images that get each."""

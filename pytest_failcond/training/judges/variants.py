"""Readable variants of an image, which a judge should still accept."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pytest_failcond.training.judges import ops

FAINTEST = 0.08
"""The lowest contrast in training, as a share of the image's own: about 20 of 255 levels."""


def readable(images: Tensor, random: torch.Generator) -> Tensor:
    """Change images ``[N, C, H, W]`` in ways that leave them readable; three in five stay sharp and clean."""
    plain = jittered(images, random)
    changed = plain
    for change, probability in (
        (uneven, 0.25),
        (hollow, 0.1),
        (broken, 0.15),
        (softened, 0.3),
        (grainy, 0.4),
        (speckled, 0.1),
    ):
        changed = ops.some(changed, probability, change, random)
    kept = ops.chance(images, 0.6, random)
    return toned(torch.where(kept, plain, changed), random)


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
    """Leave the outlines: half tones become the brightest, and bright parts fade."""
    flat = images.flatten(1)
    low, high = (end[:, None, None, None] for end in (flat.amin(dim=1), flat.amax(dim=1)))
    soft = ops.blurred(images, ops.uniform(images, 0.015, 0.035, random) * ops.side(images))
    share = ((soft - low) / (high - low).clamp(min=1e-3)).clamp(0, 1)
    kept = ops.uniform(images, 0.0, 0.4, random)
    return low + (high - low) * (4 * share * (1 - share) * (1 - kept) + share * kept)


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
    return ops.blurred(images, ops.uniform(images, 0.01, 0.055, random) * ops.side(images))


def grainy(images: Tensor, random: torch.Generator) -> Tensor:
    """Add noise that is well below the figure's contrast."""
    return images + ops.uniform(images, 0.0, 0.3, random) * ops.noise(images, random)


def speckled(images: Tensor, random: torch.Generator) -> Tensor:
    """Make a few pixels black or white."""
    draws = torch.rand((len(images), 1, *images.shape[2:]), generator=random)
    share = ops.uniform(images, 0.0, 0.08, random)
    return torch.where(draws < share, (draws < share / 2).float(), images)

"""Readable variants of an image, which a judge should still accept."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pytest_failcond.training.judges import ops

FAINTEST = 0.08
"""The lowest contrast in training, as a share of the image's own: about 20 of 255 levels."""

MOVED, CHANGED = 0.8, 0.4
"""Shares of the images that are moved, and that are changed in other ways."""


MOST_BENT = 0.1
"""Twice the farthest that a place is moved by bending, as a share of the side."""


def readable(images: Tensor, random: torch.Generator) -> Tensor:
    """Change images ``[N, C, H, W]`` in ways that leave them readable."""
    return toned(ops.some(placed(images, random), CHANGED, changed, random), random)


def placed(images: Tensor, random: torch.Generator) -> Tensor:
    """Move most images a little.

    Interpolation softens what it moves. The images that negatives are made of are moved as often, so that a judge
    does not take sharpness for a sign of *none of these*.
    """
    return ops.some(images, MOVED, jittered, random)


def changed(images: Tensor, random: torch.Generator) -> Tensor:
    """Change the strokes of some images; make some blurred, others noisy, and none both."""
    for change, probability in OF_STROKES.items():
        images = ops.some(images, probability, change, random)
    draws = torch.rand(len(images), generator=random)
    out = images.clone()
    start = 0.0
    for change, probability in OF_TEXTURE.items():
        rows = ((draws >= start) & (draws < start + probability)).nonzero()[:, 0]
        start += probability
        if len(rows):
            out[rows] = change(images[rows], random)
    return out


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
    """Turn, scale, shift and bend a little."""
    count = len(images)
    angle = (torch.rand(count, generator=random) * 2 - 1) * math.pi / 18
    scale = torch.exp((torch.rand(count, generator=random) * 2 - 1) * 0.12)
    shift = (torch.rand((count, 2), generator=random) * 2 - 1) * 0.06
    bends = ops.field(images, 4, random, channels=2) - 0.5
    return ops.moved(
        images, angle, scale, shift, bends * ops.uniform(images, 0.0, MOST_BENT, random)
    )


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


Change = Callable[[Tensor, torch.Generator], Tensor]

OF_STROKES: dict[Change, float] = {uneven: 0.25, hollow: 0.15, reshaped: 0.2, broken: 0.15}
"""Changes of the strokes, in their order, and the share of changed images that get each."""
OF_TEXTURE: dict[Change, float] = {softened: 0.35, grainy: 0.4, speckled: 0.08}
"""Changes of the texture: an image gets one at most, because it is hard to read after two."""
CHANGES = (*OF_STROKES, *OF_TEXTURE)

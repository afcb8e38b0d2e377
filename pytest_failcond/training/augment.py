"""Adaptive discriminator augmentation (Karras et al. 2020, arXiv 2006.06676), for scarce data.

The discriminator's images, real and generated, are moved, scaled, turned, brightened and stretched,
each with probability p; p follows the share of real images that the discriminator takes for real,
so that overfitting raises it. No mirroring: it would change digits and text.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

TARGET = 0.6  # of E[sign(D(real))]
ADJUSTMENT_IMAGES = 500_000  # p moves from 0 to 1 within as many images
SHIFT = 0.125  # of the image side, at most
SCALE = 0.2  # standard deviation in octaves
BRIGHTNESS = 0.2
CONTRAST = 0.5  # standard deviation in octaves


def augment(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Augment ``[N, C, H, W]`` in [-1, 1], differentiably; black stays the outside."""
    if probability <= 0:
        return images
    count = len(images)

    def chance(values: Tensor, neutral: float) -> Tensor:
        applied = torch.rand(count, generator=random, device=random.device) < probability
        return torch.where(applied, values, torch.full_like(values, neutral))

    def uniform() -> Tensor:
        return torch.rand(count, generator=random, device=random.device) * 2 - 1

    def normal() -> Tensor:
        return torch.randn(count, generator=random, device=random.device)

    angle = chance(uniform() * math.pi / 12, 0.0)
    scale = chance(torch.exp2(normal() * SCALE), 1.0)
    shift_x, shift_y = chance(uniform() * SHIFT, 0.0), chance(uniform() * SHIFT, 0.0)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [
        torch.stack([cosine, -sine, 2 * shift_x], 1),
        torch.stack([sine, cosine, 2 * shift_y], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    # Sampling pads with zeros: shifted by one, they are black (-1).
    moved = F.grid_sample(images.float() + 1, grid, align_corners=False) - 1
    brightness = chance(normal() * BRIGHTNESS, 0.0)[:, None, None, None]
    contrast = chance(torch.exp2(normal() * CONTRAST), 1.0)[:, None, None, None]
    return (moved + brightness) * contrast


def adjust(probability: float, real_signs: float, images: int) -> float:
    """Return the next p, given the mean of sign(D(real)) since the last ``images`` images."""
    step = math.copysign(images / ADJUSTMENT_IMAGES, real_signs - TARGET)
    return min(max(probability + step, 0.0), 1.0)

"""The operations of variants and negatives, on batches of images ``[N, C, H, W]`` in [0, 1], with keyed draws.

Sizes are shares of the image's side, so that they mean the same at any resolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor


def uniform(images: Tensor, low: float, high: float, random: torch.Generator) -> Tensor:
    """Draw a number for each image, ``[N, 1, 1, 1]``."""
    return torch.rand((len(images), 1, 1, 1), generator=random) * (high - low) + low


def chance(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Draw true for each image with a probability, bool ``[N, 1, 1, 1]``."""
    return torch.rand((len(images), 1, 1, 1), generator=random) < probability


def some(
    images: Tensor,
    probability: float,
    change: Callable[[Tensor, torch.Generator], Tensor],
    random: torch.Generator,
) -> Tensor:
    """Change each image with a probability; only those are computed."""
    rows = chance(images, probability, random).flatten().nonzero()[:, 0]
    if not len(rows):
        return images
    out = images.clone()
    out[rows] = change(images[rows], random)
    return out


def middle(images: Tensor) -> Tensor:
    """Return the median level of each image, ``[N, 1, 1, 1]``."""
    return images.flatten(1).median(dim=1).values[:, None, None, None]


def ends(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest level of each image's channels, ``[N, C, 1, 1]``."""
    return images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)


def lowest(images: Tensor) -> Tensor:
    """Return the lowest level of each image, ``[N, 1, 1, 1]``."""
    return images.amin(dim=(1, 2, 3), keepdim=True)


def span(images: Tensor) -> Tensor:
    """Return how far the highest level of each image is from the lowest, ``[N, 1, 1, 1]``."""
    return images.amax(dim=(1, 2, 3), keepdim=True) - lowest(images)


def of_range(made: Tensor, images: Tensor) -> Tensor:
    """Stretch made images to the levels of the given ones."""
    (low, high), (bottom, top) = ends(images), ends(made)
    return low + (made - bottom) / (top - bottom).clamp(min=1e-3) * (high - low)


def side(images: Tensor) -> int:
    """Return the shorter side, px."""
    return min(images.shape[2:])


def blurred(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur each image by a Gaussian of its own σ, px: ``[N, 1, 1, 1]``."""
    for axis in (2, 3):
        size = images.shape[axis]
        offsets = torch.arange(size, dtype=torch.float32)
        distance = (offsets[:, None] - offsets[None, :])[None]
        weight = torch.exp(-0.5 * (distance / sigma.reshape(-1, 1, 1).clamp(min=1e-3)) ** 2)
        weight = weight / weight.sum(dim=2, keepdim=True)
        images = torch.einsum("nij,ncjw->nciw" if axis == 2 else "nij,nchj->nchi", weight, images)
    return images


def widened(images: Tensor, random: torch.Generator | None = None) -> Tensor:
    """Let what is bright be wider by a fourteenth of the side."""
    size = max(1, round(side(images) / 14))
    margins = (size // 2, (size - 1) // 2) * 2
    return F.max_pool2d(F.pad(images, margins, mode="replicate"), size, stride=1)


def narrowed(images: Tensor) -> Tensor:
    """Let what is bright be thinner by a fourteenth of the side."""
    return 1 - widened(1 - images)


def field(images: Tensor, cells: int, random: torch.Generator, channels: int = 1) -> Tensor:
    """Draw a smooth random field in [0, 1], ``[N, channels, H, W]``, with about ``cells`` bumps to a side."""
    coarse = torch.rand((len(images), channels, cells + 1, cells + 1), generator=random)
    rows, columns = (_between(cells + 1, size) for size in images.shape[2:])
    smooth: Tensor = rows @ coarse @ columns.T
    return smooth.clamp(0, 1)


@cache
def _between(points: int, size: int) -> Tensor:
    """Return the matrix of bicubic interpolation from a few points to a side, ``[size, points]``.

    Two products with it take a tenth of the time of `F.interpolate` on a CPU.
    """
    one = torch.eye(points)[None, None]
    return F.interpolate(one, (size, points), mode="bicubic", align_corners=True)[0, 0]


def moved(
    images: Tensor,
    angle: Tensor,
    scale: Tensor,
    shift: Tensor,
    bends: Tensor | None = None,
) -> Tensor:
    """Turn (radians), scale and shift (shares of the side, ``[N, 2]``) images; the border is repeated outside.

    With ``bends`` (shares of the side, ``[N, 2, H, W]``) each pixel is taken from its place plus an offset. All is one
    interpolation, because each softens the image.
    """
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = torch.stack(
        [
            torch.stack([cosine, -sine, 2 * shift[:, 0]], 1),
            torch.stack([sine, cosine, 2 * shift[:, 1]], 1),
        ],
        dim=1,
    )
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    if bends is not None:
        grid = grid + 2 * bends.permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def displaced(images: Tensor, offsets: Tensor) -> Tensor:
    """Take each pixel from its place plus an offset; offsets are shares of the side, ``[N, 2, H, W]``."""
    identity = torch.eye(2, 3).expand(len(images), 2, 3)
    grid = F.affine_grid(identity, list(images.shape), align_corners=False)
    grid = grid + 2 * offsets.permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def window(images: Tensor, extent: Tensor, random: torch.Generator, spread: float = 1.0) -> Tensor:
    """Draw a rectangle in each image, bool ``[N, 1, H, W]``.

    Args:
        images: the images.
        extent: its sides, as shares of the image's, ``[N, 1, 1, 1]``.
        random: keys its place.
        spread: its greatest distance from the centre, as a share of the room that there is.
    """
    height, width = images.shape[2:]
    inside = torch.ones((len(images), 1, 1, 1), dtype=torch.bool)
    for axis, size in ((2, height), (3, width)):
        length = extent * size
        centre = 0.5 + (torch.rand((len(images), 1, 1, 1), generator=random) - 0.5) * spread
        start = centre * (size - length)
        shape = [1, 1, 1, 1]
        shape[axis] = size
        position = torch.arange(size, dtype=torch.float32).reshape(shape) + 0.5
        inside = inside & (position >= start) & (position < start + length)
    return inside


def noise(images: Tensor, random: torch.Generator) -> Tensor:
    """Draw normal noise for each level."""
    return torch.randn(images.shape, generator=random)


def dimmed(images: Tensor, least: float, random: torch.Generator) -> Tensor:
    """Multiply the contrast by ``least`` to 1, drawn evenly in its logarithm, at any brightness."""
    gain = torch.exp(uniform(images, math.log(least), 0.0, random))
    room = uniform(images, 0.0, 1.0, random) * (1 - gain)
    return images * gain + room


def levels(images: Tensor) -> Tensor:
    """Round to 8 bits, as files hold images and people see them."""
    return (images.clamp(0, 1) * 255).round() / 255

"""Spatter: drops of water, lit at their rims, or blobs of mud. uint8 ``[N, H, W, C]`` in and out.

The definition is ImageNet-C's (Hendrycks & Dietterich 2019), as imagecorruptions 1.1.2 computes it;
a gray image is treated like the first channel of a colour image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions.filters import (
    FIELD_BITS,
    Floats,
    Images,
    filtered,
    gaussian_band,
    unit_to_levels,
)
from pytest_failcond.corruptions.randomness import KeyedRandom

_WATER = (175 / 255, 238 / 255, 238 / 255)  # pale turquoise
_MUD = (63 / 255, 42 / 255, 20 / 255)


def spatter(
    images: Images,
    constants: tuple[float, float, float, float, float, str],
    random: KeyedRandom,
) -> Images:
    """Spatter water or mud: (mean, spread and σ in px of its field, threshold, strength or σ, which)."""
    mean, spread, sigma, threshold, strength, liquid = constants
    _, height, width, channels = images.shape
    field = _smooth(random.coarse_normal(height, width), sigma) * spread + mean
    field[field < threshold] = 0
    if liquid == "water":
        cover = _drops((np.clip(field, 0, 1) * 255).astype(np.uint8)) * strength
        kept, colour = np.ones_like(cover), _WATER
    else:
        cover = _smooth((field > threshold).astype(np.float64), strength)
        cover[cover < 0.8] = 0
        kept, colour = 1 - cover, _MUD
    out = np.empty_like(images)
    for channel in range(channels):
        out[..., channel] = unit_to_levels(
            images[..., channel] / 255.0 * kept + cover * colour[channel]
        )
    return out


def _smooth(planes: Floats, sigma: float) -> Floats:
    """Blur multiples of 2**-12 below 8, ``[N, H, W]``: exact; edge pixels are repeated."""
    _, height, width = planes.shape
    down, across = (gaussian_band(size, sigma, FIELD_BITS) for size in (height, width))
    return filtered(planes, down, across)


def _drops(liquid: Images) -> Floats:
    """Light up the rims of drops ``[N, H, W]``: 0 to 1 by image, 0 where an image has none."""
    rims = _box3(_distance(_edges(liquid), 20)).astype(np.uint8)
    rims = _equalised(rims)
    lit = np.rint(_box3(np.clip(_embossed(rims), 0, 255).astype(np.float64))) * liquid
    brightest = lit.max(axis=(1, 2), keepdims=True)
    return np.asarray(lit / np.where(brightest == 0, 1.0, brightest))


def _edges(levels: Images) -> npt.NDArray[np.bool_]:
    """Find edges as Canny does, with Sobel's 3 x 3 gradients, their L1 norm, and thresholds 50, 150."""
    from scipy import ndimage

    x = np.pad(levels.astype(np.int16), ((0, 0), (1, 1), (1, 1)), mode="edge")
    column = x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]
    across = column[:, :, 2:] - column[:, :, :-2]
    row = x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]
    down = row[:, 2:] - row[:, :-2]
    size = np.abs(across) + np.abs(down)
    ring = np.pad(size, ((0, 0), (1, 1), (1, 1)))

    def neighbour(dy: int, dx: int) -> npt.NDArray[np.int16]:
        height, width = size.shape[1:]
        return ring[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    # A pixel is kept where the gradient is largest across the edge: of 4 directions, the nearest.
    flat = np.abs(down) < np.tan(np.pi / 8) * np.abs(across)
    steep = np.abs(down) > np.tan(3 * np.pi / 8) * np.abs(across)
    rising = (across < 0) != (down < 0)
    before = np.where(rising, neighbour(-1, 1), neighbour(-1, -1))
    after = np.where(rising, neighbour(1, -1), neighbour(1, 1))
    kept = (size > before) & (size > after)
    kept = np.where(flat, (size > neighbour(0, -1)) & (size >= neighbour(0, 1)), kept)
    kept = np.where(steep, (size > neighbour(-1, 0)) & (size >= neighbour(1, 0)), kept)
    # A weak edge is one where it hangs together with a strong one.
    in_plane = np.zeros((3, 3, 3), dtype=bool)
    in_plane[1] = True
    edge, count = ndimage.label(kept & (size > 50), in_plane)
    strong = np.zeros(count + 1, dtype=bool)
    strong[edge[kept & (size > 150)]] = True
    return np.asarray(strong.take(edge))


def _distance(edges: npt.NDArray[np.bool_], far: int) -> Floats:
    """Return each pixel's distance to the nearest edge, px, at most ``far``: ``[N, H, W]``.

    First along the rows, then over the rows: the least of dy^2 + dx^2.
    """
    _, height, width = edges.shape
    place = np.arange(width, dtype=np.int16)
    before = np.maximum.accumulate(np.where(edges, place, np.int16(-far)), axis=2)
    flipped = np.where(edges, place, np.int16(width + far))[:, :, ::-1]
    after = np.minimum.accumulate(flipped, axis=2)[:, :, ::-1]
    across = np.minimum(np.minimum(place - before, after - place), far) ** 2
    nearest = across.copy()
    for dy in range(1, min(far, height - 1) + 1):
        reached = across + np.int16(dy * dy)
        np.minimum(nearest[:, dy:], reached[:, :-dy], out=nearest[:, dy:])
        np.minimum(nearest[:, :-dy], reached[:, dy:], out=nearest[:, :-dy])
    return np.asarray(np.minimum(np.sqrt(np.arange(far * far + 1)), far).take(nearest))


def _equalised(levels: Images) -> Images:
    """Equalise the histogram of each image ``[N, H, W]``; one of a single level stays as it is."""
    count = len(levels)
    size = levels[0].size
    address = levels.reshape(count, -1) + (np.arange(count) * 256)[:, None]
    histogram = np.bincount(address.reshape(-1), minlength=count * 256).reshape(count, 256)
    lowest = np.take_along_axis(histogram, (histogram > 0).argmax(axis=1)[:, None], axis=1)
    cumulative = np.cumsum(histogram, axis=1) - lowest
    room = size - lowest
    table = np.rint(np.clip(cumulative, 0, None) * (255.0 / np.maximum(room, 1)))
    table = np.where(room == 0, np.arange(256), table).astype(np.uint8)
    return table.reshape(-1).take(address).reshape(levels.shape)


def _box3(planes: Floats) -> Floats:
    """Average 3 x 3 pixels, mirrored about the outermost."""
    x = _framed(planes)
    rows = x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    return np.asarray((rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9.0)


def _embossed(levels: Images) -> npt.NDArray[np.int16]:
    """Light from one corner: neighbours towards it count less, those away from it more."""
    x = _framed(levels.astype(np.int16))
    left, middle, right = x[:, :, :-2], x[:, :, 1:-1], x[:, :, 2:]
    top = -2 * left[:, :-2] - middle[:, :-2]
    center = -left[:, 1:-1] + middle[:, 1:-1] + right[:, 1:-1]
    bottom = middle[:, 2:] + 2 * right[:, 2:]
    return np.asarray(top + center + bottom)


def _framed(planes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Mirror ``[N, H, W]`` about its outermost pixels by one: ``[N, H + 2, W + 2]``."""
    return np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="reflect")

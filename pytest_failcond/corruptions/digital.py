"""JPEG compression, pixelation and elastic transform. uint8 ``[N, H, W, C]`` in and out.

Definitions are ImageNet-C's (Hendrycks & Dietterich 2019), as imagecorruptions 1.1.2 computes them.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from pytest_failcond.corruptions.filters import (
    Band,
    Floats,
    Images,
    bilinear,
    convolution,
    gaussian_weights,
    mirror,
    mirror_inside,
    to_images,
    to_planes,
)
from pytest_failcond.corruptions.randomness import KeyedRandom

_MOSAIC_WIDTH = 2048  # px; JPEG ends at 65,535 px in either direction
_RESIZE_BITS = 22  # of a weight, in Pillow's resizing of 8-bit images


def jpeg_compression(images: Images, quality: int, _: KeyedRandom) -> Images:
    """Compress and decompress as JPEG. Gray images share mosaics; colour ones go one by one.

    A mosaic of gray images is exact, because JPEG codes 8 x 8 blocks by themselves and completes
    border blocks by repeating the edge. Colour is stored at half size and smoothed across blocks.
    """
    count, height, width, channels = images.shape
    if channels == 3:
        return np.stack([_through_jpeg(image, quality) for image in images])
    tile_height, tile_width = -(-height // 8) * 8, -(-width // 8) * 8
    gaps = ((0, 0), (0, tile_height - height), (0, tile_width - width))
    across = max(1, min(count, _MOSAIC_WIDTH // tile_width))
    lines = -(-count // across)
    grid = np.zeros((lines * across, tile_height, tile_width), dtype=np.uint8)
    grid[:count] = np.pad(images[..., 0], gaps, mode="edge")
    mosaic = grid.reshape(lines, across, tile_height, tile_width).swapaxes(1, 2)
    decoded = _through_jpeg(mosaic.reshape(lines * tile_height, across * tile_width), quality)
    split = decoded.reshape(lines, tile_height, across, tile_width).swapaxes(1, 2)
    tiles = split.reshape(-1, tile_height, tile_width)
    return tiles[:count, :height, :width, None]


def _through_jpeg(image: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as decoded:
        return np.asarray(decoded)


def pixelate(images: Images, scale: float, _: KeyedRandom) -> Images:
    """Shrink by averaging boxes, and enlarge by repeating pixels, bit by bit as Pillow does."""
    _, height, width, channels = images.shape
    planes = _box(width, int(width * scale)).across(to_planes(images))
    planes = _box(height, int(height * scale)).down(_rounded(planes))
    small = _rounded(planes).astype(np.uint8)
    large = small[:, _nearest(height, small.shape[1])][:, :, _nearest(width, small.shape[2])]
    return to_images(large, channels)


def _rounded(planes: Floats) -> Floats:
    return np.asarray(np.floor(planes * 2.0**-_RESIZE_BITS + 0.5))


@lru_cache(maxsize=64)
def _box(size: int, small: int) -> Band:
    """Return Pillow's box filter along an axis, in units of 2**-22."""
    scale = size / small
    matrix = np.zeros((small, size))
    for row in range(small):
        center = (row + 0.5) * scale
        low = max(int(center - 0.5 * scale + 0.5), 0)
        high = min(int(center + 0.5 * scale + 0.5), size)
        offsets = (np.arange(low, high) - center + 0.5) / scale
        weights = ((offsets > -0.5) & (offsets <= 0.5)).astype(np.float64)
        matrix[row, low:high] = np.floor(weights / weights.sum() * 2.0**_RESIZE_BITS + 0.5)
    return Band.of(matrix)


def _nearest(size: int, small: int) -> npt.NDArray[np.int64]:
    return np.asarray(np.floor((np.arange(size) + 0.5) * (small / size)).astype(np.int64))


def elastic_transform(
    images: Images, constants: tuple[float, float | str, float], random: KeyedRandom
) -> Images:
    """Move every pixel by a smooth random field: (strength px, width of its smoothing px, affine px).

    A width of ``"1%"`` is ImageNet-C's: σ is 1 % of each side, and the field is drawn up to 0.5 % of
    the height. ``affine`` moves the corners of a square in the middle first, as CIFAR-C does.
    """
    strength, smoothing, affine = constants
    _count, height, width, _ = images.shape
    grid_rows, grid_columns = np.mgrid[:height, :width].astype(np.float64)
    levels: npt.NDArray[np.generic] = images
    if affine:
        rows, columns = _affine_positions(height, width, affine, random)
        levels = bilinear(levels, rows, columns, mirror_inside)
    reach = height * 0.005 if smoothing == "1%" else 1.0
    widths = (height * 0.01, width * 0.01) if smoothing == "1%" else (smoothing, smoothing)
    smooth = [
        Band.of(convolution(size, gaussian_weights(float(sigma), truncate=3.0), mirror))
        for size, sigma in zip((height, width), widths, strict=True)
    ]
    right, down = (
        smooth[1].across(smooth[0].down(random.coarse_uniform(height, width) * 2 - 1))
        * (reach * strength)
        for _ in range(2)
    )
    moved = bilinear(levels, grid_rows + down, grid_columns + right, mirror)
    # The original computes in single precision: whole levels then come out whole.
    out: Images = np.clip(np.floor(moved + 1e-4), 0, 255).astype(np.uint8)
    return out


def _affine_positions(
    height: int, width: int, reach: float, random: KeyedRandom
) -> tuple[Floats, Floats]:
    """Return where each pixel of an image comes from, ``[N, H, W]`` twice, for CIFAR-C's affine map.

    The corners are (x, y) pairs made of (height, width), as in the original.
    """
    center, side = np.array([height // 2, width // 2]), min(height, width) // 3
    corners = center + side * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = corners + (random.coarse_uniform(3, 2) * 2 - 1) * reach
    ones = np.ones((3, 1))
    target = np.concatenate([moved, np.broadcast_to(ones, (len(moved), 3, 1))], axis=2)
    back = np.linalg.solve(target, np.broadcast_to(corners, moved.shape).astype(np.float64))
    y, x = np.mgrid[:height, :width].astype(np.float64)
    where = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ back
    source = where.reshape(-1, height, width, 2)
    return source[..., 1], source[..., 0]

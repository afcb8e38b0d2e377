"""The corruptions without randomness, batched: uint8 ``[N, H, W, C]`` in and out.

Definitions and constants are ImageNet-C's (Hendrycks & Dietterich 2019), severities 1 to 5.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

Images = npt.NDArray[np.uint8]

CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
JPEG_QUALITY = (25, 18, 15, 10, 7)
BLUR_SIGMA = (1.0, 2.0, 3.0, 4.0, 6.0)  # px

_WEIGHT_BITS = 22  # of a blur weight: 8 (pixel) + 2 * 22 bits stay exact in float64's 53
_MOSAIC_WIDTH = 2048  # px; JPEG ends at 65,535 px in either direction


def contrast(images: Images, severity: int) -> Images:
    """Draw each channel towards its image's mean: floor(255 clip((x - mean) c + mean))."""
    count, height, width, channels = images.shape
    factor = CONTRAST[severity - 1]
    means = images.sum(axis=(1, 2), dtype=np.int64) / (255.0 * height * width)
    levels = np.arange(256) / 255.0
    tables = (levels - means[..., None]) * factor + means[..., None]
    tables = (np.clip(tables, 0, 1) * 255).astype(np.uint8)  # [N, C, 256]
    address = (np.arange(count * channels, dtype=np.int32) * 256).reshape(count, 1, 1, channels)
    out: Images = tables.reshape(-1).take(address + images)
    return out


def gaussian_blur(images: Images, severity: int) -> Images:
    """Blur in both axes, the edge pixels repeated outwards: floor of the exact weighted mean.

    The weights are rounded to 22 fixed-point bits and sum to exactly 1, so that every product and
    sum below is an exact integer in float64: matrix products give the same pixels on any machine.
    """
    count, height, width, channels = images.shape
    sigma = BLUR_SIGMA[severity - 1]
    rows, columns = _blur_matrix(height, sigma), _blur_matrix(width, sigma).T
    planes = images.transpose(0, 3, 1, 2).reshape(-1, height, width)
    exact = rows @ planes.astype(np.float64) @ columns
    exact *= 2.0 ** (-2 * _WEIGHT_BITS)
    out = exact.astype(np.uint8)  # truncates, as the original does
    return out.reshape(count, channels, height, width).transpose(0, 2, 3, 1)


@lru_cache(maxsize=64)
def _blur_matrix(size: int, sigma: float) -> npt.NDArray[np.float64]:
    """Return the blur along an axis as integer-valued weights ``[size, size]``, rows summing to 2**22."""
    radius = int(4.0 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    matrix = np.zeros((size, size))
    for row in range(size):
        np.add.at(matrix[row], np.clip(row + offsets, 0, size - 1), weights)
    matrix *= 2.0**_WEIGHT_BITS / matrix.sum(axis=1, keepdims=True)
    rounded = np.rint(matrix)
    rounded[np.arange(size), rounded.argmax(axis=1)] += 2.0**_WEIGHT_BITS - rounded.sum(axis=1)
    return rounded


def jpeg_compression(images: Images, severity: int) -> Images:
    """Compress and decompress as JPEG. Gray images share mosaics; colour ones go one by one.

    A mosaic of gray images is exact, because JPEG codes 8 x 8 blocks by themselves and completes
    border blocks by repeating the edge. Colour is stored at half size and smoothed across blocks.
    """
    quality = JPEG_QUALITY[severity - 1]
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

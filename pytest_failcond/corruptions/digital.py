"""JPEG compression, pixelation and elastic transform. uint8 ``[N, H, W, C]`` in and out.

Definitions are ImageNet-C's (Hendrycks & Dietterich 2019), as imagecorruptions 1.1.2 computes them.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from pytest_failcond.corruptions.filters import (
    FIELD_BITS,
    Band,
    Floats,
    Images,
    bilinear,
    convolution,
    filtered,
    gaussian_weights,
    mirror,
    mirror_inside,
    mirror_near,
)
from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.errors import FailcondError

_PIXELATE_TOGETHER = 2048  # px of an image; larger ones are faster one by one
_MOSAIC_WIDTH = 2048  # px
_MOST_IN_JPEG = 65_500  # px in either direction, as libjpeg has it


def jpeg_compression(images: Images, quality: int, _: KeyedRandom) -> Images:
    """Compress and decompress as JPEG. Gray images share mosaics; colour ones go one by one.

    A mosaic of gray images is exact, because JPEG codes each 8 x 8 block alone and completes border
    blocks by repeating the edge. Colour is stored at half size and smoothed across blocks.

    Raises:
        FailcondError: the images are larger than JPEG allows.
    """
    count, height, width, channels = images.shape
    if max(height, width) > _MOST_IN_JPEG - 7:
        raise FailcondError(
            f"jpeg_compression: expected at most {_MOST_IN_JPEG - 7} px a side, got "
            f"[{height}, {width}]; give smaller images or leave this corruption out"
        )
    if channels == 3:
        out = np.empty_like(images)
        for one, image in zip(out, images, strict=True):
            one[:] = _through_jpeg(image, quality)
        return out
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
    return tiles[:count, :height, :width, None].copy()


def _through_jpeg(image: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return np.asarray(JpegImageFile(buffer))


def pixelate(images: Images, scale: float, _: KeyedRandom) -> Images:
    """Shrink by averaging boxes, and enlarge by repeating pixels."""
    count, height, width, channels = images.shape
    low, narrow = int(height * scale), int(width * scale)
    rows_of, columns_of = _nearest(height, low), _nearest(width, narrow)
    if height * width > _PIXELATE_TOGETHER:
        values_of = (columns_of[:, None] * channels + np.arange(channels)).reshape(-1)
        out = np.empty_like(images)
        for one, image in zip(out.reshape(count, height, -1), images, strict=True):
            wide = _boxes(image, narrow, low).reshape(low, -1).take(values_of, axis=1)
            wide.take(rows_of, axis=0, out=one, mode="clip")  # "raise" would copy once more
        return out
    # Pillow takes rows first, then columns, rounding in between: all images' rows are one tall
    # picture, and all their columns a wide one.
    rows = images.reshape(count * height, width, channels)
    small = _boxes(rows, narrow, count * height).reshape(count, height, narrow, channels)
    columns = small.transpose(1, 0, 2, 3).reshape(height, count * narrow, channels)
    small = _boxes(columns, count * narrow, low).reshape(low, count, narrow, channels)
    return np.ascontiguousarray(small.transpose(1, 0, 2, 3)[:, rows_of][:, :, columns_of])


def _boxes(picture: Images, width: int, height: int) -> Images:
    source = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    return np.asarray(source.resize((width, height), Image.Resampling.BOX))


@lru_cache(maxsize=32)
def _nearest(size: int, small: int) -> npt.NDArray[np.int64]:
    """Return the pixel, of ``small``, that each of ``size`` repeats, as in Pillow's nearest
    neighbour.

    Pillow goes from pixel to pixel by adding up a step, whose rounding errors decide where a pixel's
    middle falls between two: a product would decide otherwise.
    """
    steps = np.full(size, small / size)
    steps[0] *= 0.5
    return np.cumsum(steps).astype(np.int64)


def elastic_transform(
    images: Images, constants: tuple[float, float | str, float], random: KeyedRandom
) -> Images:
    """Move every pixel by a smooth random field: (strength px, width of its smoothing px, affine px).

    A width of ``"1%"`` is ImageNet-C's: σ is 1 % of each side, and the field is drawn up to 0.5 % of
    the height. ``affine`` moves the corners of a square in the middle first, as CIFAR-C does.
    """
    strength, smoothing, affine = constants
    _, height, width, _ = images.shape
    levels: npt.NDArray[np.generic] = images
    if affine:
        rows, columns = _affine_positions(height, width, affine, random)
        levels = bilinear(levels, rows, columns, mirror_inside)
    reach = height * 0.005 if smoothing == "1%" else 1.0
    widths = (height * 0.01, width * 0.01) if smoothing == "1%" else (smoothing, smoothing)
    down, across = (
        _smoothing(size, float(sigma)) for size, sigma in zip((height, width), widths, strict=True)
    )
    positions = []
    for line in (np.arange(width), np.arange(height)[:, None]):
        field = filtered(random.bits(height, width).astype(np.float64), down, across)
        share = (field + 0.5) / 32768 - 1  # -1 to 1
        positions.append(np.asarray(share * (reach * strength) + line, dtype=np.float64))
    edge = mirror_near if reach * strength < min(height, width) else mirror
    moved = bilinear(levels, positions[1], positions[0], edge)
    # Whole levels come out whole, or a rounding error below.
    return np.asarray(np.clip(moved + np.float32(1e-4), 0, 255).astype(np.uint8))


@lru_cache(maxsize=32)
def _smoothing(size: int, sigma: float) -> Band:
    """Return the smoothing of a field of 16-bit numbers along an axis, mirrored at the edges."""
    weights = gaussian_weights(sigma, truncate=3.0)
    return Band.of(convolution(size, weights, mirror), size, FIELD_BITS)


def _affine_positions(
    height: int, width: int, reach: float, random: KeyedRandom
) -> tuple[Floats, Floats]:
    """Return the source of each pixel of an image, ``[N, H, W]`` twice, in CIFAR-C's affine map.

    It moves three corners of a square in the middle; they are (x, y) pairs made of (height, width), as
    in the original.
    """
    center, side = np.array([height // 2, width // 2]), min(height, width) // 3
    corners = center + side * np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    moved = corners + (random.coarse_uniform(3, 2) * 2 - 1) * reach
    first, second = (moved[:, i] - moved[:, 0] for i in (1, 2))
    determinant = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    dx = x - moved[:, 0, 0, None, None]
    dy = y - moved[:, 0, 1, None, None]
    along = [
        (dx * edge[:, 1, None, None] - dy * edge[:, 0, None, None]) / determinant[:, None, None]
        for edge in (second, -first)
    ]
    columns, rows = (
        corners[0, axis]
        + along[0] * (corners[1, axis] - corners[0, axis])
        + along[1] * (corners[2, axis] - corners[0, axis])
        for axis in (0, 1)
    )
    return rows, columns

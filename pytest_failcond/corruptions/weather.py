"""Weather: fog, frost, snow. uint8 ``[N, H, W, C]`` in and out.

Definitions are ImageNet-C's (Hendrycks & Dietterich 2019), as imagecorruptions 1.1.2 computes them;
a gray image is treated like the first channel of a colour image.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pytest_failcond.corruptions.blur import smear, zoom_crop, zoom_taps
from pytest_failcond.corruptions.filters import (
    FIELD_BITS,
    Band,
    Floats,
    Images,
    Taps,
    clamp,
    filtered,
    pair_table,
    per_channel,
    unit_to_levels,
)
from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.errors import FailcondError
from pytest_failcond.images.image_files import read_pixels

_FROST = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")
_LUMA = (0.299, 0.587, 0.114)


def fog(images: Images, constants: tuple[float, float], random: KeyedRandom) -> Images:
    """Add a cloud and scale the whole back to the image's own maximum: (density, decay of its detail)."""
    density, decay = constants
    count, height, width, _ = images.shape
    size = cloud_side(height, width)
    brightest = images.reshape(count, -1).max(axis=1) / 255.0
    factor = (brightest / (brightest + density))[:, None, None]
    cloud = plasma(random, count, size, decay)[:, :height, :width] * (255.0 * density * factor)
    fogged = images * factor[..., None]
    fogged += per_channel(cloud, images.shape[3])
    return np.asarray(np.minimum(fogged, 255, out=fogged).astype(np.uint8))


def cloud_side(height: int, width: int) -> int:
    """Return the side of the cloud that covers an image, px: a power of two."""
    return 1 << (max(height, width) - 1).bit_length()


def plasma(random: KeyedRandom, count: int, size: int, decay: float) -> Floats:
    """Return fractal clouds in [0, 1], ``[N, size, size]``: diamond and square steps on a torus.

    Every step halves the distance of known points, fills the middles with the mean of their four
    neighbours and adds noise, which falls by ``decay`` from step to step.
    """
    cloud = np.zeros((count, size, size))
    step, noise = size, 100.0

    def between(total: Floats) -> Floats:
        amount = random.coarse_uniform(*total.shape[1:]) * 2 - 1
        return np.asarray(total / 4 + noise * noise * amount)

    while step >= 2:
        half = step // 2
        corners = cloud[:, ::step, ::step]
        pairs = corners + np.roll(corners, -1, axis=1)
        cloud[:, half::step, half::step] = between(pairs + np.roll(pairs, -1, axis=2))
        middles = cloud[:, half::step, half::step]
        corners = cloud[:, ::step, ::step]
        beside = middles + np.roll(middles, 1, axis=1)
        cloud[:, ::step, half::step] = between(beside + corners + np.roll(corners, -1, axis=2))
        above = middles + np.roll(middles, 1, axis=2)
        cloud[:, half::step, ::step] = between(above + corners + np.roll(corners, -1, axis=1))
        step, noise = half, noise / decay
    cloud -= cloud.min(axis=(1, 2), keepdims=True)
    cloud /= cloud.max(axis=(1, 2), keepdims=True)
    return cloud


def frost(images: Images, constants: tuple[float, float, float], random: KeyedRandom) -> Images:
    """Lay a piece of a photograph of frost over the image: (share of image, of frost, frost's scale).

    Raises:
        FailcondError: the photographs, which imagecorruptions brings, are not installed.
    """
    share, cover, scale = constants
    _count, height, width, channels = images.shape
    which, corner = random.integers(0, len(_FROST)), random.uniform(2)
    pieces = np.empty_like(images)
    for number in np.unique(which).tolist():
        photograph = _covering(_FROST[number], height, width, scale, channels)
        chosen = np.flatnonzero(which == number)
        room = np.array(photograph.shape[:2]) - np.array([height, width])
        top, left = np.floor(corner[chosen] * room).astype(np.int64).T
        pieces[chosen] = sliding_window_view(photograph, images.shape[1:])[top, left, 0]
    return pair_table(_blend_table(share, cover), images, pieces)


@lru_cache(maxsize=16)
def _blend_table(share: float, cover: float) -> Images:
    """Return floor(share x + cover f) by levels of image and frost, uint8 ``[65536]``."""
    levels = np.arange(256)
    table: Images = np.clip(share * levels[:, None] + cover * levels, 0, 255).astype(np.uint8)
    return table.reshape(-1)


def _covering(name: str, height: int, width: int, scale: float, channels: int) -> Images:
    """Return a photograph scaled, ``[H', W', C]``; one too small for the image is enlarged."""
    rows, columns = _photograph(name).shape[:2]
    return _scaled(name, max(scale, 1.1 * height / rows, 1.1 * width / columns), channels)


@lru_cache(maxsize=2 * len(_FROST))
def _scaled(name: str, factor: float, channels: int) -> Images:
    photograph = _photograph(name)[..., :channels]
    rows, columns = (_cubic(size, int(np.ceil(size * factor))) for size in photograph.shape[:2])
    planes = photograph.transpose(2, 0, 1).astype(np.float64)
    levels = np.clip(np.rint(filtered(planes, rows, columns)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


@lru_cache(maxsize=len(_FROST))
def _photograph(name: str) -> Images:
    found = importlib.util.find_spec("imagecorruptions")
    folders = list(found.submodule_search_locations or ()) if found else []
    file = Path(folders[0], "frost", name) if folders else None
    if file is None or not file.is_file():
        raise FailcondError(
            f"frost: the photograph {name} of imagecorruptions is missing; pip install "
            f"imagecorruptions==1.1.2"
        )
    return read_pixels(file)


@lru_cache(maxsize=32)
def _cubic(size: int, new: int) -> Band:
    """Return cubic interpolation along an axis (Keys' kernel, a = -0.75), edge pixels repeated."""
    a = -0.75
    positions = (np.arange(new) + 0.5) * (size / new) - 0.5
    base = np.floor(positions).astype(np.int64)
    columns, weights = [], []
    for offset in range(-1, 3):
        x = np.abs(positions - (base + offset))
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        columns.append(clamp(base + offset, size))
        weights.append(np.where(x <= 1, near, np.where(x < 2, far, 0.0)))
    return Band.of(Taps(np.stack(columns, 1), np.stack(weights, 1)), size, FIELD_BITS)


def snow(
    images: Images,
    constants: tuple[float, float, float, float, int, float, float],
    random: KeyedRandom,
) -> Images:
    """Let flakes fall, twice, the second time upside down, and bleach the image behind.

    (mean and spread of the flakes' field, its zoom, its threshold, length and σ of the fall in px,
    share of the image's own colour).
    """
    mean, spread, zoom, threshold, length, sigma, share = constants
    _count, height, width, channels = images.shape
    rows, columns = _zoomed_middle(height, zoom), _zoomed_middle(width, zoom)
    field = random.coarse_normal(rows.shape[1], columns.shape[1])
    flakes = filtered(field, rows, columns) * spread + mean
    flakes[flakes < threshold] = 0
    levels = np.clip(flakes, 0, 1)[..., None]
    angles = random.uniform() * 90.0 - 135.0
    fallen = smear(levels, length, sigma, angles)[:, :height, :width]
    layer = np.rint(fallen * 255).astype(np.uint8) / 255.0
    x = images / 255.0
    gray = x if channels == 1 else _luma(x)
    x = share * x + (1 - share) * np.maximum(x, gray * 1.5 + 0.5)
    x += layer
    x += layer[:, ::-1, ::-1]
    return unit_to_levels(x)


def _luma(x: Floats) -> Floats:
    """Return the brightness of colours ``[N, H, W, 3]``: ``[N, H, W, 1]``, summed in fixed order."""
    red, green, blue = (x[..., channel] * weight for channel, weight in enumerate(_LUMA))
    return (red + green + blue)[..., None]


@lru_cache(maxsize=32)
def _zoomed_middle(size: int, zoom: float) -> Band:
    """Return the zoom into the middle of an axis, from the pixels of that middle alone."""
    first, crop = zoom_crop(size, zoom)
    columns, weights = zoom_taps(size, zoom)
    return Band.of(Taps(columns - first, weights), crop, FIELD_BITS)

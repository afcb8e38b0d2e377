"""Blurs: Gaussian, glass, motion, zoom. uint8 ``[N, H, W, C]`` in and out.

Definitions are ImageNet-C's (Hendrycks & Dietterich 2019), as imagecorruptions 1.1.2 computes them.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions.filters import (
    Band,
    Floats,
    Images,
    Taps,
    fixed_point,
    gaussian_band,
    to_levels,
    to_planes,
)
from pytest_failcond.corruptions.randomness import KeyedRandom

_BITS = 22  # of a weight, per axis: 8 (pixel) + 2 * 22 bits stay exact in float64's 53
_MOTION_BITS = 40
_IN_A_ROW = 1 << 13  # px of an image; smaller ones are mostly surroundings
_ZOOM_BITS = 20


def gaussian_blur(images: Images, sigma: float, _: KeyedRandom) -> Images:
    """Blur in both axes, σ in px, edge pixels repeated: floor of the exact weighted mean."""
    _, height, width, channels = images.shape
    if int(4.0 * sigma + 0.5) == 0:  # narrower than a pixel
        return images.copy()
    planes = gaussian_band(height, sigma, _BITS).down(to_planes(images))
    exact = gaussian_band(width, sigma, _BITS).across(planes)
    return to_levels(exact, channels)


def glass_blur(images: Images, constants: tuple[float, int, int], random: KeyedRandom) -> Images:
    """Blur, let pixels take their neighbours' place, blur again: (σ px, reach px, passes).

    In the original, swapping two pixels of a colour image overwrites one of them first, so that
    both become the same. Published sets have this, and it is kept: a pixel takes its neighbour's
    value, once in a pass. A pass visits the pixels from the last to the first.
    """
    sigma, reach, passes = constants
    count, height, width, channels = images.shape
    blurred = gaussian_blur(images, sigma, random)
    rows = np.arange(height - reach, reach, -1)
    columns = np.arange(width - reach, reach, -1)
    if len(rows) and len(columns):
        # source[p, n]: the pixel of image n at place p
        source = np.repeat(np.arange(height * width, dtype=np.int32)[:, None], count, axis=1)
        flat = source.reshape(-1)
        places = (rows[:, None] * width + columns).reshape(-1)
        fronts = _fronts(len(rows), len(columns), reach + 1)
        image, span = np.arange(count), 2 * reach
        for _ in range(passes):
            bits = np.stack([random.bits(len(columns)).T for _ in rows])
            chosen = (bits.reshape(-1, count).astype(np.intp) * span**2) >> 16
            down, right = np.divmod(chosen, span)
            there = places[:, None] + (down - reach) * width + (right - reach)
            address = there * count + image
            for front in fronts:
                source[places[front]] = flat.take(address[front])
        address = source.T + image[:, None] * (height * width)
        blurred = blurred.reshape(-1, channels).take(address.reshape(-1), axis=0)
    return gaussian_blur(blurred.reshape(images.shape), sigma, random)


def _fronts(rows: int, columns: int, lag: int) -> list[slice]:
    """Return the places, of ``rows * columns``, that are visited at once, front after front.

    A row may follow the one before it at a distance of ``lag`` columns: what its pixels look at,
    less than that away, has been visited by then, or has not, as if rows came one after the other.
    """
    fronts = []
    for step in range(lag * (rows - 1) + columns):
        first, last = max(0, -(-(step - columns + 1) // lag)), min(rows - 1, step // lag)
        if first <= last:
            start, stop = (row * columns + step - lag * row for row in (first, last))
            fronts.append(slice(start, stop + 1, max(1, columns - lag)))
    return fronts


def motion_blur(images: Images, constants: tuple[int, float], random: KeyedRandom) -> Images:
    """Blur along a line at -45° to 45°, fading: (length px, σ px)."""
    angles = random.uniform() * 90.0 - 45.0
    return smear(images, constants[0], constants[1], angles).astype(np.uint8)


def smear(images: npt.NDArray[np.generic], radius: int, sigma: float, angles: Floats) -> Floats:
    """Sum ``[N, H, W, C]`` moved along a line, weighted by half a Gaussian.

    Angles are degrees ``[N]``. Edge pixels are repeated. A move that leaves the image ends the line,
    and the weights are not made up for it, as in the original. The sum over uint8 images is exact.
    """
    count, height, width, _ = images.shape
    taps = 2 * radius + 1
    weights = np.exp(-0.5 * (np.arange(taps) / sigma) ** 2)
    weights = fixed_point(weights / weights.sum(), _MOTION_BITS)
    order = np.argsort(angles, kind="stable")  # images of like angles then move alike
    radians = np.deg2rad(angles[order])
    sine, cosine = taps * np.sin(radians), taps * np.cos(radians)
    length = np.hypot(sine, cosine)
    steps = np.arange(taps)[:, None]
    down = -np.ceil(steps * sine / length - 0.5).astype(np.int64)  # [T, N]
    right = -np.ceil(steps * cosine / length - 0.5).astype(np.int64)
    ends = (np.abs(down) >= height) | (np.abs(right) >= width)

    up, low = _reach(down, ends)
    before, after = _reach(right, ends)
    padded = np.pad(images[order], ((0, 0), (low, up), (after, before), (0, 0)), mode="edge")
    moves = []
    for tap, weight in enumerate(weights.tolist()):
        code = np.where(ends[tap], -1, (down[tap] + height) * (2 * width) + right[tap] + width)
        edges = [0, *(np.flatnonzero(np.diff(code)) + 1).tolist(), count]
        for start, stop in itertools.pairwise(edges):
            if code[start] >= 0:
                y, x = low - int(down[tap, start]), after - int(right[tap, start])
                moves.append(_Move(slice(start, stop), y, x, weight))
    exact = images.dtype == np.uint8
    add_up = _add_up_in_a_row if exact and height * width > _IN_A_ROW else _add_up
    out = np.empty(images.shape)
    out[order] = add_up(padded, moves, height, width)
    return out


class _Move(NamedTuple):
    """A window of some padded images, and its weight in the sum."""

    images: slice
    top: int
    left: int
    weight: float


def _add_up(padded: npt.NDArray[Any], moves: list[_Move], height: int, width: int) -> Floats:
    """Sum windows of ``[N, H', W', C]``: ``[N, H, W, C]``; each product and sum is rounded."""
    total = np.zeros((len(padded), height, width, padded.shape[3]))
    moved = np.empty(total.shape)
    for images, top, left, weight in moves:
        view = padded[images, top : top + height, left : left + width]
        np.multiply(view, weight, out=moved[images], casting="unsafe")
        total[images] += moved[images]
    return total


def _add_up_in_a_row(padded: Images, moves: list[_Move], height: int, width: int) -> Floats:
    """Do as `_add_up`, faster for large images and exact sums, where BLAS may round as it likes.

    A move is an offset in memory. It moves what is around a window too, which is cut off in the end.
    """
    from scipy.linalg.blas import daxpy

    _, tall, wide, channels = padded.shape
    line = wide * channels
    source = padded.astype(np.float64).reshape(-1)
    total = np.zeros(source.size)
    for images, top, left, weight in moves:
        first = images.start * tall * line
        length = (images.stop - images.start - 1) * tall * line + (height - 1) * line
        length += width * channels
        offset = first + top * line + left * channels
        daxpy(source, total, n=length, a=weight, offx=offset, offy=first)
    return total.reshape(padded.shape)[:, :height, :width]


def _reach(moves: npt.NDArray[np.int64], ends: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return how far images move up or left, and down or right, before their lines end."""
    inside = np.where(ends, 0, moves)
    return max(0, -int(inside.min())), max(0, int(inside.max()))


def zoom_blur(images: Images, constants: tuple[float, float], _: KeyedRandom) -> Images:
    """Average the image with itself, zoomed by 1, 1 + step, … up to below a limit: (limit, step)."""
    _, height, width, channels = images.shape
    planes = to_planes(images)
    factors = np.arange(1.0, constants[0], constants[1])
    exact = planes.copy()
    for factor in factors.tolist():
        down, across = zoom_band(height, factor), zoom_band(width, factor)
        exact += across.across(down.down(planes))
    exact /= len(factors) + 1
    return to_levels(exact, channels)


@lru_cache(maxsize=256)
def zoom_band(size: int, factor: float) -> Band:
    """Return the zoom into the middle of an axis, bilinear, cut to its size, in 20 fixed-point bits."""
    columns, weights = zoom_taps(size, factor)
    return Band.of(Taps(columns[:size], weights[:size]), size, _ZOOM_BITS)


def zoom_crop(size: int, factor: float) -> tuple[int, int]:
    """Return the part of an axis that is zoomed to its whole: the first pixel, and the number of
    pixels.
    """
    crop = int(np.ceil(size / factor))
    return (size - crop) // 2, crop


def zoom_taps(size: int, factor: float) -> Taps:
    """Return the zoom as SciPy's `zoom` of order 1 does it: ``[round(crop factor), 2]``.

    The crop is the middle ceil(size / factor) pixels; its corners stay corners. If rounding puts
    the last position beyond the crop, SciPy finds no pixel there: the last row is black, in the
    original too.
    """
    first, crop = zoom_crop(size, factor)
    out = round(crop * factor)
    positions = np.arange(out) * ((crop - 1) / (out - 1) if out > 1 else 0.0)
    left = np.minimum(np.floor(positions).astype(np.int64), crop - 1)
    share = positions - left
    columns = first + np.stack([left, np.minimum(left + 1, crop - 1)], axis=1)
    weights = np.stack([1 - share, share], axis=1)
    weights[positions > crop - 1] = 0
    return Taps(columns, weights)

"""Defocus: the average over a disk with a softened rim. uint8 ``[N, H, W, C]`` in and out.

The definition is ImageNet-C's (Hendrycks & Dietterich 2019), as imagecorruptions 1.1.2 computes it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import fft

from pytest_failcond.corruptions.filters import (
    Band,
    Floats,
    Images,
    convolution,
    mirror_inside,
    to_levels,
    to_planes,
)
from pytest_failcond.corruptions.randomness import KeyedRandom

_BITS = 17  # of a weight, per axis: a disk's unscaled weights sum to 317, 9 bits more
_MATRICES = 160  # filters times px up to which matrix products are faster than a transform
_PRECISION = 2.0**-44  # relative, of a transform there and back: 512 rounding errors of float64


def defocus_blur(images: Images, constants: tuple[float, float], _: KeyedRandom) -> Images:
    """Average over a disk: (radius px, σ px of its softened rim), mirrored at the edges.

    The softened rim of a large disk weighs more than the disk did: bright areas saturate, as in the
    original.
    """
    disk = _disk(*constants)
    if len(disk.filters) * max(images.shape[1:3]) <= _MATRICES:
        return _by_matrices(images, disk)
    blurred, unsure = _by_transform(images, disk)
    if unsure.any():
        blurred[unsure] = _by_matrices(images[unsure], disk)
    return blurred


Weights = tuple[float, ...]


class _Disk(NamedTuple):
    """A disk is rows of as many widths; the rows of one width are one filter down and one across.

    Their weights are integers. The scale of the sum over their products is rounded as in the
    original: it decides where sums are whole levels.
    """

    filters: tuple[tuple[Weights, Weights], ...]
    scale: float


@lru_cache(maxsize=16)
def _disk(radius: float, rim: float) -> _Disk:
    reach = 8 if radius <= 8 else int(radius)
    offsets = np.arange(-reach, reach + 1)
    inside = offsets[:, None] ** 2 + offsets**2 <= radius**2
    taps = 1 if radius <= 8 else 2
    rim_weights = np.exp(-0.5 * (np.arange(-taps, taps + 1) / rim) ** 2)
    # The rim is softened within the kernel's square, at whose edges it is mirrored.
    rim_weights /= rim_weights.sum()
    soften = convolution(len(offsets), rim_weights, mirror_inside).matrix(len(offsets))

    def softened(part: npt.NDArray[np.bool_]) -> Weights:
        return tuple(np.rint(soften @ part.astype(np.float64) * 2.0**_BITS).tolist())

    filters = tuple(
        (softened((inside == row).all(axis=1)), softened(row))
        for row in np.unique(inside, axis=0)
        if row.any()
    )
    return _Disk(filters, float(np.float32(1) / np.float32(inside.sum())))


def _by_matrices(images: Images, disk: _Disk) -> Images:
    """Sum in whole numbers: nothing is rounded."""
    _, height, width, channels = images.shape
    planes = to_planes(images)
    exact = np.zeros(planes.shape)
    for down, across in disk.filters:
        exact += _band(width, across).across(_band(height, down).down(planes))
    exact *= disk.scale * 2.0 ** (-2 * _BITS)
    return to_levels(np.minimum(exact, 255, out=exact), channels)


@lru_cache(maxsize=128)
def _band(size: int, weights: Weights) -> Band:
    return Band.of(convolution(size, np.array(weights), mirror_inside), size, None)


def _by_transform(images: Images, disk: _Disk) -> tuple[Images, npt.NDArray[np.bool_]]:
    """Sum by Fourier transforms: the blurred images, and which may have a wrong pixel, bool ``[N]``.

    The last bits of a transform differ from machine to machine. Where no level lies so close to a
    whole one that they matter, the pixels are the exact ones on all of them.
    """
    count, height, width, channels = images.shape
    reach = len(disk.filters[0][0]) // 2
    size = fft.next_fast_len(height + 2 * reach), fft.next_fast_len(width + 2 * reach)
    rows, columns = slice(reach, reach + height), slice(reach, reach + width)
    levels = to_planes(images)
    # Two planes are one complex one: the disk's transform is real, so that they do not mix.
    pairs = np.zeros((-(-len(levels) // 2), *size), dtype=np.complex128)
    inner = pairs[:, rows, columns]
    inner.real = levels[0::2]
    inner.imag[: len(levels) // 2] = levels[1::2]
    for side, axis in (width, pairs[:, rows].swapaxes(1, 2)), (height, pairs):
        outside = np.r_[-reach:0, side : side + reach]
        axis[:, outside + reach] = axis[:, mirror_inside(outside, side) + reach]
    pairs = fft.fft2(pairs, overwrite_x=True)
    pairs *= _spectrum(size, disk)
    inner = fft.ifft2(pairs, overwrite_x=True)[:, rows, columns]
    levels[0::2] = inner.real
    levels[1::2] = inner.imag[: len(levels) // 2]

    # No value's error exceeds that of all together, which is relative to their root sum of squares;
    # that sum is at most that of two white planes.
    error = _PRECISION * 255 * math.sqrt(2 * size[0] * size[1])
    np.minimum(levels, 255.5, out=levels)  # values over white are surely white
    levels -= error
    low = levels.astype(np.uint8)  # towards 0: black stays black
    levels += 2 * error
    high = levels.astype(np.uint8)
    unsure = (low != high).reshape(count, -1).any(axis=1)
    split = high.reshape(count, channels, height, width)
    return np.stack([split[:, channel] for channel in range(channels)], axis=-1), unsure


@lru_cache(maxsize=16)
def _spectrum(size: tuple[int, int], disk: _Disk) -> Floats:
    """Return the transform of a disk around the origin, scaled to levels: real, by its symmetry."""
    kernel = np.sum([np.outer(down, across) for down, across in disk.filters], axis=0)
    reach = len(kernel) // 2
    around = np.zeros(size)
    around[: 2 * reach + 1, : 2 * reach + 1] = kernel * (disk.scale * 2.0 ** (-2 * _BITS))
    return np.ascontiguousarray(fft.fft2(np.roll(around, (-reach, -reach), axis=(0, 1))).real)

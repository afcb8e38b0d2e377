"""The noises: each pixel becomes a draw from a distribution that its level sets.

A noise is a table P[256, 256] of probabilities P(new level | old level), computed exactly from its
definition in ImageNet-C (Hendrycks & Dietterich 2019). An inverse-CDF table of it, indexed by old
level and 16 random bits, turns a batch into a gather: integer arithmetic only, so the same pixels on
every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from pytest_failcond.corruptions.filters import Images
from pytest_failcond.corruptions.randomness import KeyedRandom

Probabilities = npt.NDArray[np.float64]
_LEVELS = np.arange(256)
_CELLS = 1 << 16
_UNDECIDED = 256


def gaussian_probabilities(scale: float) -> Probabilities:
    """P for floor(255 clip(x + N(0, scale))): additive noise of one width."""
    return _normal_probabilities(np.full(256, 255.0 * scale))


def speckle_probabilities(scale: float) -> Probabilities:
    """P for floor(255 clip(x + x N(0, scale))): noise as wide as the pixel is bright."""
    return _normal_probabilities(scale * _LEVELS.astype(np.float64))


def shot_probabilities(photons: float) -> Probabilities:
    """P for floor(255 clip(Poisson(x photons) / photons)): the fewer photons, the noisier."""
    probabilities = np.zeros((256, 256))
    counts = np.arange(int(np.ceil(photons)) + 1)
    new_levels = np.floor(np.clip(counts / photons, 0, 1) * 255).astype(np.int64)
    for level in _LEVELS:
        cumulative = special.pdtr(counts, level / 255.0 * photons)
        cumulative[-1] = 1.0  # all counts of `photons` and more saturate
        np.add.at(probabilities[level], new_levels, np.diff(cumulative, prepend=0.0))
    return probabilities


def impulse_probabilities(amount: float) -> Probabilities:
    """P for salt and pepper: a share ``amount`` of pixels turns black or white, half each."""
    probabilities = np.eye(256) * (1.0 - amount)
    probabilities[:, 0] += amount / 2
    probabilities[:, 255] += amount / 2
    return probabilities


def _normal_probabilities(widths: npt.NDArray[np.float64]) -> Probabilities:
    """P for floor(clip(level + width N(0, 1), 0, 255)), width in levels per old level ``[256]``."""
    edges = np.arange(1, 256)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = special.ndtr((edges[None, :] - _LEVELS[:, None]) / widths[:, None])
    below[widths == 0] = edges > _LEVELS[widths == 0, None]
    cumulative = np.concatenate([np.zeros((256, 1)), below, np.ones((256, 1))], axis=1)
    return np.diff(cumulative, axis=1)


Probability = Callable[[float], Probabilities]
"""A noise's constant → P[old level, new level], float64 ``[256, 256]``; each row sums to 1."""

PROBABILITIES: dict[str, Probability] = {
    "gaussian_noise": gaussian_probabilities,
    "shot_noise": shot_probabilities,
    "impulse_noise": impulse_probabilities,
    "speckle_noise": speckle_probabilities,
}


@lru_cache(maxsize=8)
def _table(probabilities: Probability, constant: float) -> npt.NDArray[np.uint8]:
    """Return the inverse CDF in 16 bits: new level by old level and draw, uint8 ``[256, 65536]``."""
    cumulative = np.cumsum(probabilities(constant), axis=1)
    edges = np.rint(np.clip(cumulative, 0, 1) * _CELLS).astype(np.int64)
    edges[:, -1] = _CELLS
    table = np.empty((256, _CELLS), dtype=np.uint8)
    for level in _LEVELS:
        table[level] = np.repeat(_LEVELS, np.diff(edges[level], prepend=0))
    return table


@lru_cache(maxsize=8)
def _offsets(scale: float) -> npt.NDArray[np.int16]:
    """Return the addition of additive noise by draw, levels ``[65536]``: the inverse CDF of
    floor(255 n).
    """
    edges = np.arange(-1300, 1301)  # 13 widths of the widest noise
    cumulative = np.rint(special.ndtr((edges + 1) / (255.0 * scale)) * _CELLS).astype(np.int64)
    return np.repeat(edges, np.diff(cumulative, prepend=0)).astype(np.int16)


def gaussian_noise(images: Images, scale: float, random: KeyedRandom) -> Images:
    """Add noise of one width: as `tabulated` with its P, but one row serves all levels."""
    out = _offsets(scale).take(random.bits(*images.shape[1:]))
    out += images
    return np.clip(out, 0, 255, out=out).astype(np.uint8)


@cache
def _normal() -> npt.NDArray[np.float32]:
    """Return the normal quantile of each draw, ``[65536]``."""
    return np.asarray(special.ndtri((np.arange(_CELLS) + 0.5) / _CELLS).astype(np.float32))


def speckle_noise(images: Images, scale: float, random: KeyedRandom) -> Images:
    """Add noise as wide as the pixel is bright: as `tabulated`, but its table would miss the cache."""
    x = images.astype(np.float32)
    out = _normal().take(random.bits(*images.shape[1:]))
    out *= x
    out *= np.float32(scale)
    out += x
    return np.clip(out, 0, 255, out=out).astype(np.uint8)


def impulse_noise(images: Images, amount: float, random: KeyedRandom) -> Images:
    """Turn pixels black or white: as `tabulated` with its P, whose rows have but three levels."""
    draws = random.bits(*images.shape[1:])
    black = round(amount / 2 * _CELLS)
    out = np.where(draws < black, np.uint8(0), images)
    return np.maximum(out, (draws >= round((1 - amount / 2) * _CELLS)) * np.uint8(255))


def tabulated(
    probabilities: Probability, images: Images, constant: float, random: KeyedRandom
) -> Images:
    """Apply a noise to uint8 images ``[N, H, W, C]`` by its table of probabilities.

    The table would miss the cache. Mostly, the upper half of a draw decides already.
    """
    draws = random.bits(*images.shape[1:])
    address = images.astype(np.uint16)
    address <<= 8
    address |= draws >> 8
    found = _coarse_table(probabilities, constant).take(address)
    out = found.astype(np.uint8)
    undecided = np.flatnonzero(found == _UNDECIDED)
    fine = images.reshape(-1).take(undecided).astype(np.intp)
    fine <<= 16
    fine |= draws.reshape(-1).take(undecided)
    out.reshape(-1)[undecided] = _table(probabilities, constant).reshape(-1).take(fine)
    return out


@lru_cache(maxsize=8)
def _coarse_table(probabilities: Probability, constant: float) -> npt.NDArray[np.uint16]:
    """Return the new level by old level and upper half of a draw, ``[65536]``, or `_UNDECIDED`."""
    by_upper_half = _table(probabilities, constant).reshape(256 * 256, 256)
    first, last = by_upper_half[:, 0], by_upper_half[:, -1]  # levels rise with the draw
    return np.where(first == last, first, np.uint16(_UNDECIDED))

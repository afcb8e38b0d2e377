"""Attributes of any image: noise, contrast, sharpness and colours, each independent of the
others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.floating[Any]]

SMOOTHING = 0.8  # px; noise goes, strokes of two pixels stay
_EDGE_SMOOTHING = 0.6  # px; less, or sharp edges could not be told from softer ones
_TONE_SMOOTHING = 0.5  # px; no more, or thin strokes would have less contrast than broad ones
_FLAT_SMOOTHING = 1.5  # px; the flat parts of an image must not depend on its noise
LEAST_CONTRAST = 0.05  # below, there is no figure to measure


def as_float(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Turn uint8 images into [0, 1]; others are there already."""
    pixels: npt.NDArray[np.float32] = images.astype(np.float32)
    if images.dtype == np.uint8:
        pixels /= 255
    return pixels


def per_image(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``[N, …]`` → ``[N, values]``."""
    return values.reshape(len(values), -1)


def smoothed(pixels: Floats, sigma: float) -> Floats:
    """Smooth ``[N, H, W, …]`` along rows and columns, px."""
    smooth: Floats = ndimage.gaussian_filter(pixels, sigma, axes=(1, 2), mode="nearest")
    return smooth


def _steepness(gray: Floats) -> Floats:
    down, right = np.gradient(gray, axis=(1, 2))
    return np.asarray(np.hypot(down, right))


def noise_of(pixels: Floats, smooth_gray: Floats) -> Floats:
    """Standard deviation of the noise (Immerkær 1996), over the flatter half of each image.

    J. Immerkær, "Fast noise variance estimation", CVIU 64(2), 1996: the mean absolute response to
    the difference of two Laplacians, times √(π/2)/6. Edges respond to it too: Tai and Yang (2008)
    leave them out, and so do we.
    """
    rows = pixels[:, 2:] - 2 * pixels[:, 1:-1] + pixels[:, :-2]
    response = np.abs(rows[:, :, 2:] - 2 * rows[:, :, 1:-1] + rows[:, :, :-2]).mean(axis=3)
    steepness = per_image(_steepness(smoothed(smooth_gray, _FLAT_SMOOTHING))[:, 1:-1, 1:-1])
    flat = steepness <= np.median(steepness, axis=1, keepdims=True)
    mean = (per_image(response) * flat).sum(axis=1) / flat.sum(axis=1)
    return np.asarray(mean * np.sqrt(np.pi / 2) / 6)


def contrast_of(gray: Floats) -> Floats:
    """From the darkest 1 % to the brightest 1 % of the pixels, hardly smoothed."""
    low, high = np.percentile(per_image(smoothed(gray, _TONE_SMOOTHING)), (1, 99), axis=1)
    return np.asarray(high - low)


def sharpness(gray: Floats, contrast: Floats) -> Floats:
    """Logarithm of the slope of edges, relative to contrast: 1/px.

    The slope is a mean weighted by its own square, so that it is that of the edges, however many.
    """
    slope = per_image(_steepness(smoothed(gray, _EDGE_SMOOTHING))).astype(np.float64)
    square = slope**2
    edges = (square * slope).sum(axis=1) / np.maximum(square.sum(axis=1), 1e-12)
    return np.asarray(np.log(np.maximum(edges, 1e-4) / np.maximum(contrast, LEAST_CONTRAST)))


def colourfulness(smooth: Floats) -> Floats:
    """M3 of Hasler and Süsstrunk, "Measuring colourfulness in natural images" (2003), in [0, 1]s."""
    red, green, blue = (per_image(smooth[..., c]) for c in range(3))
    opponents = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(o.std(axis=1) for o in opponents))
    return np.asarray(spread + 0.3 * np.hypot(*(o.mean(axis=1) for o in opponents)))


def saturation(smooth: Floats) -> Floats:
    """Mean saturation, as in HSV, of the smoothed pixels: noise has its own colours."""
    high = smooth.max(axis=3)
    saturation = (high - smooth.min(axis=3)) / np.maximum(high, 1 / 255)
    return np.asarray(per_image(saturation).mean(axis=1))

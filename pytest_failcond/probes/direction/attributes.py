"""What changes in images when they are moved along a direction, in attributes that have a name.

Every attribute is one number per image, built to answer to one kind of change and to little else:
noise is read where the image is flat, sharpness relative to contrast, and shapes off a smoothed image
at half its contrast. What an attribute varies by among generated images is its unit, σ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage, special

from pytest_failcond.generators.base import Generator
from pytest_failcond.probes.direction.record import AttributeChange
from pytest_failcond.probes.direction.walking import Walk
from pytest_failcond.process.surroundings import ours

Floats = npt.NDArray[np.floating[Any]]
Masks = npt.NDArray[np.bool_]
Figure = Literal["bright", "dark"]
"""Strokes brighter than their ground, or darker."""

NATURAL_SAMPLES = 256
CONFIDENCE = 0.95  # of the intervals of all attributes of a direction together (Bonferroni)

_SMOOTHING = 0.8  # px; noise goes, strokes of two pixels stay
_EDGE_SMOOTHING = 0.6  # px; less, or sharp edges could not be told from softer ones
_TONE_SMOOTHING = 0.5  # px; no more, or thin strokes would have less contrast than broad ones
_FLAT_SMOOTHING = 1.5  # px; where an image is flat must not depend on its noise
_LEAST_CONTRAST = 0.05  # below, there is no figure to measure
_LEAST_CONTRAST_TO_NOISE = 8.0  # below, its outline would be that of the noise
_FIGURES_SHARE = 0.5  # of the images that must show a figure
_STROKES_SHARE = 0.9  # of those that must look like strokes
_MOST_AREA = 0.5  # of an image that strokes may cover
_MOST_WIDTH = 1 / 3  # of the shorter side that a stroke may measure
_MOST_BORDER = 0.1  # of the outermost pixels that strokes may cover

# A σ smaller than this counts as this: where images hardly differ, a change that nobody would see
# must not stand out. In each attribute's own unit.
_LEAST_STD = {
    "noise": 0.01,
    "sharpness": 0.05,
    "contrast": 0.05,
    "brightness": 0.04,
    "colourfulness": 0.03,
    "saturation": 0.03,
    "stroke area": 0.1,
    "stroke width": 0.2,
    "slant": 0.03,
    "position x": 0.02,
    "position y": 0.02,
    "size": 0.01,
    "holes": 0.25,
}


@dataclass(frozen=True)
class Variation:
    """By how much attributes differ among a generator's images, unmoved and of all classes.

    Attributes:
        figure: how the generator's strokes stand out, None where its images are not of strokes.
        std: σ of each attribute that applies.
    """

    figure: Figure | None
    std: dict[str, float]


@ours()
def natural_variation(generator: Generator, *, samples: int = NATURAL_SAMPLES) -> Variation:
    """Measure ``samples`` generated images, classes in equal shares; a property of the generator."""
    labels = torch.arange(samples) * len(generator.classes) // samples
    images = generator.synthesize(generator.sample(labels, 0, stream="attributes"))
    return variation_of(_channels_last(images))


def variation_of(images: npt.NDArray[Any]) -> Variation:
    """Decide whether images ``[N, H, W, C]`` show strokes, and measure what they vary by."""
    figure = figure_of(images)
    values = measure_attributes(images, figure)
    std = {name: float(np.nanstd(v)) for name, v in values.items() if np.isfinite(v).any()}
    return Variation(figure, {name: max(value, _LEAST_STD[name]) for name, value in std.items()})


def changes_along(walk: Walk, variation: Variation) -> list[AttributeChange]:
    """Say what changes between the unmoved start images of a walk and the moved ones."""
    return changes(_channels_last(walk.unmoved), _channels_last(walk.moved), variation)


def changes(
    unmoved: npt.NDArray[Any], moved: npt.NDArray[Any], variation: Variation
) -> list[AttributeChange]:
    """Compare the same images before and after: ``[N, H, W, C]`` each, largest change first.

    The mean of the paired differences, in σ, with its t interval; an image that has no figure on
    either side says nothing about shapes, and an attribute that most images lack is left out.
    """
    before = measure_attributes(unmoved, variation.figure)
    after = measure_attributes(moved, variation.figure)
    found = []
    for name, std in variation.std.items():
        differences = (after[name] - before[name]) / std
        differences = differences[np.isfinite(differences)]
        count = len(differences)
        if count < 2 or 2 * count < len(unmoved):
            continue
        mean = float(differences.mean())
        tail = (1 - CONFIDENCE) / 2 / len(variation.std)
        error = float(differences.std(ddof=1)) / np.sqrt(count)
        reach = special.stdtrit(count - 1, 1 - tail) * error
        interval = (round(float(x), 3) for x in (mean, mean - reach, mean + reach))
        found.append(AttributeChange(name, *interval))
    return sorted(found, key=lambda change: -abs(change.change))


def measure_attributes(images: npt.NDArray[Any], figure: Figure | None) -> dict[str, Floats]:
    """Measure images, uint8 or float in [0, 1], ``[N, H, W, C]``: attribute → ``[N]``.

    Always noise, sharpness, contrast and brightness; for three channels colourfulness and
    saturation; for strokes also their area, width, slant, position, size and holes, NaN where an
    image has too little contrast, or too much noise, to show any.
    """
    pixels = _as_float(images)
    smooth = _smoothed(pixels, _SMOOTHING)
    gray, smooth_gray = pixels.mean(axis=3), smooth.mean(axis=3)
    contrast = _contrast(gray)
    noise = _noise(pixels, smooth_gray)
    values = {
        "noise": noise,
        "sharpness": _sharpness(gray, contrast),
        "contrast": contrast,
        "brightness": np.median(_flat(gray), axis=1),
    }
    if images.shape[3] == 3:
        values |= {"colourfulness": _colourfulness(smooth), "saturation": _saturation(smooth)}
    if figure is not None:
        values |= _shapes(_strokes(smooth_gray, contrast, noise, figure))
    return values


def figure_of(images: npt.NDArray[Any]) -> Figure | None:
    """Decide whether images are of strokes: gray, and nine in ten figures thin and off the border.

    At least half of the images must show a figure. A figure is what lies beyond half of an image's contrast, on its bright or on its dark side. It
    is one of strokes if it covers less than half of the image and a tenth of the border, and if
    strokes measure less than a third of the shorter side.
    """
    if images.shape[3] != 1:
        return None
    pixels = _as_float(images)
    gray = pixels[..., 0]
    smooth, contrast = _smoothed(gray, _SMOOTHING), _contrast(gray)
    noise = _noise(pixels, smooth)
    kinds: tuple[Figure, ...] = ("bright", "dark")
    for figure in kinds:
        mask = _strokes(smooth, contrast, noise, figure)
        frame = np.ones(mask.shape[1:], dtype=bool)
        frame[1:-1, 1:-1] = False
        area = _flat(mask).mean(axis=1)
        shown = area > 0
        strokes = shown & (area < _MOST_AREA)
        strokes &= mask[:, frame].mean(axis=1) < _MOST_BORDER
        strokes &= _stroke_width(mask) < _MOST_WIDTH * min(mask.shape[1:])
        if shown.mean() >= _FIGURES_SHARE and strokes.sum() >= _STROKES_SHARE * shown.sum():
            return figure
    return None


def _channels_last(images: torch.Tensor) -> npt.NDArray[np.float32]:
    """``[N, C, H, W]`` → ``[N, H, W, C]``."""
    moved: npt.NDArray[np.float32] = images.numpy().transpose(0, 2, 3, 1)
    return moved


def _as_float(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    pixels: npt.NDArray[np.float32] = images.astype(np.float32)
    if images.dtype == np.uint8:
        pixels /= 255
    return pixels


def _flat(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``[N, …]`` → ``[N, values]``."""
    return values.reshape(len(values), -1)


def _smoothed(pixels: Floats, sigma: float) -> Floats:
    """Smooth ``[N, H, W, …]`` along rows and columns, px."""
    smooth: Floats = ndimage.gaussian_filter(pixels, sigma, axes=(1, 2), mode="nearest")
    return smooth


def _steepness(gray: Floats) -> Floats:
    down, right = np.gradient(gray, axis=(1, 2))
    return np.asarray(np.hypot(down, right))


def _noise(pixels: Floats, smooth_gray: Floats) -> Floats:
    """Standard deviation of the noise (Immerkær 1996), over the flatter half of each image.

    J. Immerkær, "Fast noise variance estimation", CVIU 64(2), 1996: the mean absolute response to
    the difference of two Laplacians, times √(π/2)/6. Edges answer to it too: Tai and Yang (2008)
    leave them out, and so does this.
    """
    rows = pixels[:, 2:] - 2 * pixels[:, 1:-1] + pixels[:, :-2]
    response = np.abs(rows[:, :, 2:] - 2 * rows[:, :, 1:-1] + rows[:, :, :-2]).mean(axis=3)
    steepness = _flat(_steepness(_smoothed(smooth_gray, _FLAT_SMOOTHING))[:, 1:-1, 1:-1])
    flat = steepness <= np.median(steepness, axis=1, keepdims=True)
    mean = (_flat(response) * flat).sum(axis=1) / flat.sum(axis=1)
    return np.asarray(mean * np.sqrt(np.pi / 2) / 6)


def _contrast(gray: Floats) -> Floats:
    """From the darkest 1 % to the brightest 1 % of the pixels, hardly smoothed."""
    low, high = np.percentile(_flat(_smoothed(gray, _TONE_SMOOTHING)), (1, 99), axis=1)
    return np.asarray(high - low)


def _sharpness(gray: Floats, contrast: Floats) -> Floats:
    """Logarithm of the slope of edges, relative to contrast: 1/px.

    The slope is a mean weighted by its own square, so that it is that of the edges, however many.
    """
    slope = _flat(_steepness(_smoothed(gray, _EDGE_SMOOTHING))).astype(np.float64)
    square = slope**2
    edges = (square * slope).sum(axis=1) / np.maximum(square.sum(axis=1), 1e-12)
    return np.asarray(np.log(np.maximum(edges, 1e-4) / np.maximum(contrast, _LEAST_CONTRAST)))


def _colourfulness(smooth: Floats) -> Floats:
    """M3 of Hasler and Süsstrunk, "Measuring colourfulness in natural images" (2003), in [0, 1]s."""
    red, green, blue = (_flat(smooth[..., c]) for c in range(3))
    opponents = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(o.std(axis=1) for o in opponents))
    return np.asarray(spread + 0.3 * np.hypot(*(o.mean(axis=1) for o in opponents)))


def _saturation(smooth: Floats) -> Floats:
    """Mean saturation, as in HSV, of the smoothed pixels: noise has colours of its own."""
    high = smooth.max(axis=3)
    saturation = (high - smooth.min(axis=3)) / np.maximum(high, 1 / 255)
    return np.asarray(_flat(saturation).mean(axis=1))


def _strokes(smooth_gray: Floats, contrast: Floats, noise: Floats, figure: Figure) -> Masks:
    """Which pixels belong to the figure: beyond the middle of ground and ink.

    None do in images that are flat, or too noisy to tell the figure's outline.
    """
    tones = smooth_gray if figure == "bright" else 1 - smooth_gray
    ground, ink = np.percentile(_flat(tones), (10, 98), axis=1)
    mask = tones > ((ground + ink) / 2)[:, None, None]
    shown = contrast >= np.maximum(_LEAST_CONTRAST, _LEAST_CONTRAST_TO_NOISE * noise)
    return np.asarray(mask & shown[:, None, None])


def _shapes(mask: Masks) -> dict[str, Floats]:
    """Measure figures ``[N, H, W]``: lengths in sides of the image, x to the right, y down."""
    height, width = mask.shape[1:]
    area = _flat(mask).sum(axis=1).astype(np.float64)
    area[area == 0] = np.nan
    y, x = (axis.astype(np.float32) for axis in np.mgrid[:height, :width])

    def mean(values: Floats) -> Floats:
        return np.asarray(np.einsum("nhw,nhw->n", mask.astype(np.float32), values) / area)

    every = np.broadcast_to
    center_x, center_y = (mean(every(axis, mask.shape)) for axis in (x, y))
    right = (x - center_x[:, None, None]).astype(np.float32)
    down = (y - center_y[:, None, None]).astype(np.float32)
    vertical = mean(down * down)
    square = mean(right * right) + vertical
    return {
        "stroke area": area / np.maximum(square, 0.25),
        "stroke width": _stroke_width(mask),
        "slant": -mean(right * down) / np.maximum(vertical, 0.25),
        "position x": center_x / width,
        "position y": center_y / height,
        "size": np.sqrt(square / (height * width)),
        "holes": np.where(np.isnan(area), np.nan, _holes(mask)),
    }


def _stroke_width(mask: Masks) -> Floats:
    """Width of the strokes, px, off the mean distance to the ground; NaN without any.

    Across a stroke of width w (even) distances are 1, 2, …, w/2, w/2, …, 2, 1, in the mean (w + 2)/4.
    """
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    apart = 1e6  # so far are images from one another that the nearest ground is one's own
    depth = _flat(ndimage.distance_transform_edt(padded, sampling=(apart, 1, 1)))
    count = (depth > 0).sum(axis=1).astype(np.float64)
    count[count == 0] = np.nan
    return np.asarray(4 * depth.sum(axis=1) / count - 2)


def _holes(mask: Masks) -> Floats:
    """Pieces of ground (joined by their sides) that the figure cuts off from the border."""
    ground = ~np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    joined = np.zeros((3, 3, 3), dtype=bool)
    joined[1] = ndimage.generate_binary_structure(2, 1)
    labels, _ = ndimage.label(ground, joined)
    # Labels count on from image to image, so the highest of each tells how many it has.
    return np.asarray(np.diff(_flat(labels).max(axis=1), prepend=0) - 1.0)

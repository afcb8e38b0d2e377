"""Figures of strokes, such as digits: their detection and their shapes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pytest_failcond.probes.direction.tones import (
    LEAST_CONTRAST,
    SMOOTHING,
    Floats,
    as_float,
    contrast_of,
    noise_of,
    per_image,
    smoothed,
)

Masks = npt.NDArray[np.bool_]
Figure = Literal["bright", "dark"]
"""Strokes brighter than their ground, or darker."""

_LEAST_CONTRAST_TO_NOISE = 8.0  # below, its outline would be that of the noise
_FIGURES_SHARE = 0.5  # least share of the images that show a figure
_STROKES_SHARE = 0.9  # least share of these that look like strokes
_MOST_AREA = 0.5  # of an image that strokes may cover
_MOST_WIDTH = 1 / 3  # of the shorter side that a stroke may measure
_MOST_BORDER = 0.1  # of the outermost pixels that strokes may cover
_LEAST_INK = 1e-6  # an image without any has no figure
_PALEST = 0.2  # of the ink that strokes may have
_PALEST_TO_NOISE = 3.0  # times the noise, of which clipping hides a part
_PALE_SHARE = 0.2  # of the strokes
_LEAST_PIECE = 0.04  # of the figure; less is a speck


def figure_of(images: npt.NDArray[Any]) -> Figure | None:
    """Decide whether images are of strokes: gray, and nine in ten figures thin and off the border.

    At least half of the images must show a figure. A figure is the part beyond half of an image's
    contrast, on its bright or on its dark side. It consists of strokes if it covers less than half
    of the image and a tenth of the border, and if strokes measure less than a third of the shorter
    side.
    """
    if images.shape[3] != 1:
        return None
    pixels = as_float(images)
    gray = pixels[..., 0]
    smooth, contrast = smoothed(gray, SMOOTHING), contrast_of(gray)
    noise = noise_of(pixels, smooth)
    kinds: tuple[Figure, ...] = ("bright", "dark")
    for figure in kinds:
        mask = stroke_masks(smooth, contrast, noise, figure)
        frame = np.ones(mask.shape[1:], dtype=bool)
        frame[1:-1, 1:-1] = False
        area = per_image(mask).mean(axis=1)
        shown = area > 0
        strokes = shown & (area < _MOST_AREA)
        strokes &= mask[:, frame].mean(axis=1) < _MOST_BORDER
        strokes &= _stroke_width(mask) < _MOST_WIDTH * min(mask.shape[1:])
        if shown.mean() >= _FIGURES_SHARE and strokes.sum() >= _STROKES_SHARE * shown.sum():
            return figure
    return None


def stroke_masks(smooth_gray: Floats, contrast: Floats, noise: Floats, figure: Figure) -> Masks:
    """Which pixels belong to the figure: beyond the middle of ground and ink.

    None do in images that are flat, or too noisy to show an outline.
    """
    tones, ground, ink = _tones(smooth_gray, figure)
    mask = tones > (ground + ink) / 2
    shown = contrast >= np.maximum(LEAST_CONTRAST, _LEAST_CONTRAST_TO_NOISE * noise)
    return np.asarray(mask & shown[:, None, None])


def _tones(smooth_gray: Floats, figure: Figure) -> tuple[Floats, Floats, Floats]:
    """Return tones in which strokes are bright, ``[N, H, W]``, and each image's ground and ink."""
    tones = smooth_gray if figure == "bright" else 1 - smooth_gray
    ground, ink = np.percentile(per_image(tones), (10, 98), axis=1)[..., None, None]
    return tones, ground, ink


def evenness_of(
    smooth_gray: Floats, mask: Masks, contrast: Floats, noise: Floats, figure: Figure
) -> Floats:
    """Return how even the ink of the strokes is, ``[N]``: 0, or the less the paler its palest part is.

    Logarithm of the palest fifth as a share of the darkest. Strokes too pale for the figure count,
    too, but no haze, which is broader. The ink of a stroke is that of its middle, the most around a
    pixel, so that soft edges do not enter. NaN for images without a figure.
    """
    tones, ground, most_ink = _tones(smooth_gray, figure)
    ink = (tones - ground) / np.maximum(most_ink - ground, _LEAST_INK)
    around, broad = (2 * round(min(ink.shape[1:]) / parts) + 1 for parts in (12, 7))
    most = ndimage.maximum_filter(ink, size=(1, around, around))
    thin = ndimage.white_tophat(ink, size=(1, broad, broad))
    palest = np.maximum(_PALEST, _PALEST_TO_NOISE * noise / np.maximum(contrast, LEAST_CONTRAST))
    strokes = (thin >= palest[:, None, None]) & (ink >= most / 2)
    strokes &= mask.any(axis=(1, 2), keepdims=True)
    last = np.maximum(per_image(strokes).sum(axis=1) - 1, 0)
    ordered = np.sort(per_image(np.where(strokes, most, np.nan)), axis=1)
    pale, dark = (
        np.take_along_axis(ordered, np.rint(share * last).astype(np.int64)[:, None], axis=1)
        for share in (_PALE_SHARE, 1 - _PALE_SHARE)
    )
    return np.asarray(np.log(pale / dark)[:, 0])


def shapes_of(mask: Masks) -> dict[str, Floats]:
    """Measure figures ``[N, H, W]``: lengths in sides of the image, x to the right, y down."""
    height, width = mask.shape[1:]
    area = per_image(mask).sum(axis=1).astype(np.float64)
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
        "pieces": np.where(np.isnan(area), np.nan, _pieces(mask)),
    }


def _stroke_width(mask: Masks) -> Floats:
    """Width of the strokes, px, off the mean distance to the ground; NaN without any.

    Across a stroke of width w (even) distances are 1, 2, …, w/2, w/2, …, 2, 1, in the mean (w + 2)/4.
    """
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    apart = 1e6  # images are so far apart that the nearest ground is their own
    depth = per_image(ndimage.distance_transform_edt(padded, sampling=(apart, 1, 1)))
    count = (depth > 0).sum(axis=1).astype(np.float64)
    count[count == 0] = np.nan
    return np.asarray(4 * depth.sum(axis=1) / count - 2)


def _holes(mask: Masks) -> Floats:
    """Pieces of ground (joined by their sides) that the figure cuts off from the border."""
    ground = ~np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    owners, _ = _parts(ground, sides=True)
    return np.asarray(np.bincount(owners, minlength=len(mask)) - 1.0)


def _pieces(mask: Masks) -> Floats:
    """Pieces that the figure is in (joined by sides or corners), without specks."""
    owners, sizes = _parts(mask, sides=False)
    pieces = sizes >= _LEAST_PIECE * per_image(mask).sum(axis=1)[owners]
    return np.bincount(owners[pieces], minlength=len(mask)).astype(np.float64)


def _parts(mask: Masks, *, sides: bool) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the joined parts of masks ``[N, H, W]``: the image of each part, and its size, ``[P]``."""
    joined = np.zeros((3, 3, 3), dtype=bool)
    joined[1] = ndimage.generate_binary_structure(2, 1 if sides else 2)
    labels, count = ndimage.label(mask, joined)
    # Labels count on from image to image, so the highest so far tells whose each is.
    highest = np.maximum.accumulate(per_image(labels).max(axis=1))
    parts = np.arange(1, count + 1)
    return np.searchsorted(highest, parts), np.bincount(labels.ravel(), minlength=count + 1)[1:]

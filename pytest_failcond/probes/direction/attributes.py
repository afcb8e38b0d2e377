"""The changes of images along a direction, in named attributes.

Every attribute is one number per image, built to respond to one kind of change and to little else:
noise is read where the image is flat, sharpness relative to contrast, and shapes off a smoothed
image at half its contrast. The standard deviation of an attribute over generated images is its
unit, σ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import special

from pytest_failcond.generators.base import Generator
from pytest_failcond.generators.by_rejection import of_any_kind
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.direction.record import AttributeChange
from pytest_failcond.probes.direction.regions import by_region, mean_difference, variation_by_region
from pytest_failcond.probes.direction.strokes import (
    Figure,
    evenness_of,
    figure_of,
    shapes_of,
    stroke_masks,
)
from pytest_failcond.probes.direction.tones import (
    SMOOTHING,
    Floats,
    as_float,
    colourfulness,
    contrast_of,
    noise_of,
    per_image,
    saturation,
    sharpness,
    smoothed,
)
from pytest_failcond.probes.direction.walking import Walk
from pytest_failcond.process.surroundings import ours

NATURAL_SAMPLES = 256
CONFIDENCE = 0.95  # of the intervals of all attributes of a direction together (Bonferroni)


# The least σ of each attribute, in its own unit: if images hardly differ, an invisible change must
# not stand out.
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
    "pieces": 0.25,
    "ink evenness": 0.1,
}


@dataclass(frozen=True)
class Variation:
    """The spread of attributes over a generator's images, unmoved and of all classes.

    Attributes:
        figure: the polarity of the generator's strokes; None if its images are not of strokes.
        std: σ of each attribute that applies.
        regions: σ of the pixels, by ninth of the image, ``[9]``.
    """

    figure: Figure | None
    std: dict[str, float]
    regions: list[float]


@ours()
def natural_variation(generator: Generator, *, samples: int = NATURAL_SAMPLES) -> Variation:
    """Measure ``samples`` generated images, classes in equal shares; a property of the generator."""
    labels = torch.arange(samples) * len(generator.classes) // samples
    images = generator.synthesize(generator.sample(labels, 0, stream="attributes"))
    return variation_of(channels_last(images))


def variation_in(laboratory: Laboratory) -> Variation:
    """Measure the spread of attributes over the images of a laboratory's generator."""
    assert laboratory.generator is not None
    return natural_variation(of_any_kind(laboratory.generator))


def variation_of(images: npt.NDArray[Any]) -> Variation:
    """Decide whether images ``[N, H, W, C]`` show strokes, and measure the spread of their
    attributes.
    """
    figure = figure_of(images)
    values = measure_attributes(images, figure)
    std = {name: float(np.nanstd(v)) for name, v in values.items() if np.isfinite(v).any()}
    std = {name: max(value, _LEAST_STD[name]) for name, value in std.items()}
    return Variation(figure, std, variation_by_region(images))


def changes_along(walk: Walk, variation: Variation) -> list[AttributeChange]:
    """Return the changes between the unmoved start images of a walk and the moved ones."""
    return changes(channels_last(walk.unmoved), channels_last(walk.moved), variation)


def changes(
    unmoved: npt.NDArray[Any], moved: npt.NDArray[Any], variation: Variation
) -> list[AttributeChange]:
    """Compare the same images before and after: ``[N, H, W, C]`` each, largest change first.

    The mean of the paired differences, in σ, with its t interval; an image without a figure on
    either side does not count for shapes, and an attribute that most images lack is left out.
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


def difference_along(walk: Walk) -> Floats:
    """Return how far the start images of a walk are from the moved ones, in the mean, ``[H, W]``."""
    return mean_difference(channels_last(walk.unmoved), channels_last(walk.moved))


def difference_by_region(difference: Floats, variation: Variation) -> list[float]:
    """Return a mean difference ``[H, W]`` by ninth of the image, in σ of its pixels, ``[9]``."""
    changes = zip(by_region(difference), variation.regions, strict=True)
    return [change / std for change, std in changes]


def measure_attributes(images: npt.NDArray[Any], figure: Figure | None) -> dict[str, Floats]:
    """Measure images, uint8 or float in [0, 1], ``[N, H, W, C]``: attribute → ``[N]``.

    Always noise, sharpness, contrast and brightness; for three channels colourfulness and
    saturation; for strokes also their area, width, slant, position, size, holes, pieces and ink
    evenness, NaN where an image has too little contrast, or too much noise, to show any.
    """
    pixels = as_float(images)
    smooth = smoothed(pixels, SMOOTHING)
    gray, smooth_gray = pixels.mean(axis=3), smooth.mean(axis=3)
    contrast = contrast_of(gray)
    noise = noise_of(pixels, smooth_gray)
    values = {
        "noise": noise,
        "sharpness": sharpness(gray, contrast),
        "contrast": contrast,
        "brightness": np.median(per_image(gray), axis=1),
    }
    if images.shape[3] == 3:
        values |= {"colourfulness": colourfulness(smooth), "saturation": saturation(smooth)}
    if figure is not None:
        mask = stroke_masks(smooth_gray, contrast, noise, figure)
        values |= shapes_of(mask)
        values["ink evenness"] = evenness_of(smooth_gray, mask, contrast, noise, figure)
    return values


def channels_last(images: torch.Tensor) -> npt.NDArray[np.float32]:
    """``[N, C, H, W]`` → ``[N, H, W, C]``."""
    moved: npt.NDArray[np.float32] = images.numpy().transpose(0, 2, 3, 1)
    return moved

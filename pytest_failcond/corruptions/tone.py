"""Corruptions of single pixels: contrast, brightness, saturate. uint8 ``[N, H, W, C]`` in and out."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions.filters import Images, pair_table, per_channel
from pytest_failcond.corruptions.randomness import KeyedRandom

_UNSURE = 1e-7  # levels; float64 sums of any image err by less


def contrast(images: Images, factor: float, _: KeyedRandom) -> Images:
    """Draw each channel towards its image's mean: floor(255 clip((x - mean) c + mean)).

    If a level lands on an integer, the rounding of the mean decides. Such images get their mean as
    a plain sum in float64, pixel after pixel, as NumPy takes the mean of a colour image.
    """
    count, height, width, channels = images.shape
    size = height * width
    # By rows first: NumPy is slow if the innermost axis is as short as the channels.
    rows = images.reshape(count, height, width * channels).sum(axis=1, dtype=np.int64)
    averages = rows.reshape(count, width, channels).sum(axis=1) / (255.0 * size)
    levels = np.arange(256) / 255.0

    def tables(means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return (
            np.asarray(np.clip((levels - means[..., None]) * factor + means[..., None], 0, 1)) * 255
        )

    exact = tables(averages)  # [N, C, 256]
    unsure = np.flatnonzero((np.abs(exact - np.rint(exact)) < _UNSURE).any(axis=(1, 2)))
    if len(unsure):
        pixels = levels.take(images[unsure].reshape(len(unsure), size, channels))
        exact[unsure] = tables(np.cumsum(pixels, axis=1)[:, -1] / size)
    new = exact.astype(np.uint8).reshape(count * channels, 256)
    out = np.empty_like(images)
    step = 256 // channels  # so many images' tables have 16-bit addresses
    for start in range(0, count, step):
        part = images[start : start + step].reshape(-1, height, width * channels)
        flat = new[start * channels : (start + len(part)) * channels].reshape(-1)
        which = np.arange(len(part) * channels, dtype=np.uint8).reshape(-1, 1, channels)
        found = pair_table(flat, np.tile(which, (1, width, 1)).reshape(len(part), 1, -1), part)
        out[start : start + step] = found.reshape(-1, height, width, channels)
    return out


def brightness(images: Images, added: float, _: KeyedRandom) -> Images:
    """Add to the value of HSV: all channels of a pixel grow by the factor that its largest grows by."""
    if images.shape[3] == 1:
        return _brightness_table(added)[:: 256 + 1].take(images)
    red, green, blue = (images[..., channel] for channel in range(3))
    largest = per_channel(np.maximum(np.maximum(red, green), blue), 3)
    return pair_table(_brightness_table(added), largest, images)


@lru_cache(maxsize=16)
def _brightness_table(added: float) -> Images:
    """Return the new level by largest channel and level, uint8 ``[65536]``."""
    levels = np.arange(256)
    raised = np.clip(levels / 255.0 + added, 0, 1) * 255
    grown = raised[:, None] * levels / np.maximum(levels, 1)[:, None]
    grown[0] = raised[0]  # black has no hue: it turns gray
    np.fill_diagonal(grown, raised)
    table: Images = np.minimum(grown, 255).astype(np.uint8).reshape(-1)
    return table


def saturate(images: Images, constants: tuple[float, float], _: KeyedRandom) -> Images:
    """Stretch the saturation of HSV: clip(a s + b). Gray images, all of hue 0, keep their level."""
    if images.shape[3] == 1:
        return (np.arange(256) / 255.0 * 255).astype(np.uint8).take(images)
    factor, offset = constants
    x = images / 255.0
    red, green, blue = x[..., 0], x[..., 1], x[..., 2]
    value = x.max(axis=3)
    spread = value - x.min(axis=3)
    colourless = spread == 0
    divisor = np.where(colourless, 1.0, spread)
    # Equal maxima take the later rule: green's over red's, blue's over both.
    hue = (green - blue) / divisor
    hue = np.where(green == value, 2.0 + (blue - red) / divisor, hue)
    hue = np.where(blue == value, 4.0 + (red - green) / divisor, hue)
    hue = np.where(colourless, 0.0, (hue / 6.0) % 1.0) * 6.0
    saturation = np.where(colourless, 0.0, spread / np.where(value == 0, 1.0, value))
    saturation = np.clip(saturation * factor + offset, 0, 1)

    sector = np.floor(hue)
    part = hue - sector
    low = value * (1 - saturation)
    falling = value * (1 - part * saturation)
    rising = value * (1 - (1 - part) * saturation)
    which = sector.astype(np.int8) % 6
    out = np.stack(
        [
            np.choose(which, channel)
            for channel in (
                [value, falling, low, low, rising, value],
                [rising, value, value, falling, low, low],
                [low, low, rising, value, value, falling],
            )
        ],
        axis=3,
    )
    return np.asarray((np.clip(out, 0, 1) * 255).astype(np.uint8))

"""The nineteen corruptions by name, each a function of a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_failcond.corruptions import blur, defocus, digital, noise, spatter, tone, weather
from pytest_failcond.corruptions.filters import Images
from pytest_failcond.corruptions.randomness import KeyedRandom

KERNELS: dict[str, Callable[[Images, Any, KeyedRandom], Images]] = {
    "gaussian_noise": noise.gaussian_noise,
    "shot_noise": partial(noise.tabulated, noise.shot_probabilities),
    "impulse_noise": noise.impulse_noise,
    "speckle_noise": noise.speckle_noise,
    "defocus_blur": defocus.defocus_blur,
    "glass_blur": blur.glass_blur,
    "motion_blur": blur.motion_blur,
    "zoom_blur": blur.zoom_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": tone.brightness,
    "contrast": tone.contrast,
    "elastic_transform": digital.elastic_transform,
    "pixelate": digital.pixelate,
    "jpeg_compression": digital.jpeg_compression,
    "gaussian_blur": blur.gaussian_blur,
    "spatter": spatter.spatter,
    "saturate": tone.saturate,
}
"""The corruptions by name: (images, the severity's constant, random) → images."""

# Values per kernel call: few enough for its temporaries to stay in the cache; more if a kernel
# takes as many steps for one image as for a thousand, or goes image by image.
_VALUES = 1 << 18
_CHUNK = {
    "defocus_blur": 1 << 19,
    "fog": 1 << 20,
    "glass_blur": 1 << 21,
    "jpeg_compression": 1 << 21,
    "motion_blur": 1 << 19,
    "pixelate": 1 << 26,
    "snow": 1 << 20,
}


def images_at_once(name: str, shape: tuple[int, ...]) -> int:
    """Return how many images of ``[N, H, W, C]`` a kernel is called with."""
    _, height, width, channels = shape
    values = height * width * channels
    if name == "fog":  # its clouds are square, however narrow the image
        values = max(values, weather.cloud_side(height, width) ** 2)
    return max(1, _CHUNK.get(name, _VALUES) // values)

"""What imagecorruptions makes of fixed images, as statistics small enough to commit.

`python -m tests.oracle` writes them; `tests/unit/test_oracle.py` holds our kernels against them.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pytest_failcond.corruptions.constants import IMAGENET_C

FILE = Path(__file__).with_name("statistics.json")
EXACT = (
    "contrast", "pixelate", "jpeg_compression", "brightness", "gaussian_blur", "defocus_blur",
    "zoom_blur", "saturate", "motion_blur",
)  # fmt: skip
"""Compared pixel by pixel; motion_blur at given angles."""

EXACTNESS = {
    **dict.fromkeys(("contrast", "pixelate", "jpeg_compression"), (0, 0.0)),
    "brightness": (1, 0.02),
    **dict.fromkeys(
        ("gaussian_blur", "defocus_blur", "zoom_blur", "saturate", "motion_blur"), (1, 0.001)
    ),
}
"""The most levels apart at any pixel; the largest share of pixels that are apart at all.

The share is one of images with texture. In a flat area the exact result is a whole level, and the
original's rounding errors decide whether all of it comes out a level lower.
"""

RANDOM = ("glass_blur", "snow", "frost", "fog", "spatter", "elastic_transform", "motion_blur")
"""Compared by statistics over draws."""

KINDS = {
    # side, channels: images compared by pixels; images and draws of each compared by statistics
    "32 gray": (32, 1, 24, 4, 40),
    "32 rgb": (32, 3, 24, 4, 40),
    "64 rgb": (64, 3, 8, 4, 12),
    "224 rgb": (224, 3, 2, 2, 5),
}
_PIXELS = 800
_BINS = 5


def photographs(count: int, side: int, channels: int, seed: int = 5) -> np.ndarray:
    """Patches with edges, soft hues and grain: uint8 ``[N, H, W, C]``, neither constant nor noise."""
    random = np.random.default_rng([seed, side, channels])
    patches = max(5, side // 6)
    size = -(-side // patches)
    coarse = random.integers(0, 256, (count, patches, patches, channels)).astype(np.float64)
    images = np.kron(coarse, np.ones((1, size, size, 1)))[:, :side, :side]
    images = 0.6 * images + 0.4 * images.mean(axis=3, keepdims=True)
    images += random.normal(0, 6, images.shape)
    return np.clip(images, 0, 255).astype(np.uint8)


def angles(count: int) -> np.ndarray:
    """Angles of motion, degrees."""
    return np.linspace(-44, 44, count) + 0.3


def signature(images: np.ndarray) -> np.ndarray:
    """Return the levels at fixed random places, uint8 ``[800]``."""
    places = np.random.default_rng(9).integers(0, images.size, _PIXELS)
    return images.reshape(-1)[places]


def pack(levels: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(levels.tobytes(), 9)).decode("ascii")


def unpack(text: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)


def statistics(images: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Return one row per image: mean, spread, mean change, and log power by frequency: ``[N, 8]``."""
    x = images[..., 0].astype(np.float64)
    change = np.abs(images.astype(np.float64) - clean).mean(axis=(1, 2, 3))
    power = np.abs(np.fft.rfft2(x - x.mean(axis=(1, 2), keepdims=True))) ** 2 / x[0].size
    rows = np.fft.fftfreq(x.shape[1])[:, None]
    columns = np.fft.rfftfreq(x.shape[2])
    which = np.minimum((np.hypot(rows, columns) / 0.5 * _BINS).astype(int), _BINS - 1)
    bins = [np.log10(power[:, which == b].mean(axis=1) + 0.1) for b in range(_BINS)]
    return np.stack([x.mean(axis=(1, 2)), x.std(axis=(1, 2)), change, *bins], axis=1)


def summarise(
    draw: Callable[[np.ndarray, int], np.ndarray], kind: str, draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and its standard error of the statistics, each ``[8]``, over images and draws.

    ``draw(images, number)`` corrupts a batch of copies; images that come back black or unchanged are
    left out, for spatter of which not a drop is seen.
    """
    side, channels, _, count, _ = KINDS[kind]
    means, errors = [], []
    for number, image in enumerate(photographs(count, side, channels)):
        copies = np.repeat(image[None], draws, axis=0)
        out = draw(copies, number)
        flat = out.reshape(draws, -1)
        seen = flat.any(axis=1) & (flat != copies.reshape(draws, -1)).any(axis=1)
        if seen.sum() >= 2:
            rows = statistics(out[seen], copies[seen])
            means.append(rows.mean(axis=0))
            errors.append(rows.var(axis=0, ddof=1) / len(rows))
    return np.mean(means, axis=0), np.sqrt(np.sum(errors, axis=0)) / len(means)


def motion_constants(severity: int) -> tuple[int, float]:
    return IMAGENET_C["motion_blur"][severity - 1]

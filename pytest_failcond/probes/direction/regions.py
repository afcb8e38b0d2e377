"""Where images differ: by ninths of the image, and by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.direction.tones import Floats, as_float

_LEAST_STD = 0.1
"""A smaller σ of a ninth counts as this: a hardly visible change where images never differ."""


def variation_by_region(images: npt.NDArray[Any]) -> list[float]:
    """Return σ of the pixels among images ``[N, H, W, C]``, mean over each ninth, ``[9]``."""
    std = as_float(images).std(axis=0).mean(axis=2)
    return [max(value, _LEAST_STD) for value in by_region(std)]


def mean_difference(unmoved: npt.NDArray[Any], moved: npt.NDArray[Any]) -> Floats:
    """Return the mean absolute difference of pairs of images ``[N, H, W, C]``, by pixel ``[H, W]``."""
    return np.asarray(np.abs(as_float(moved) - as_float(unmoved)).mean(axis=(0, 3)))


def by_region(values: Floats) -> list[float]:
    """Return the mean of values ``[H, W]`` over each ninth, row by row, ``[9]``."""
    rows, columns = (np.array_split(np.arange(side), 3) for side in values.shape)
    return [float(values[np.ix_(down, across)].mean()) for down in rows for across in columns]


def pictured(difference: Floats) -> tuple[npt.NDArray[np.uint8], float]:
    """Picture differences ``[H, W]`` as gray ``[H, W, 1]``, and return the largest, which is white."""
    most = float(difference.max())
    levels = np.rint(255 * difference / max(most, 1 / 255)).astype(np.uint8)
    return levels[..., None], most

"""Images drawn again, keyed: how often each occurs in each of many draws. Pure."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions.randomness import stream_key

Floats = npt.NDArray[np.float64]
How = Literal["resample", "half"]
"""As many images again, with replacement (Efron 1979); or half of them, without."""


def generator(*parts: str | int) -> np.random.Generator:
    """Return the random numbers that the parts key."""
    return np.random.Generator(np.random.Philox(key=stream_key("selftest", *parts)))


def drawn(
    how: How, seed: int, images: str, size: int, block: int, draws: int
) -> npt.NDArray[np.int64]:
    """Return which of N images are in each draw of a block, by index, ``[draws, M]``; keyed."""
    random = generator(seed, how, images, size, block)
    if how == "half":
        all_of_them = np.tile(np.arange(size), (draws, 1))
        return random.permuted(all_of_them, axis=1)[:, : max(size // 2, 1)]
    return random.integers(size, size=(draws, size))


def weights_of(
    how: How, seed: int, images: str, size: int, block: int, draws: int
) -> npt.NDArray[np.float32]:
    """Return how often each of N images is in each draw of a block, ``[draws, N]``.

    Sums of them are whole numbers under 2**24, which float32 holds exactly.
    """
    rows = drawn(how, seed, images, size, block, draws)
    places = rows + size * np.arange(draws)[:, None]
    counts = np.bincount(places.ravel(), minlength=draws * size)
    return counts.reshape(draws, size).astype(np.float32)


def binomial(counts: Floats, rates: Floats, random: np.random.Generator) -> Floats:
    """Draw how many of each count are lost, each one with the probability given."""
    return random.binomial(np.rint(counts).astype(np.int64), rates).astype(np.float64)


def first(reached: npt.NDArray[np.bool_], grid: Floats) -> Floats:
    """Return the first point of a grid that is reached, ``[R]`` of ``[R, T]``; infinite: none is."""
    return np.where(reached.any(axis=1), grid[reached.argmax(axis=1)], np.inf)

"""Images drawn again, keyed: how often each is there in each of many draws. Pure."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions.randomness import stream_key

Floats = npt.NDArray[np.float64]
How = Literal["resample", "half"]
"""As many images again, with replacement (Efron 1979); or half of them, without."""


def generator(*parts: str | int) -> np.random.Generator:
    """Return the random numbers of what the parts name."""
    return np.random.Generator(np.random.Philox(key=stream_key("selftest", *parts)))


def drawn(how: How, seed: int, images: str, size: int, draw: int) -> npt.NDArray[np.int64]:
    """Return which of N images are in a draw, by index; keyed by all that is given."""
    random = generator(seed, how, images, draw)
    if how == "half":
        return random.permutation(size)[: max(size // 2, 1)]
    return random.integers(size, size=size)


def weights_of(
    how: How, seed: int, images: str, size: int, draws: range
) -> npt.NDArray[np.float32]:
    """Return how often each of N images is in each of R draws, ``[R, N]``.

    Sums of them are whole numbers under 2**24, which float32 holds exactly.
    """
    counts = [np.bincount(drawn(how, seed, images, size, draw), minlength=size) for draw in draws]
    return np.array(counts, dtype=np.float32)


def binomial(counts: Floats, rates: Floats, random: np.random.Generator) -> Floats:
    """Draw how many of each count are lost, each one with the probability given."""
    return random.binomial(np.rint(counts).astype(np.int64), rates).astype(np.float64)


def first(reached: npt.NDArray[np.bool_], grid: Floats) -> Floats:
    """Return the first point of a grid that is reached, ``[R]`` of ``[R, T]``; infinite: none is."""
    return np.where(reached.any(axis=1), grid[reached.argmax(axis=1)], np.inf)

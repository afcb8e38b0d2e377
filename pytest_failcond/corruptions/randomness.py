"""Random bits that depend on their key alone: the same for any batch, order, process or thread.

Philox (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011) maps a key and a
counter to bits. The key is hashed from the stream's name (constants, seed, corruption, severity);
the counter is the position, image after image, so an image's bits can be drawn alone or with any
others. NumPy guarantees Philox's raw stream (NEP 19).
"""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError

_WORDS_PER_BLOCK = 4  # one Philox4x64 counter value gives four 64-bit words


def stream_key(*parts: str | int) -> npt.NDArray[np.uint64]:
    """Hash the name of a random stream into the two 64-bit words of a Philox key."""
    text = "\x1f".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


class KeyedRandom:
    """The random numbers of a batch of images; every draw is keyed by (stream, draw, image, position).

    Args:
        parts: the stream's name, such as ``(constants, seed, corruption, severity)``.
        indices: the images' indices in their image set, int ``[N]``, none below 0.

    Raises:
        FailcondError: an index is not an integer, or below 0.
    """

    def __init__(self, *parts: str | int, indices: npt.ArrayLike) -> None:
        self._parts = parts
        given = np.asarray(indices)
        if given.size and (not np.issubdtype(given.dtype, np.integer) or given.min() < 0):
            raise FailcondError(
                f"indices: expected integers from 0, got {given.dtype} {given[:3]}…"
            )
        self._indices = given.astype(np.int64)
        self._draws = 0

    def bits(self, *shape: int) -> npt.NDArray[np.uint16]:
        """Draw 16 random bits per position: uint16 ``[N, *shape]``."""
        count = int(np.prod(shape, dtype=np.int64))
        blocks = -(-count * 2 // (8 * _WORDS_PER_BLOCK))
        words = blocks * _WORDS_PER_BLOCK
        stream = np.random.Philox(key=self._next_key())
        position = 0
        out = np.empty((len(self._indices), words), dtype=np.uint64)
        for start, stop in _consecutive(self._indices):
            # Moving one stream, forwards or back, costs a fifth of making another.
            stream.advance((int(self._indices[start]) - position) * blocks)
            out[start:stop] = stream.random_raw((stop - start) * words).reshape(-1, words)
            position = int(self._indices[stop - 1]) + 1
        halves = out.astype("<u8", copy=False).view("<u2")[:, :count]
        return halves.reshape(len(self._indices), *shape)

    def uniform(self, *shape: int) -> npt.NDArray[np.float64]:
        """Draw from [0, 1) with 48 bits: float64 ``[N, *shape]``."""
        parts = self.bits(*shape, 3).astype(np.float64)
        return (((parts[..., 0] / 65536 + parts[..., 1]) / 65536) + parts[..., 2]) / 65536

    def normal(self, *shape: int) -> npt.NDArray[np.float64]:
        """Draw from the standard normal distribution: float64 ``[N, *shape]``."""
        from scipy.special import ndtri

        # The middle of each of the 2**48 cells, so that 0 and 1 (infinities) cannot be drawn.
        values: npt.NDArray[np.float64] = ndtri(self.uniform(*shape) + 2.0**-49)
        return values

    def coarse_uniform(self, *shape: int) -> npt.NDArray[np.float64]:
        """Draw from the middles of 65,536 cells of [0, 1]: float64 ``[N, *shape]``, and fast."""
        return (self.bits(*shape) + 0.5) / 65536

    def coarse_normal(self, *shape: int) -> npt.NDArray[np.float64]:
        """Draw one of 65,536 equally likely normal quantiles: float64 ``[N, *shape]``, and fast.

        They are whole multiples of 2**-12, so that filters of them can be exact.
        """
        return _normal_quantiles().take(self.bits(*shape))

    def integers(self, low: int, high: int, *shape: int) -> npt.NDArray[np.int64]:
        """Draw integers from ``low`` to ``high`` - 1: int64 ``[N, *shape]``."""
        return low + np.floor(self.uniform(*shape) * (high - low)).astype(np.int64)

    def generators(self) -> list[np.random.Generator]:
        """Return one NumPy generator per image, for code that draws as it goes."""
        key = self._next_key()
        return [
            np.random.Generator(np.random.Philox(key=key, counter=int(index) << 128))
            for index in self._indices
        ]

    def _next_key(self) -> npt.NDArray[np.uint64]:
        self._draws += 1
        return stream_key(*self._parts, self._draws)


@cache
def _normal_quantiles() -> npt.NDArray[np.float64]:
    from scipy.special import ndtri

    return np.asarray(np.rint(ndtri((np.arange(65536) + 0.5) / 65536) * 4096) / 4096)


def _consecutive(indices: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the (start, stop) of each run of consecutive indices, so that a run is one draw."""
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    edges = [0, *breaks.tolist(), len(indices)]
    return [(a, b) for a, b in pairwise(edges) if b > a]

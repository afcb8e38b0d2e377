"""Linear filters as exact arithmetic: the same pixels on every machine.

A weight is rounded to so few bits after the point that float64 holds every product and sum exactly.
The order of a sum, and so the BLAS kernel that takes it, then makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

_BLOCK = 24  # rows of a band that are multiplied together
_DENSE = 128  # px up to which a whole matrix is cheaper than its bands


class Taps(NamedTuple):
    """For each output of a linear map along an axis, the inputs that it adds up, ``[out, K]`` each."""

    columns: npt.NDArray[np.int64]
    weights: Floats

    def matrix(self, size: int) -> Floats:
        """Return the map as a matrix ``[out, size]``."""
        matrix = np.zeros((len(self.columns), size))
        np.add.at(matrix, (np.arange(len(matrix))[:, None], self.columns), self.weights)
        return matrix


@dataclass(frozen=True)
class Band:
    """A linear map along an axis, float64 ``[out, in]``, with the blocks of it that are not zero."""

    shape: tuple[int, int]
    blocks: tuple[tuple[slice, slice, Floats], ...]

    @classmethod
    def of(cls, taps: Taps, size: int, bits: int | None) -> Band:
        """Cut a map of ``size`` inputs into blocks of rows with the columns that they need.

        Weights are rounded to ``bits`` fixed-point bits, unless they are whole numbers. The whole
        matrix is never made: for an image of 10,000 px it would take 800 MB.
        """
        rows = len(taps.columns)
        step = rows if max(rows, size) <= _DENSE else _BLOCK
        blocks = []
        for start in range(0, rows, step):
            columns = taps.columns[start : start + step]
            weights = taps.weights[start : start + step]
            low, high = int(columns.min()), int(columns.max()) + 1
            block = Taps(columns - low, weights).matrix(high - low)
            if bits is not None:
                block = fixed_point(block, bits)
            blocks.append((slice(start, start + len(block)), slice(low, high), block))
        return cls((rows, size), tuple(blocks))

    def down(self, planes: Floats) -> Floats:
        """Map the rows of ``[N, in, W]`` to ``[N, out, W]``."""
        if len(self.blocks) == 1 and self.blocks[0][1] == slice(0, self.shape[1]):
            return np.asarray(np.matmul(self.blocks[0][2], planes))
        out = np.empty((len(planes), self.shape[0], planes.shape[2]))
        for rows, columns, block in self.blocks:
            np.matmul(block, planes[:, columns], out=out[:, rows])
        return out

    def across(self, planes: Floats) -> Floats:
        """Map the columns of ``[N, H, in]`` to ``[N, H, out]``."""
        if len(self.blocks) == 1 and self.blocks[0][1] == slice(0, self.shape[1]):
            return np.asarray(np.matmul(planes, self.blocks[0][2].T))
        out = np.empty((len(planes), planes.shape[1], self.shape[0]))
        for rows, columns, block in self.blocks:
            np.matmul(planes[:, :, columns], block.T, out=out[:, :, rows])
        return out


FIELD_BITS = 18  # of a weight: 16 (of a value) + 2 * 18 bits stay exact in float64's 53


def filtered(planes: Floats, down: Band, across: Band) -> Floats:
    """Filter in both axes by weights of `FIELD_BITS` bits: exact for values of 16 bits."""
    return across.across(down.down(planes))


def to_planes(images: Images) -> Floats:
    """``[N, H, W, C]`` → float64 ``[N C, H, W]``."""
    count, height, width, channels = images.shape
    planes = np.empty((count, channels, height, width))
    for channel in range(channels):  # a cast as it copies: far faster than a transposed copy
        planes[:, channel] = images[..., channel]
    return planes.reshape(count * channels, height, width)


def to_levels(planes: Floats, channels: int) -> Images:
    """Cut levels ``[N C, H, W]`` to uint8 ``[N, H, W, C]``: floor, as a cast does."""
    _, height, width = planes.shape
    split = planes.reshape(-1, channels, height, width)
    out = np.empty((len(split), height, width, channels), dtype=np.uint8)
    for channel in range(channels):
        np.copyto(out[..., channel], split[:, channel], casting="unsafe")
    return out


def unit_to_levels(x: Floats) -> Images:
    """Cut values, 1 being white, to levels in place: floor(255 clip(x)), uint8."""
    np.clip(x, 0, 1, out=x)
    x *= 255
    return np.asarray(x.astype(np.uint8))


def per_channel(values: npt.NDArray[Any], channels: int) -> npt.NDArray[Any]:
    """Repeat ``[N, H, W]`` for each channel: ``[N, H, W, C]``."""
    shape = (*values.shape, channels)
    return (
        np.repeat(values, channels, axis=-1).reshape(shape) if channels > 1 else values[..., None]
    )


def fixed_point(weights: Floats, bits: int) -> Floats:
    """Round weights that sum to 1 along the last axis to multiples of 2**-bits that do, exactly.

    Weights that are all 0 stay 0.
    """
    total = weights.sum(axis=-1, keepdims=True)
    whole = np.where(total == 0, 0.0, 2.0**bits)
    rounded = np.rint(weights * (whole / np.where(total == 0, 1.0, total)))
    largest = weights.argmax(axis=-1, keepdims=True)
    made_up = np.take_along_axis(rounded, largest, axis=-1) + whole
    made_up -= rounded.sum(axis=-1, keepdims=True)
    np.put_along_axis(rounded, largest, made_up, axis=-1)
    return np.asarray(rounded * 2.0**-bits)


def gaussian_weights(sigma: float, truncate: float = 4.0) -> Floats:
    """Return a Gaussian's weights at -r to r, r its width times ``truncate``; they sum to 1."""
    radius = int(truncate * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / max(sigma, 1e-9)) ** 2)
    return np.asarray(weights / weights.sum())


def clamp(positions: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Repeat the edge pixels outwards: ``a a | a b c d | d d``."""
    return np.asarray(np.clip(positions, 0, size - 1))


def mirror(positions: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Reflect about the edges of the image: ``b a | a b c d | d c``."""
    folded = np.mod(positions, 2 * size)
    return np.asarray(np.minimum(folded, 2 * size - 1 - folded))


def mirror_inside(positions: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Reflect about the outermost pixels: ``c b | a b c d | c b``."""
    folded = np.mod(positions, 2 * size - 2)
    return np.asarray(np.minimum(folded, 2 * size - 2 - folded))


Edge = Callable[[npt.NDArray[Any], int], npt.NDArray[Any]]


def convolution(size: int, weights: Floats, edge: Edge) -> Taps:
    """Return the symmetric filter of an axis, with ``edge`` beyond the edges."""
    radius = len(weights) // 2
    columns = edge(np.arange(size)[:, None] + np.arange(-radius, radius + 1), size)
    return Taps(columns, np.broadcast_to(weights, columns.shape))


@lru_cache(maxsize=128)
def gaussian_band(size: int, sigma: float, bits: int) -> Band:
    """Return the Gaussian along an axis, edge pixels repeated, in fixed point."""
    return Band.of(convolution(size, gaussian_weights(sigma), clamp), size, bits)


def pair_table(table: Images, first: Images, second: Images) -> Images:
    """Look up ``table[256 first + second]``, uint8 ``[65536]``, for each pixel."""
    # NumPy gathers fastest by 16-bit addresses.
    address = first.astype(np.uint16)
    address <<= 8
    return np.asarray(table.take(address | second))


def mirror_near(positions: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Do as `mirror`, faster, for positions less far out than the image is large."""
    inner = np.where(positions < 0, ~positions, positions)
    return np.asarray(np.minimum(inner, 2 * size - 1 - inner))


def bilinear(
    images: npt.NDArray[Any], rows: Floats, columns: Floats, edge: Edge
) -> npt.NDArray[np.float32]:
    """Read ``[N, H, W, C]`` at real positions ``[N, H, W]``: float32, of the values' unit."""
    count, height, width, channels = images.shape
    top, left = np.floor(rows), np.floor(columns)
    down, right = (rows - top).astype(np.float32), (columns - left).astype(np.float32)
    y, x = top.astype(np.int32), left.astype(np.int32)
    base = (np.arange(count, dtype=np.int32) * (height * width))[:, None, None]
    above, below = (base + edge(y + dy, height) * np.int32(width) for dy in (0, 1))
    x0, x1 = edge(x, width), edge(x + 1, width)
    corners = above + x0, above + x1, below + x0, below + x1
    out = np.empty(images.shape, dtype=np.float32)
    for channel in range(channels):
        plane = np.ascontiguousarray(images[..., channel]).reshape(-1)
        a, b, c, d = (plane.take(corner).astype(np.float32) for corner in corners)
        a += right * (b - a)
        c += right * (d - c)
        out[..., channel] = a + down * (c - a)
    return out

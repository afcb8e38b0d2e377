"""Unreadable images, made from test images: a reader who names one as a class is guessing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
_ACROSS = 4  # pieces along each side


def unreadable(pixels: Pixels, number: int, random: np.random.Generator) -> Pixels:
    """Return shuffled pieces (even numbers) or noise (odd) with the levels of an image ``[H, W, C]``."""
    return _noise(pixels, random) if number % 2 else _pieces(pixels, random)


def _noise(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Shuffle the pixels."""
    height, width, channels = pixels.shape
    return random.permutation(pixels.reshape(-1, channels)).reshape(height, width, channels)


def _pieces(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Cut 4 x 4 pieces, put each in another place, and turn some upside down."""
    height, width = (side // _ACROSS for side in pixels.shape[:2])
    shuffled = pixels.copy()
    order = random.permutation(_ACROSS**2)
    # Each piece takes the place of the next one in a random circle, so that none stays.
    for place, piece in zip(order, np.roll(order, 1), strict=True):
        (top, left), (row, column) = divmod(int(place), _ACROSS), divmod(int(piece), _ACROSS)
        cut = pixels[row * height : (row + 1) * height, column * width : (column + 1) * width]
        turned = cut[::-1] if random.integers(2) else cut
        shuffled[top * height : (top + 1) * height, left * width : (left + 1) * width] = turned
    return shuffled

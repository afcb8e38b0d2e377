"""Examples of a measurement: the choice of pictured images, and their pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pytest_failcond.records.measurements import Examples, Measurement

PICTURED = 8  # images of a key at most: enough to show a common cause

SavePicture = Callable[[str, npt.NDArray[np.uint8]], str]
"""Keeps a picture ``[H, W, C]`` under a name; returns its file name."""


class Lost:
    """Images that are right when clean and lost in a cell: the first few, by a given order.

    Collected while the cell is classified, so that no image is corrupted twice.

    Attributes:
        clean: the measurement of the clean images.
        rows, pixels: of those chosen so far, in order; corrupted, uint8 ``[H, W, C]`` each.
    """

    def __init__(self, clean: Measurement, order: npt.NDArray[np.int64]) -> None:
        self.clean = clean
        self._place = np.empty(len(order), dtype=np.int64)
        self._place[order] = np.arange(len(order))
        self.rows: list[int] = []
        self.pixels: list[npt.NDArray[np.uint8]] = []

    def see(
        self, start: int, predicted: npt.NDArray[np.int64], pixels: npt.NDArray[np.uint8]
    ) -> None:
        """Take in a chunk of the images ``[M]``, from row ``start`` on."""
        part = slice(start, start + len(predicted))
        gone = np.flatnonzero(self.clean.right[part] & (predicted != self.clean.labels[part]))
        gone = gone[np.argsort(self._place[start + gone])][:PICTURED]
        rows = [*self.rows, *(start + gone).tolist()]
        images = [*self.pixels, *(pixels[i].copy() for i in gone)]
        first = np.argsort(self._place[np.array(rows, dtype=np.int64)])[:PICTURED].tolist()
        self.rows, self.pixels = [rows[i] for i in first], [images[i] for i in first]


def examples_of(
    rows: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    before: Measurement,
    after: Measurement,
    file: str,
) -> Examples:
    """Describe pictured images.

    Args:
        rows: of the test images pictured, ``[E]``.
        indices: of all test images in the user's set, ``[N]``.
        before: of all test images; clean, or the baseline's.
        after: of them, corrupted or now.
        file: the picture.
    """
    return Examples(
        file=file,
        indices=indices[rows].tolist(),
        labels=after.labels[rows].tolist(),
        before=before.predicted[rows].tolist(),
        after=after.predicted[rows].tolist(),
    )

"""How many images are computed together: their number follows from sizes alone.

It does not follow the free memory: the last bits of a network's output depend on the number of images
that are computed together, and pixels must be the same on every machine and worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

GENERATED = 64
CLASSIFIED = 256
_PIXELS = 1 << 20  # of a batch of images, as of 256 images of 64 x 64 px
_PIXELS_KEPT = 1 << 18  # the same if gradients are taken, which keeps every layer's output
_WIDEST = 1 << 25  # values of a batch in a network's widest layer: 134 MB
_KEPT = 3 << 25  # values of a batch in all layers together: 403 MB


class Batches(NamedTuple):
    """How many of a generator's images are computed together, with what looks at them.

    Attributes:
        images: without gradients.
        gradients: with gradients.
    """

    images: int
    gradients: int

    @classmethod
    def of(cls, height: int, width: int, *, widest: int = 0, kept: int = 0) -> Batches:
        """Choose batches: 64 of small images, and fewer of large ones or in a large network.

        Args:
            height: of an image, px.
            width: of an image, px.
            widest: values of an image in the network's widest layer.
            kept: values of an image in all layers together.
        """
        pixels = height * width
        return cls(
            min(fitting(_PIXELS, pixels, GENERATED), fitting(_WIDEST, widest, GENERATED)),
            min(fitting(_PIXELS_KEPT, pixels, GENERATED), fitting(_KEPT, kept, GENERATED)),
        )


def classified_together(height: int, width: int) -> int:
    """Return the default batch of a classifier: 256 images, and fewer of those larger than 64 x 64 px."""
    return fitting(_PIXELS, height * width, CLASSIFIED)


def all_together(count: int, widest: int, otherwise: int) -> int:
    """Return ``count`` if a layer has room for so many images at once, else a batch."""
    return count if count * widest <= _WIDEST else otherwise


def slices(count: int, size: int) -> Iterator[slice]:
    """Cut ``count`` rows into batches of ``size``, the last one as long as it is; of no rows, one empty
    batch.
    """
    for start in range(0, max(count, 1), size):
        yield slice(start, min(start + size, count))


def filled(count: int, size: int) -> Iterator[slice | npt.NDArray[np.int64]]:
    """Cut ``count`` rows into batches of ``size``; the last one repeats the last row to be full, because
    the last bits of a network's output depend on how many images are computed together.
    """
    import numpy as np

    for start in range(0, count, size):
        full = start + size <= count
        rows = slice(start, start + size)
        yield rows if full else np.arange(start, start + size).clip(max=count - 1)


def fitting(room: int, each: int, most: int) -> int:
    """Return the largest power of two, at most ``most``, of which as many times ``each`` fit into
    ``room``; at least 1.
    """
    count = max(1, min(most, room // max(each, 1)))
    return 1 << (count.bit_length() - 1)

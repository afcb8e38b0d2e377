"""How long the search for a class's corner cases will take, told from its first batches on."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.probes.metric import STEP

GRADIENT = 3  # a batch with gradients takes as long as so many without
_WALKED = 0.75  # of the grid, in walks that judges end
_RANGE = 3.5  # σ: the generator's own range, where walks without judges end
_BISECTED = 3  # looks at a start image for its break: five if it breaks
_STRIP = 8

Tell = Callable[[float], None]
"""Called with the seconds that are left."""


def clock() -> float:
    """Return the time, s."""
    return perf_counter()


class Outlook:
    """Tells the seconds left for one class, by its own first batches.

    It is right within a factor of two, unless directions are passed over, or all images break or are lost
    at once: walks that end early are not known then.

    Args:
        tell: called with the seconds left.
        generator: makes the images.
        samples: start images.
        top: directions.
        max_shift: end of the grid, σ.
        judged: whether there is a judge.
    """

    def __init__(
        self,
        tell: Tell,
        generator: Generator,
        samples: int,
        top: int,
        max_shift: float,
        judged: bool,
    ) -> None:
        self._tell, self._samples = tell, samples
        size = batches_of(generator).images
        end = _WALKED * max_shift if judged else min(_RANGE, max_shift)
        looks = round(end / STEP) + 1 + _BISECTED
        self._drawn = _filled(samples, size) * judged
        self._looks = top * (looks * _filled(samples, size) + _filled(_STRIP, size))
        self._look = 0.0  # seconds for an image and its judges

    def drawn(self, count: int, seconds: float) -> None:
        """Note the time of drawing ``count`` start images, judges included."""
        self._look = seconds / count if self._drawn else 0.0

    def ranked(self, done: int, seconds: float) -> None:
        """Note the time of ``done`` images with gradients, and tell the time left."""
        each = seconds / done
        look = max(self._look, each / GRADIENT)
        self._tell(each * (self._samples - done) + look * (self._looks + self._drawn))


def _filled(count: int, size: int) -> int:
    """Return the images that are computed for ``count``: the last batch is filled up."""
    return -(-count // size) * size

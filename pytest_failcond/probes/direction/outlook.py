"""How long the search for a class's corner cases will take, told from its first batches on."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from torch import Tensor

from pytest_failcond.generators.base import Generator, batches_of, work_from
from pytest_failcond.probes.metric import STEP

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
        self._generator, self._top, self._judged = generator, top, judged
        self._draw = 0.0  # seconds for an image and its judges

    def drawn(self, count: int, seconds: float) -> None:
        """Note the time of drawing ``count`` start images, judges included."""
        self._draw = seconds / count

    def ranked(self, done: int, seconds: float, made: float, seen: float, gradient: Tensor) -> None:
        """Tell the time left after the gradients of some images.

        Args:
            done: their number.
            seconds: their time in all.
            made: the generator's part of it, without gradients.
            seen: the classifier's.
            gradient: their sum, ``[S]``: it tells which layers the walks will probably shift.
        """
        scores = np.abs(gradient.numpy() * self._generator.style_space.std)
        layers = map(
            self._generator.style_space.layer_of, np.argsort(-scores)[: self._top].tolist()
        )
        share = sum(work_from(self._generator, layer) for layer in layers) / self._top
        judge = max(self._draw - made / done, 0.0) * self._judged
        look = (made * share + seen) / done + judge
        draw = (made / done + judge) * self._drawn
        self._tell(seconds / done * (self._samples - done) + look * self._looks + draw)


def _filled(count: int, size: int) -> int:
    """Return the images that are computed for ``count``: the last batch is filled up."""
    return -(-count // size) * size

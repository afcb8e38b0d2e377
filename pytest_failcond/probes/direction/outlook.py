"""How long the search for a class's corner cases will take, told from its first batches on."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

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


class Work(NamedTuple):
    """Images, and the syntheses that they take: less than one each, if earlier layers are reused."""

    images: int
    syntheses: float


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
        besides: images to synthesise afterwards, seen by no model.
    """

    def __init__(
        self,
        tell: Tell,
        generator: Generator,
        samples: int,
        top: int,
        max_shift: float,
        judged: bool,
        *,
        besides: int = 0,
    ) -> None:
        self._tell, self._samples = tell, samples
        size = batches_of(generator).images
        end = _WALKED * max_shift if judged else min(_RANGE, max_shift)
        looks = round(end / STEP) + 1 + _BISECTED
        self._drawn = 0  # images that are drawn again, to be walked
        self._looks = top * looks * _filled(samples, size)
        self._strips = top * _filled(_STRIP, size)
        self._besides = _filled(besides, size)
        self._generator, self._top, self._judged = generator, top, judged
        self._draw = 0.0  # seconds for an image and its judges
        self._after = 0.0  # seconds for all that follows the walks
        self._size = size

    def drawn(self, count: int, rounds: int, seconds: float) -> None:
        """Note the time of drawing start images, ``count`` in each round, judges included."""
        self._draw = seconds / (rounds * _filled(count, self._size))
        self._drawn = rounds * _filled(self._samples, self._size) * self._judged

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
        left = seconds / done * (self._samples - done)
        self._tell(left + self._walks(made / done, seen / done, share))

    def pushed(self, done: Work, planned: Work, made: float, seen: float, share: float) -> None:
        """Tell the time left after some images were pushed to measure effects.

        Args:
            done: their number and work.
            planned: those of all.
            made: the generator's time, s.
            seen: the classifier's.
            share: the mean share of a synthesis that a shift repeats.
        """
        synthesis = made / done.syntheses if done.syntheses else 0.0
        look = seen / done.images
        left = max(planned.syntheses - done.syntheses, 0.0) * synthesis
        left += max(planned.images - done.images, 0) * look
        self._tell(left + self._walks(synthesis, look, share))

    def walked(self) -> None:
        """Tell the time left after the walks, which may have ended early."""
        self._tell(self._after)

    def _walks(self, synthesis: float, look: float, share: float) -> float:
        """Return the seconds of drawing start images and walking them, and of images besides.

        Args:
            synthesis: seconds for an image.
            look: the classifier's, for one.
            share: of a synthesis, that a shift repeats.
        """
        if self._judged:  # the drawing was without gradients, in whole batches
            synthesis = min(synthesis, self._draw)
        judge = (self._draw - synthesis) * self._judged
        walks = (synthesis * share + look + judge) * self._looks
        strips = (synthesis + look + judge) * self._strips  # whole syntheses
        self._after = strips + synthesis * self._besides
        return walks + (synthesis + judge) * self._drawn + self._after


def _filled(count: int, size: int) -> int:
    """Return the images that are computed for ``count``: the last batch is filled up."""
    return -(-count // size) * size

"""The style dimensions that lose a class fastest, by their measured effect: no gradients are needed.

Each dimension is pushed to both ends of the generator's own range, as in StylEx's AttFind (Lang et al.,
ICCV 2021, arXiv 2104.13369), and the fall of p(class) is its effect. Successive halving spends the images
on the pushes that may be the best: all are measured on few images, the best of them on more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator
from pytest_failcond.probes.direction.outlook import Outlook
from pytest_failcond.probes.direction.pushing import Pushing
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.words.printing import plural


class Round(NamedTuple):
    """A round: the images that its pushes are measured on by its end, and the share of all pushes that
    goes on.
    """

    samples: int
    kept: float


ROUNDS = (Round(2, 1 / 24), Round(6, 1 / 64), Round(16, 1 / 96), Round(32, 0))
SAMPLES = ROUNDS[-1].samples
"""Images to measure on at most."""

_LEAST_KEPT = 8  # pushes, of a generator with few dimensions
_TELLING = 1 / 4  # of the pushes that go on: if fewer lose anything, a round takes more images
_LONGEST = 8  # times a round's images at most


def rank_by_effect(
    generator: Generator, classifier: Classifier, starts: Starts, outlook: Outlook | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return all dimensions, the most harmful first, and their scores: ``[S]``, ``[S]``.

    A score is the mean fall of p(class) over the images at the end of the range that loses more, positive
    at the upper end, negative at the lower; 0 if p falls at neither. Dimensions that were measured on
    more images come first.

    S dimensions have 2 S pushes. All are measured on 2 images, the best 1/24 on 6, 1/64 on 16, 1/96 on 32:
    with 32 start images, these are 2,556 images of 512 dimensions, about 5 S, each synthesised from its first
    changed layer on. A round takes more images while they tell too little, as of a classifier that returns
    labels.

    Raises:
        FailcondError: no push lowers p(class).
    """
    size, count = generator.style_space.size, len(starts)
    pushing = Pushing(generator, classifier, starts, _planned(size, count), outlook)
    pushes, sums, done = np.arange(2 * size), np.zeros(2 * size), 0
    scores, reached = np.zeros(size), np.zeros(size, dtype=np.int64)
    for number, (samples, share) in enumerate(ROUNDS):
        kept = _kept(size, share, len(pushes))
        wanted = min(samples, count)
        while done < wanted:
            sums[pushes] += pushing.falls(pushes, done, wanted).sum(axis=1)
            done = wanted
            if np.count_nonzero(sums[pushes] > 0) < _TELLING * kept:
                wanted = min(2 * done, samples * _LONGEST, count)
        worst_last = pushes[np.argsort(sums[pushes], kind="stable")]
        # Of a dimension's two pushes, the worse one is noted last.
        falls = sums[worst_last].clip(min=0) / done
        scores[worst_last % size] = np.where(worst_last < size, falls, -falls)
        reached[worst_last % size] = number
        pushes = np.sort(worst_last[len(pushes) - kept :])
    if not scores.any():
        raise FailcondError(
            f"class {generator.classes[starts.class_index]!r} cannot be ranked: whichever dimension is "
            f"pushed to an end of the generator's range, p of the {classifier.name} falls at none of "
            f"{done} {plural(done, 'image')}; check that its output depends on the image"
        )
    order = np.lexsort((-np.abs(scores), -reached, scores == 0))
    return order, scores[order]


def _kept(size: int, share: float, pushes: int) -> int:
    """Return how many of the pushes of a round go on."""
    return min(max(round(2 * size * share), _LEAST_KEPT), pushes)


def _planned(size: int, count: int) -> int:
    """Return how many images are pushed in all, of ``count`` images and ``size`` dimensions."""
    images, done, pushes = 0, 0, 2 * size
    for samples, share in ROUNDS:
        images += pushes * (min(samples, count) - done)
        done, pushes = min(samples, count), _kept(size, share, pushes)
    return images

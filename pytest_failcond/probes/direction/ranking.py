"""The style dimensions that lose a class fastest: by the classifier's gradient, or by measured effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_failcond.generators.base import Generator
from pytest_failcond.probes.direction.by_effect import SAMPLES, rank_by_effect
from pytest_failcond.probes.direction.by_gradient import (
    NoGradientError,
    check_gradients,
    scores_by_gradient,
)
from pytest_failcond.probes.direction.outlook import Outlook, clock
from pytest_failcond.probes.direction.record import Way
from pytest_failcond.probes.direction.starts import Starts, start_images
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import Acceptance, Judge
from pytest_failcond.subjects.classifier import Classifier

_AS_CONFIGURED = "as configured"


@dataclass(frozen=True)
class Ranking:
    """The dimensions of one class, the most harmful first.

    Attributes:
        class_index: the class.
        samples: images that were drawn to rank by.
        dimensions: all S dimensions, int ``[S]``: by gradient, in descending order of |score|; by effect,
            those measured on more images first.
        scores: score of each of ``dimensions``, float ``[S]``: by gradient, the loss in p(class) per σ
            moved up; by effect, the loss at the end of the generator's own range, + at the upper end, −
            at the lower, 0 if p falls at neither.
        way: how they were ranked. Scores and ranks of different ways have no common scale.
        why: the reason for a ranking by effect; else empty.
    """

    class_index: int
    samples: int
    dimensions: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    way: Way = "gradient"
    why: str = ""

    def sign(self, rank: int) -> int:
        """Return the sign of the dimension of this rank (from 0) that loses the class: +1 up, -1
        down.
        """
        return 1 if self.scores[rank] >= 0 else -1


@ours()
def rank_dimensions(
    generator: Generator,
    classifier: Classifier,
    class_index: int,
    *,
    samples: int = 128,
    judge: Judge = None,
    seed: int = 0,
    truncation: float = 1.0,
    way: Way | None = None,
    outlook: Outlook | None = None,
) -> Ranking:
    """Rank all style dimensions for a class, by how fast the classifier loses it along them.

    By gradient: score_k = -mean(∂p_c/∂s_k) σ_k over its images, p the softmax. A classifier without
    gradients (a plain callable, or a module whose gradient is missing, zero or not finite) is ranked by
    effect: each dimension is pushed to both ends of the generator's own range (`rank_by_effect`).

    Args:
        generator: makes the images.
        classifier: the model under test.
        class_index: the class.
        samples: images to rank by; by effect, 32 at most.
        judge: as of `find_corner_cases`.
        seed: keys the samples.
        truncation: of the samples.
        way: ``"gradient"`` or ``"effect"``; None: by gradient if there is one.
        outlook: is told the time of the first batches.

    Raises:
        FailcondError: the judge accepts too few images; ``way`` is ``"gradient"``, and there is none; or
            no dimension has an effect.
    """
    acceptance = Acceptance.of(judge)

    def draw(count: int) -> Starts:
        started = clock()
        starts = start_images(
            generator,
            acceptance,
            class_index,
            count,
            seed=seed,
            stream="rank",
            truncation=truncation,
        )
        if outlook is not None:
            rounds = int(starts.samples[-1]) // count + 1
            outlook.drawn(count, rounds, clock() - started)
        return starts

    why = _AS_CONFIGURED
    if way != "effect":
        try:
            check_gradients(classifier, generator.classes[class_index])
            scores = scores_by_gradient(generator, classifier, draw(samples), outlook)
        except NoGradientError as error:
            if way is not None:
                raise
            why = error.reason
        else:
            order = np.argsort(-np.abs(scores), kind="stable")
            return Ranking(class_index, samples, order, scores[order])
    starts = draw(min(samples, SAMPLES))
    order, scores = rank_by_effect(generator, classifier, starts, outlook)
    return Ranking(class_index, len(starts), order, scores, "effect", why)

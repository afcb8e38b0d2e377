"""Which style dimensions lose a class fastest, by the classifier's own gradient.

Le Coz, Herbin & Adjed, *Leveraging generative models to characterize the failure conditions of image
classifiers* (AISafety 2022, arXiv 2410.12814), scored here in units of σ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from pytest_failcond.errors import FailcondError
from pytest_failcond.failures.starts import Starts, start_images
from pytest_failcond.stylegan2.generator import Generator
from pytest_failcond.subjects.classifier import Classifier

_BATCH = 64


@dataclass(frozen=True)
class Ranking:
    """The dimensions of one class, the most harmful first.

    Attributes:
        class_index: the class.
        samples: images that the gradients were averaged over.
        dimensions: all S dimensions in descending order of |score|, int ``[S]``.
        scores: score of each of ``dimensions``: the loss in p(class) per σ moved up, float ``[S]``.
    """

    class_index: int
    samples: int
    dimensions: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]

    def sign(self, rank: int) -> int:
        """Return which way the dimension of this rank (from 0) loses the class: +1 up, -1 down."""
        return 1 if self.scores[rank] >= 0 else -1


def rank_dimensions(
    generator: Generator,
    classifier: Classifier,
    class_index: int,
    *,
    samples: int = 128,
    judge: Classifier | None = None,
    seed: int = 0,
) -> Ranking:
    """Rank all style dimensions for a class: score_k = -mean(∂p_c/∂s_k) σ_k over its images.

    p is the softmax; gradients are taken at the style vector itself, summed over batches.

    Raises:
        FailcondError: the classifier is a plain callable, which has no gradients, or the judge
            accepts too few images.
    """
    if not classifier.differentiable:
        raise FailcondError(
            "corner cases rank dimensions by gradient, and a plain callable has none; give the "
            "classifier as a torch.nn.Module, or leave out the generator"
        )
    starts = start_images(generator, judge, class_index, samples, seed=seed, stream="rank")
    gradient = _mean_gradient(generator, classifier, starts)
    scores = -gradient * generator.style_space.std
    order = np.argsort(-np.abs(scores), kind="stable")
    return Ranking(class_index, len(starts), order, scores[order])


def _mean_gradient(
    generator: Generator, classifier: Classifier, starts: Starts
) -> npt.NDArray[np.float64]:
    """Return the mean of ∂p_c/∂s over the start images: float64 ``[S]``."""
    total = torch.zeros(starts.styles.shape[1], dtype=torch.float64)
    for part in torch.split(starts.styles, _BATCH):
        styles = part.to(generator.device).requires_grad_()
        images = generator.finish(generator.network.synthesis(styles))
        probabilities = torch.softmax(classifier.logits(images), dim=1)
        (gradient,) = torch.autograd.grad(probabilities[:, starts.class_index].sum(), styles)
        total += gradient.double().sum(dim=0).cpu()
    mean: npt.NDArray[np.float64] = (total / len(starts)).numpy()
    return mean

"""The style dimensions that lose a class fastest, by the classifier's own gradient.

Le Coz, Herbin & Adjed, *Leveraging generative models to characterize the failure conditions of image
classifiers* (AISafety 2022, arXiv 2410.12814), scored here in units of σ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.probes.direction.outlook import Outlook, clock
from pytest_failcond.probes.direction.starts import Starts, start_images
from pytest_failcond.process.exchange import text_of
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import Acceptance, Judge
from pytest_failcond.subjects.classifier import Classifier


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
    outlook: Outlook | None = None,
) -> Ranking:
    """Rank all style dimensions for a class: score_k = -mean(∂p_c/∂s_k) σ_k over its images.

    p is the softmax; gradients are taken at the style vector itself, summed over batches. An ``outlook``
    is told the time of its first batches.

    Raises:
        FailcondError: the classifier is a plain callable, which has no gradients; its gradient is
            zero at all images or not finite at one; or the judge accepts too few images.
    """
    if not classifier.differentiable:
        raise FailcondError(
            "corner cases rank dimensions by gradient, and a plain callable has none; give the "
            "classifier as a torch.nn.Module, or leave out the generator"
        )
    acceptance = Acceptance.of(judge)
    started = clock()
    starts = start_images(
        generator, acceptance, class_index, samples, seed=seed, stream="rank", truncation=truncation
    )
    if outlook is not None:
        outlook.drawn(samples, clock() - started)
    gradient = _mean_gradient(generator, classifier, starts, outlook)
    scores = -gradient * generator.style_space.std
    order = np.argsort(-np.abs(scores), kind="stable")
    return Ranking(class_index, len(starts), order, scores[order])


def _mean_gradient(
    generator: Generator, classifier: Classifier, starts: Starts, outlook: Outlook | None = None
) -> npt.NDArray[np.float64]:
    """Return the mean of ∂p_c/∂s over the start images: float64 ``[S]``.

    Raises:
        FailcondError: the gradient is missing, zero everywhere, or not finite at an image.
    """
    name = generator.classes[starts.class_index]
    total = torch.zeros(starts.styles.shape[1], dtype=torch.float64)
    certain = done = 0  # images at which p is exactly 0 or 1, and all
    started, made, seen = clock(), 0.0, 0.0
    for part in torch.split(starts.styles, batches_of(generator).gradients):
        with torch.enable_grad():
            styles = part.detach().requires_grad_()
            before = clock()
            images = generator.render(styles)
            between = clock()
            logits = _differentiable(classifier, images)
            made, seen = made + between - before, seen + clock() - between
            precise = torch.promote_types(logits.dtype, torch.float32)
            p = torch.softmax(logits, dim=1, dtype=precise)[:, starts.class_index]
            gradient = _gradient(classifier, p, styles)
        broken = len(gradient) - int(gradient.isfinite().all(dim=1).sum())
        if broken:
            raise FailcondError(
                f"class {name!r} cannot be ranked: the gradient of the {classifier.name} is not "
                f"finite at {broken} of {len(gradient)} images; look for a square root, a logarithm "
                "or a division at 0 in it"
            )
        certain += int(((p == 0) | (p == 1)).sum())
        total += gradient.double().sum(dim=0)
        done += len(part)
        if outlook is not None:
            outlook.ranked(done, clock() - started, made, seen, total)
    if not bool(total.any()):
        raise FailcondError(_why_zero(classifier, name, certain, len(starts)))
    mean: npt.NDArray[np.float64] = (total / len(starts)).numpy()
    return mean


def _differentiable(classifier: Classifier, images: Tensor) -> Tensor:
    """Return the logits of images, if gradients can flow through them."""
    logits = classifier.logits(images)
    if not logits.requires_grad:
        raise FailcondError(
            f"corner cases rank dimensions by gradient, and the output of the {classifier.name} has "
            "none: its forward detaches it, computes without gradients (torch.no_grad), in integers, "
            "quantised or outside torch; let it return differentiable logits, or leave out the "
            "generator"
        )
    return logits


def _gradient(classifier: Classifier, p: Tensor, styles: Tensor) -> Tensor:
    """Return ∂(sum of p)/∂styles: the gradient of each image, ``[N, S]``."""
    try:
        (gradient,) = torch.autograd.grad(p.sum(), styles, allow_unused=True)
    except Exception as error:  # one of the user's operations raised
        raise FailcondError(
            f"corner cases rank dimensions by gradient, and that of the {classifier.name} raised "
            f"{type(error).__name__}: {text_of(error)}"
        ) from error
    return torch.zeros_like(styles) if gradient is None else gradient


def _why_zero(classifier: Classifier, name: str, certain: int, count: int) -> str:
    """Return the reason why no dimension can be ranked, and the remedy."""
    found = (
        f"class {name!r} cannot be ranked: the gradient of the {classifier.name} is zero in every "
        f"dimension at all {count} images"
    )
    if certain == count:
        return (
            f"{found}, because its softmax is saturated (p is exactly 0 or 1); let it return its "
            "logits divided by a constant, which changes no label"
        )
    return (
        f"{found}; look for an operation in it that computes in steps (rounding, a comparison, "
        "argmax) or does not let gradients through"
    )

"""The style dimensions that lose a class fastest, by the classifier's own gradient.

Le Coz, Herbin & Adjed, *Leveraging generative models to characterize the failure conditions of image
classifiers* (AISafety 2022, arXiv 2410.12814), scored here in units of σ.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.probes.direction.outlook import Outlook, clock
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.process.exchange import UserCodeError, text_of
from pytest_failcond.subjects.classifier import Classifier


class NoGradientError(FailcondError):
    """A class cannot be ranked by gradient.

    Attributes:
        reason: a clause, as ``the gradient of the classifier is zero``.
    """

    def __init__(self, class_name: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"class {class_name!r} cannot be ranked by gradient: {reason}; {remedy}, or have it ranked by "
            "measured effect"
        )
        self.reason = reason


def check_gradients(classifier: Classifier, class_name: str) -> None:
    """Check that a classifier may have gradients; nothing is computed.

    Raises:
        NoGradientError: it is a plain callable.
    """
    if not classifier.differentiable:
        raise NoGradientError(
            class_name,
            f"the {classifier.name} is a plain callable, which has no gradients",
            "give a torch.nn.Module",
        )


def scores_by_gradient(
    generator: Generator, classifier: Classifier, starts: Starts, outlook: Outlook | None = None
) -> npt.NDArray[np.float64]:
    """Return the score of each dimension, -mean(∂p_c/∂s_k) σ_k over the images: float64 ``[S]``.

    Raises:
        NoGradientError: the gradient is missing, zero everywhere, or not finite at an image.
    """
    gradient = mean_gradient(generator, classifier, starts, outlook)
    scores: npt.NDArray[np.float64] = -gradient * generator.style_space.std
    return scores


def mean_gradient(
    generator: Generator, classifier: Classifier, starts: Starts, outlook: Outlook | None = None
) -> npt.NDArray[np.float64]:
    """Return the mean of ∂p_c/∂s over the start images: float64 ``[S]``.

    Raises:
        NoGradientError: as `scores_by_gradient`.
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
            logits = _differentiable(classifier, images, name)
            made, seen = made + between - before, seen + clock() - between
            precise = torch.promote_types(logits.dtype, torch.float32)
            p = torch.softmax(logits, dim=1, dtype=precise)[:, starts.class_index]
            gradient = _gradient(classifier, p, styles, name)
        broken = len(gradient) - int(gradient.isfinite().all(dim=1).sum())
        if broken:
            raise NoGradientError(
                name,
                f"the gradient of the {classifier.name} is not finite at {broken} of {len(gradient)} "
                "images",
                "look for a square root, a logarithm or a division at 0 in it",
            )
        certain += int(((p == 0) | (p == 1)).sum())
        total += gradient.double().sum(dim=0)
        done += len(part)
        if outlook is not None:
            outlook.ranked(done, clock() - started, made, seen, total)
    if not bool(total.any()):
        raise _zero(classifier, name, certain, len(starts))
    mean: npt.NDArray[np.float64] = (total / len(starts)).numpy()
    return mean


def _differentiable(classifier: Classifier, images: Tensor, name: str) -> Tensor:
    """Return the logits of images, if gradients can flow through them."""
    try:
        logits = classifier.logits(images)
    except UserCodeError as error:
        if not _fails_with_gradients_alone(classifier, images):
            raise
        raise NoGradientError(name, str(error), "mend it") from error
    if not logits.requires_grad:
        raise NoGradientError(
            name,
            f"the output of the {classifier.name} has no gradient: its forward detaches it, computes "
            "without gradients (torch.no_grad), in integers, quantised or outside torch",
            "let it return differentiable logits",
        )
    return logits


def _fails_with_gradients_alone(classifier: Classifier, images: Tensor) -> bool:
    """Whether a classifier that has raised does so again with gradients, and not without them.

    An error of another cause, such as a lost connection, is no property of the gradient.
    """
    try:
        with torch.no_grad():
            classifier.logits(images.detach())
    except UserCodeError:
        return False
    try:
        classifier.logits(images)
    except UserCodeError:
        return True
    return False


def _gradient(classifier: Classifier, p: Tensor, styles: Tensor, name: str) -> Tensor:
    """Return ∂(sum of p)/∂styles: the gradient of each image, ``[N, S]``."""
    try:
        (gradient,) = torch.autograd.grad(p.sum(), styles, allow_unused=True)
    except Exception as error:  # one of the user's operations raised
        reason = (
            f"the gradient of the {classifier.name} raised {type(error).__name__}: {text_of(error)}"
        )
        raise NoGradientError(name, reason, "mend it") from error
    return torch.zeros_like(styles) if gradient is None else gradient


def _zero(classifier: Classifier, name: str, certain: int, count: int) -> NoGradientError:
    """Return the error of a gradient that is zero, with its remedy."""
    reason = (
        f"the gradient of the {classifier.name} is zero in every dimension at all {count} images"
    )
    if certain == count:
        return NoGradientError(
            name,
            f"{reason}, because its softmax is saturated (p is exactly 0 or 1)",
            "let it return its logits divided by a constant, which changes no label",
        )
    return NoGradientError(
        name,
        reason,
        "look for an operation in it that computes in steps (rounding, a comparison, argmax) or does "
        "not let gradients through",
    )

"""Signs that a classifier is fed or read wrongly, as remarks: looked for once, on a few hundred images.

An honest classifier that is bad must not be suspected: another order of the outputs, or another
range of the images, counts only if a bound shows that it makes most of the errors vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.process.batching import slices
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.statistics.bounds import adjusted, proportion_bound
from pytest_failcond.statistics.paired import paired_counts, paired_drop_bound
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import LabeledImages, to_float
from pytest_failcond.words.judged import the
from pytest_failcond.words.remarks import Noticed, Remark

Images = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]

GAIN = 0.1
"""Accuracy that another order or range must at least add, by its lower bound."""
_ABOVE = 0.25  # how much of the way from chance to 1 it must reach, by its lower bound
_MOST, _LEAST, _PART = 256, 32, 16  # images: at most, at least, and one of so many
_BATCH, _GROUP = 64, 8  # images of a large batch, and of a small one
_CHANGE = 0.02  # of a probability, which no rounding makes, in bfloat16 either
_LISTED = 3  # outputs that a sentence names
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class _Found:
    """Another order or range, and the images that are right as they are and with it, ``[n]``."""

    what: Noticed
    how: str
    remedy: str
    before: Bools
    after: Bools


class _Sample:
    """Some of the test images, as floats a batch at a time: large ones take much memory.

    Args:
        images: the test images.
        rows: those of the sample, ``[n]``.
        batch: images of a batch.
    """

    def __init__(self, images: LabeledImages, rows: Labels, batch: int) -> None:
        self._images, self.rows, self._batch = images, rows, batch

    def first(self, most: int) -> Images:
        """Return the first images, at most a batch."""
        return to_float(self._images.images[self.rows[: min(most, self._batch)]])

    def predicted(
        self, classifier: Classifier, change: Callable[[Images], Images]
    ) -> Labels | None:
        """Return the predicted classes of the changed images, ``[n]``; None if the model refuses them."""
        found = []
        for images in self._batches():
            if (p := _probabilities(classifier, change(images))) is None:
                return None
            found.append(p.argmax(axis=1))
        return np.concatenate(found)

    def mean_and_deviation(self) -> tuple[Images, Images]:
        """Return mean and standard deviation by channel, ``[C, 1, 1]``; the latter is a level or more."""
        sums = np.zeros((2, self._images.shape[2]))
        for images in self._batches():
            sums += [
                (images.astype(np.float64) ** power).mean(axis=(2, 3)).sum(axis=0)
                for power in (1, 2)
            ]
        mean, square = sums / len(self.rows)
        deviation = np.sqrt(np.maximum(square - mean**2, 1 / 255**2))
        both = np.stack([mean, deviation])[..., None, None].astype(np.float32)
        return both[0], both[1]

    def _batches(self) -> Iterator[Images]:
        for part in slices(len(self.rows), self._batch):
            yield to_float(self._images.images[self.rows[part]])


def preflight(laboratory: Laboratory, clean: Measurement) -> Iterator[Remark]:
    """Return remarks on the classifier, given its measured predictions of the test images."""
    classifier = laboratory.classifier.aside()
    count = min(_MOST, max(_LEAST, len(clean.labels) // _PART), len(clean.labels))
    test = laboratory.test_images
    batch = classifier.size_for(*test.shape[:2])
    sample = _Sample(test, test.chosen(count, laboratory.settings.seed), batch)
    # A plain callable gets full batches: a few images may cost as much as all.
    cheap = classifier.differentiable or len(clean.labels) >= 4 * batch
    remark = _by_batch(classifier, sample.first(_BATCH)) if cheap else None
    if remark is not None:
        yield remark
        return  # no accuracy is meant for such a model's images alone
    right = clean.predicted == clean.labels
    if right.mean() > 1 - GAIN:
        return
    found = [*_orders(clean, laboratory)]
    for how, change in alternatives(*sample.mean_and_deviation()):
        predicted = sample.predicted(classifier, change)
        if predicted is not None:
            remedy = "it gets images in [0, 1]; let it change them so itself"
            after = predicted == clean.labels[sample.rows]
            found.append(_Found("range", how, remedy, right[sample.rows], after))
    confidence = adjusted(laboratory.settings.confidence, max(1, len(found)))
    share = chance(clean.labels)
    found = [one for one in found if explains(one.before, one.after, share, confidence)]
    if found:
        best = max(found, key=lambda one: one.after.mean() - one.before.mean())
        yield _explained(classifier.name, best, len(right))
    elif is_near_chance(right, share, laboratory.settings.confidence):
        yield _unexplained(classifier, right, share)


def chance(labels: Labels) -> float:
    """Return the share of the commonest class, which a constant answer has right."""
    return float(np.bincount(labels).max() / len(labels))


def explains(before: Bools, after: Bools, share: float, confidence: float) -> bool:
    """Whether a change makes the errors vanish: bounds of the gain and of the accuracy show it.

    Args:
        before: whether images are right as they are, ``[n]``.
        after: whether they are right with the change, ``[n]``.
        share: accuracy of a constant answer.
        confidence: of each bound.
    """
    if after.mean() - before.mean() < GAIN:
        return False  # no bound is above its value
    gain = -paired_drop_bound(*paired_counts(before, after), confidence, "upper")
    reached = proportion_bound(int(after.sum()), len(after), confidence, "lower")
    return gain >= GAIN and reached >= share + _ABOVE * (1 - share)


def is_near_chance(right: Bools, share: float, confidence: float) -> bool:
    """Whether accuracy does not exceed that of a constant answer, and surely not by much."""
    bounds = [
        proportion_bound(int(right.sum()), len(right), confidence, side)
        for side in ("lower", "upper")
    ]
    return bounds[0] <= share and bounds[1] < share + _ABOVE * (1 - share)


def best_order(predicted: Labels, labels: Labels, classes: int) -> Labels:
    """Return the class that each output stands for, ``[K]``, so that most images are right."""
    from scipy.optimize import linear_sum_assignment

    together = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(together, (predicted, labels), 1)
    order: Labels = linear_sum_assignment(
        together + 1e-6 * np.eye(classes),  # outputs that no image tells about stay
        maximize=True,
    )[1]
    return order


def alternatives(
    mean: Images, deviation: Images
) -> Iterator[tuple[str, Callable[[Images], Images]]]:
    """Return other ranges and orders of channels that networks are trained on, by name.

    Args:
        mean: of the images, by channel, ``[C, 1, 1]``.
        deviation: their standard deviation, likewise.
    """
    yield "scaled to 0 … 255", lambda x: x * 255
    yield "scaled to -1 … 1 (mean 0.5, deviation 0.5)", lambda x: (x - 0.5) / 0.5
    yield "normalised by their own mean and deviation", lambda x: (x - mean) / deviation
    if len(mean) == 3:
        centre, width = (np.array(v, dtype=np.float32)[:, None, None] for v in _IMAGENET)
        yield "normalised by ImageNet's mean and deviation", lambda x: (x - centre) / width
        yield "with their channels as BGR", lambda x: x[:, ::-1]
        yield "with their channels as BGR, scaled to 0 … 255", lambda x: x[:, ::-1] * 255


def _by_batch(classifier: Classifier, images: Images) -> Remark | None:
    """Compare outputs of images in a large batch and in a small one of one prediction, whose
    statistics are unlike those of all.
    """
    if len(images) < 2:
        return None  # images so large that each is classified alone
    whole = _probabilities(classifier, images)
    if whole is None:
        return None
    rows = np.argsort(whole.argmax(axis=1), kind="stable")[: min(_GROUP, len(images) // 2)]
    first, other = whole[rows], _probabilities(classifier, images[rows])
    if other is None or (change := float(np.abs(first - other).max())) <= _CHANGE:
        return None
    again = _probabilities(classifier, images)
    if again is None or np.abs(whole - again).max() > _CHANGE:
        return None  # it draws at random, which is noticed elsewhere
    labels = int((first.argmax(axis=1) != other.argmax(axis=1)).sum())
    return Remark(
        classifier.name,
        "batch",
        f"{the(classifier.name)} depends on the rest of the batch: in another batch, {labels} of "
        f"{len(other)} labels changed, and a probability by {change:.2g}; let its normalisation use kept "
        "statistics (evaluation mode), not those of the batch",
    )


def _orders(clean: Measurement, laboratory: Laboratory) -> Iterator[_Found]:
    """Return the best order of the outputs, found on one half of the images and tried on the other."""
    order = np.random.default_rng([laboratory.settings.seed, 0x0D3]).permutation(len(clean.labels))
    one, other = order[::2], order[1::2]
    if not len(other):
        return
    stands = best_order(clean.predicted[one], clean.labels[one], clean.classes)
    moved = np.flatnonzero(stands != np.arange(clean.classes))
    if not len(moved):
        return
    names = laboratory.class_names or tuple(map(str, range(clean.classes)))
    listed = ", ".join(f"output {k} as class {names[stands[k]]!r}" for k in moved[:_LISTED])
    more = f", … and {len(moved) - _LISTED} more" if len(moved) > _LISTED else ""
    predicted, labels = clean.predicted[other], clean.labels[other]
    yield _Found(
        "order",
        f"read in another order ({listed}{more})",
        "put `classes` and labels into the order of its outputs",
        predicted == labels,
        stands[predicted] == labels,
    )


def _probabilities(classifier: Classifier, images: Images) -> npt.NDArray[np.float32] | None:
    """Classify images in one batch; None if the model refuses them.

    It may: not every model takes a smaller batch, or images of another range.
    """
    try:
        return classifier.probabilities(images, batch=len(images))
    except FailcondError:
        return None


def _explained(name: str, found: _Found, total: int) -> Remark:
    whose = "its outputs" if found.what == "order" else "the images"
    return Remark(
        name,
        found.what,
        f"{the(name)} has {_percent(found.before)} of a sample of {len(found.before):,} of {total:,} clean test images "
        f"right, and {_percent(found.after)} if {whose} are {found.how}; {found.remedy}",
    )


def _unexplained(classifier: Classifier, right: Bools, share: float) -> Remark:
    head = "" if classifier.head is None else f"`head` = {classifier.head!r}, "
    return Remark(
        classifier.name,
        "chance",
        f"{the(classifier.name)} has {_percent(right)} of {len(right):,} clean test images right, no more than one "
        f"answer for all ({100 * share:.1f} %), and no other order of its outputs or channels and no usual "
        f"range of the images explains it; check {head}its weights, its labels and its preprocessing",
    )


def _percent(right: Bools) -> str:
    return f"{100 * right.mean():.1f} %"

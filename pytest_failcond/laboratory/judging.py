"""Whether judges are fit to judge: none is the classifier itself, and none should read worse than it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.subjects.acceptance import Judgement, Labels
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.words.judged import the
from pytest_failcond.words.remarks import Remark

MOST_JUDGED = 2_000
"""Images at most that judges are shown per cell; they may be slow."""


def may_be(judge: Classifier, classifier: Classifier) -> bool:
    """Whether a judge is the classifier, as far as that shows without an image.

    Raises:
        FailcondError: the weights of one cannot be read.
    """
    return judge.model is classifier.model or (
        judge.hash is not None and judge.hash == classifier.hash
    )


def refuse_itself(
    judge: Classifier, classifier: Classifier, images: npt.NDArray[np.float32]
) -> None:
    """See that a judge of the classifier's own hash is another model, by what both say of images.

    A hash does not see all code. The models' first batches are left to be examined later.

    Raises:
        FailcondError: both say the same of every image.
    """
    if np.array_equal(_labels(judge, images), _labels(classifier, images)):
        raise FailcondError(
            f"{the(judge.name)} is the classifier under test, by its weights and by the label of each of "
            f"{len(images):,} images; it would accept only what the classifier has right: give a judge "
            "that was trained apart from it"
        )


def _labels(model: Classifier, images: npt.NDArray[np.float32]) -> Labels:
    labels: Labels = model.aside().probabilities(images).argmax(axis=1)
    return labels


class Reading:
    """How many of the clean test images judges and classifier read, where all were shown them."""

    def __init__(self, judges: tuple[Classifier, ...]) -> None:
        self._judges = judges
        self._right = np.zeros(len(judges) + 1, dtype=np.int64)
        self._total = 0

    def see(self, judgement: Judgement, predicted: Labels, labels: Labels) -> None:
        """Count what was seen in some images: by the judges, and by the classifier."""
        said = (*judgement.labels, predicted)
        self._right += np.array([(one == labels).sum() for one in said])
        self._total += len(labels)

    def note(self) -> None:
        """Notice the judges that read worse than the classifier."""
        for judge, right in zip(self._judges, self._right[:-1], strict=True):
            if right < self._right[-1]:
                mine, theirs = (f"{100 * n / self._total:.1f} %" for n in (right, self._right[-1]))
                text = (
                    f"{the(judge.name)} reads {mine} of the clean test images, the classifier {theirs}: "
                    "what it rejects may well be readable; train it longer (`failcond judge … --epochs N`), or "
                    "give a better judge"
                )
                judge.notice(Remark(judge.name, "worse", text))

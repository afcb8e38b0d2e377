"""Acceptance, whether an image still shows its class: the judges, and the rule by which they
accept.

An image is accepted if every judge puts its class first, with at least probability
`Acceptance.least_p`. Judges see images of 8 bits, as files and people do. Without a judge every
image is accepted, `Acceptance.judged` tells whether there is a judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import described
from pytest_failcond.ranges import LEAST_P
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import as_8_bits
from pytest_failcond.words.judged import the

if TYPE_CHECKING:
    from torch import Tensor

Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Judgement:
    """The answers of J judges on N images of K classes.

    Attributes:
        count: N.
        among: K.
        least_p: of the acceptance that it is of.
        probabilities: of each judge, float32 ``[N, K]``, or ``[N, K + 1]`` where the last is that of
            none of these.
    """

    count: int
    among: int
    least_p: float
    probabilities: tuple[Floats, ...]

    def level(self, classes: int | Labels) -> Floats:
        """How surely each image shows its class, ``[N]``: the least p of its class over the judges.

        0 if a judge puts another class first; 1 without a judge. ``classes`` is one for all images,
        or each image's own.
        """
        least = np.ones(self.count, dtype=np.float32)
        for level in self._levels(classes):
            least = np.minimum(least, level)
        return least

    def accepted(self, classes: int | Labels) -> npt.NDArray[np.bool_]:
        """Whether each image shows its class, ``[N]``; arguments as of `level`."""
        level = self.level(classes)
        return (level > 0) & (level >= self.least_p)

    @property
    def labels(self) -> tuple[Labels, ...]:
        """The prediction of each judge, ``[N]``; K: none of these."""
        return tuple(p.argmax(axis=1) for p in self.probabilities)

    def strictest(self, classes: int | Labels) -> Floats | None:
        """The probabilities for reports, ``[N, K + 1]``: for each image, those of the judge with
        the least level.

        The first of several such judges; the last p is that of none of these; None without a judge.
        """
        if not self.probabilities:
            return None
        which = np.argmin(self._levels(classes), axis=0)
        found = np.zeros((self.count, self.among + 1), dtype=np.float32)
        for j, p in enumerate(self.probabilities):
            found[which == j, : p.shape[1]] = p[which == j]
        return found

    def _levels(self, classes: int | Labels) -> list[Floats]:
        rows = np.arange(self.count)
        return [
            np.where(p.argmax(axis=1) == classes, p[rows, classes], 0) for p in self.probabilities
        ]


@dataclass(frozen=True)
class Acceptance:
    """Decides whether images still show their class.

    Attributes:
        judges: models that must all agree; each has an output for each class of the classifier, and
            may have one more, for none of these.
        least_p: the probability that each must give the class, from 0 (it must only come first) to
            under 1.

    Raises:
        FailcondError: a judge is not a `Classifier`, or ``least_p`` is outside its range.
    """

    judges: tuple[Classifier, ...] = ()
    least_p: float = LEAST_P

    def __post_init__(self) -> None:
        object.__setattr__(self, "judges", tuple(self.judges))
        for judge in self.judges:
            if not isinstance(judge, Classifier):
                raise FailcondError(
                    f"judge: expected a Classifier, got {described(judge)}; wrap the model: "
                    "Classifier(model)"
                )
        if not 0 <= self.least_p < 1:
            raise FailcondError(f"least_p: {self.least_p:g} is not a probability from 0 to under 1")

    @classmethod
    def of(cls, judge: Judge, least_p: float = LEAST_P) -> Acceptance:
        """Make one from a ``judge`` argument: a judge, several, or an acceptance, returned
        unchanged.

        Raises:
            FailcondError: the list is empty, or as above.
        """
        if isinstance(judge, Acceptance):
            return judge
        if isinstance(judge, list | tuple):
            if not judge:
                raise FailcondError(
                    "judge: the list is empty; give one judge or more, or None for no judge"
                )
            return cls(tuple(judge), least_p)
        return cls(() if judge is None else (judge,), least_p)  # type: ignore[arg-type]

    @property
    def loosest(self) -> Acceptance:
        """The same judges; they accept an image if all put its class first."""
        return replace(self, least_p=0.0)

    @property
    def judged(self) -> bool:
        """Whether there is a judge."""
        return bool(self.judges)

    @property
    def who(self) -> str:
        """The name of the judges in sentences."""
        return "the judge" if len(self.judges) < 2 else "the judges"

    @property
    def hash(self) -> str | None:
        """The hash of the judge, or one of all judges; None without a judge, or if one has no
        hash.
        """
        hashes = [judge.hash for judge in self.judges]
        if len(hashes) == 1:
            return hashes[0]
        known = [found for found in hashes if found is not None]
        if not known or len(known) < len(hashes):
            return None
        return f"judges:{hashlib.sha256(' '.join(known).encode()).hexdigest()}"

    @property
    def subjects(self) -> dict[str, Any]:
        """Its entry in a run."""
        return {
            "judge": self.hash,
            "judges": [judge.hash for judge in self.judges],
            "least_p": self.least_p if self.judged else None,
        }

    def see(
        self,
        images: Tensor | Floats,
        *,
        among: int,
        batch: int | None = None,
    ) -> Judgement:
        """Show images to every judge: float32 ``[N, C, H, W]`` in [0, 1], rounded to 8 bits.

        Args:
            images: the images.
            among: K, the number of the classifier's classes.
            batch: as of `Classifier.probabilities`.

        Raises:
            FailcondError: a judge fails, or has neither K nor K + 1 outputs.
        """
        last = len(self.judges) - 1
        levels = as_8_bits(images) if self.judged else images
        found = []
        for i, judge in enumerate(self.judges):
            found.append(judge.probabilities(levels, batch=batch, owned=i == last))
            check_width(judge.name, found[-1].shape[1], among)
        return Judgement(len(images), among, self.least_p, tuple(found))

    def accepts(
        self,
        images: Tensor | Floats,
        classes: int | Labels,
        *,
        among: int,
        batch: int | None = None,
    ) -> npt.NDArray[np.bool_]:
        """Whether each image still shows its class, ``[N]``; arguments as of `see`.

        ``classes`` is one for all images, or each image's own.
        """
        return self.see(images, among=among, batch=batch).accepted(classes)


Judge: TypeAlias = "Classifier | Sequence[Classifier] | Acceptance | None"
"""The type of a ``judge`` argument; None: every image is accepted."""

EVERYTHING = Acceptance()
"""Every image is accepted: there is no judge."""


def judge_name(number: int, count: int) -> str:
    """Return the name of a judge in messages, by its number among all, from 1."""
    return "judge" if count == 1 else f"judge {number}"


def check_width(name: str, width: int, among: int) -> None:
    """Check that a judge has an output for each of K classes, or one more.

    Raises:
        FailcondError: it has not.
    """
    if width not in (among, among + 1):
        raise FailcondError(
            f"{the(name)} has {width} outputs, but the classifier has {among} classes: give a judge "
            f"of {among} outputs, or of {among + 1}, the last for none of these"
        )

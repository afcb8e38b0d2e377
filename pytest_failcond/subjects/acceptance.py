"""What counts as still showing its class: the judges, and the rule by which they accept.

An image is accepted if every judge puts its class first. Without a judge every image is, and whoever
claims more of images that were judged asks `Acceptance.judged`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

    from pytest_failcond.subjects.classifier import Classifier

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Judgement:
    """What the judges see in N images.

    Attributes:
        count: N.
        probabilities: of each judge, float32 ``[N, K]``; a judge may have more outputs than there are
            classes, for none of them.
    """

    count: int
    probabilities: tuple[npt.NDArray[np.float32], ...]

    def accepted(self, classes: int | Labels) -> npt.NDArray[np.bool_]:
        """Whether each image shows its class, ``[N]``; ``classes``: one for all, or each image's."""
        accepted = np.ones(self.count, dtype=bool)
        for p in self.probabilities:
            accepted &= p.argmax(axis=1) == classes
        return accepted

    @property
    def shown(self) -> npt.NDArray[np.float32] | None:
        """What reports show of it, ``[N, K]``: the first judge's probabilities; None without one."""
        return self.probabilities[0] if self.probabilities else None

    @property
    def labels(self) -> Labels | None:
        """What reports show each image to be taken for, ``[N]``; None without a judge."""
        return None if self.shown is None else self.shown.argmax(axis=1)


@dataclass(frozen=True)
class Acceptance:
    """Says which images still show their class.

    Attributes:
        judges: models that must all agree.
    """

    judges: tuple[Classifier, ...] = ()

    @classmethod
    def of(cls, judge: Classifier | Acceptance | None) -> Acceptance:
        """Make one of what a ``judge`` argument holds."""
        if isinstance(judge, Acceptance):
            return judge
        return cls() if judge is None else cls((judge,))

    @property
    def judged(self) -> bool:
        """Whether there is a judge."""
        return bool(self.judges)

    @property
    def hash(self) -> str | None:
        """What identifies it: the judge's hash, or one of all; None without, or if one has none."""
        hashes = [judge.hash for judge in self.judges]
        if len(hashes) == 1:
            return hashes[0]
        known = [found for found in hashes if found is not None]
        if not known or len(known) < len(hashes):
            return None
        return f"judges:{hashlib.sha256(' '.join(known).encode()).hexdigest()}"

    def see(
        self,
        images: Tensor | npt.NDArray[np.float32],
        *,
        batch: int | None = None,
        owned: bool = False,
    ) -> Judgement:
        """Show images to every judge: float32 ``[N, C, H, W]`` in [0, 1].

        Args:
            images: the images.
            batch: as of `Classifier.probabilities`.
            owned: whether nobody else uses the images, so that the last judge may write into them.

        Raises:
            FailcondError: a judge fails.
        """
        last = len(self.judges) - 1
        found = [
            judge.probabilities(images, batch=batch, owned=owned and i == last)
            for i, judge in enumerate(self.judges)
        ]
        return Judgement(len(images), tuple(found))

    def accepts(
        self,
        images: Tensor | npt.NDArray[np.float32],
        classes: int | Labels,
        *,
        batch: int | None = None,
        owned: bool = False,
    ) -> npt.NDArray[np.bool_]:
        """Whether each image still shows its class, ``[N]``; arguments as of `see`.

        ``classes`` is one for all images, or each image's own.
        """
        return self.see(images, batch=batch, owned=owned).accepted(classes)


EVERYTHING = Acceptance()
"""Every image is accepted: there is no judge."""

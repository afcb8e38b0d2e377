"""Classes by rejection, for a generator without any: the judges accept its images as a class, or reject them.

The images come from a fixed keyed stream, one after the other, and judges give each its class or none.
So sample number n of a class is the n-th that was accepted as that class, in any process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.around import Around
from pytest_failcond.generators.base import BATCH, Generator
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.labels import class_indices
from pytest_failcond.words.remarks import Remark

MOST_DRAWN = 8
"""Images that are drawn at most, for each class and each image that is needed of a class."""
_FEW = 32  # images that count as needed where fewer are
_SHARE_OF = 512  # images that the share is told of
_NAMED = 12  # classes in a sentence


@dataclass
class _Drawn:
    """What was drawn of a stream so far.

    Attributes:
        count: images.
        styles: of the accepted ones, by class.
    """

    count: int = 0
    styles: dict[int, list[Tensor]] = field(default_factory=dict)


class ByRejection(Around):
    """A generator with the classes that judges see in its images.

    Args:
        generator: without classes, its images such as the judges take.
        acceptance: the judges.
        classes: the names of the classes, by the judges' outputs.

    Attributes:
        notice: is told once, before the first sample, which share of images is kept.

    Raises:
        FailcondError: there is no judge.
    """

    def __init__(
        self, generator: Generator, acceptance: Acceptance, classes: tuple[str, ...]
    ) -> None:
        if not acceptance.judged:
            raise FailcondError(
                "generator: it has no classes, and without a judge its images get none; configure a "
                "judge, or use a generator with classes"
            )
        super().__init__(generator)
        self._acceptance, self.classes = acceptance, classes
        self._drawn: dict[tuple[int, str, float], _Drawn] = {}
        self.notice: Callable[[Remark], None] | None = None

    @property
    def hash(self) -> str:
        """The generator's; the judges have their own."""
        return f"{self.generator.hash}, classes by rejection"

    def sample(
        self,
        labels: Any,
        seed: int = 0,
        *,
        stream: str = "sample",
        first: int = 0,
        truncation: float = 1.0,
    ) -> Tensor:
        """Return style vectors of images that the judges accept: labels int ``[N]`` → float32 ``[N, S]``.

        A stream ``name/3`` of class 3 alone shares its images with ``name/4``: each goes to one class.

        Raises:
            FailcondError: a label is not one of the classes, or too few images are accepted as it.
        """
        self._tell()
        wanted = class_indices(labels)
        if len(wanted) and wanted.max() >= len(self.classes):
            raise FailcondError(
                f"labels: there are classes 0 to {len(self.classes) - 1}, got {wanted.max()}"
            )
        found = torch.empty(len(wanted), self.style_space.size)
        for label in np.unique(wanted):
            rows = np.flatnonzero(wanted == label)
            key = seed, stream.removesuffix(f"/{label}"), truncation
            kept = self._accepted(key, int(label), first + int(rows.max()) + 1)
            found[torch.from_numpy(rows)] = kept[torch.from_numpy(first + rows)]
        return found

    def _accepted(self, key: tuple[int, str, float], label: int, count: int) -> Tensor:
        """Return the first ``count`` style vectors, or more, that are accepted as a class."""
        drawn = self._drawn.setdefault(key, _Drawn())
        most = MOST_DRAWN * len(self.classes) * max(count, _FEW)
        while (have := sum(map(len, drawn.styles.get(label, [])))) < count:
            if drawn.count >= most:
                raise FailcondError(
                    f"generator: it has no classes, and of {drawn.count:,} images "
                    f"{self._acceptance.who} accepted {have} as {self.classes[label]!r}, where {count} "
                    "are needed; use a generator that makes more of them, or one with classes, or lower "
                    "acceptance.least_p or corner_cases.samples"
                )
            self._draw(key, drawn)
        return torch.cat(drawn.styles[label])

    def _draw(self, key: tuple[int, str, float], drawn: _Drawn) -> None:
        """Draw a batch of a stream and keep, for each class, what is accepted as it."""
        seed, stream, truncation = key
        nothing = np.zeros(BATCH, dtype=np.int64)
        styles = self.generator.sample(
            nothing, seed, stream=f"any/{stream}", first=drawn.count, truncation=truncation
        )
        drawn.count += BATCH
        shown = self._shown(styles)
        for label in np.unique(shown[shown >= 0]):
            rows = torch.from_numpy(np.flatnonzero(shown == label))
            drawn.styles.setdefault(int(label), []).append(styles[rows])

    def _shown(self, styles: Tensor) -> Any:
        """Return the class that each image is accepted as, or -1, ``[N]``."""
        among = len(self.classes)
        images = self.generator.synthesize(styles)
        judgement = self._acceptance.see(images, among=among, batch=self.batches.images)
        first = judgement.labels[0]
        known = np.where(first < among, first, 0)
        return np.where(judgement.accepted(known) & (first < among), known, -1)

    def _tell(self) -> None:
        """Tell the share of images that are kept, of a stream that nothing else uses."""
        if self.notice is None:
            return
        tell, self.notice = self.notice, None
        numbers = np.zeros(_SHARE_OF, dtype=np.int64)
        shown = self._shown(self.generator.sample(numbers, 0, stream="any/share"))
        shares = [f"{name} {np.mean(shown == i):.0%}" for i, name in enumerate(self.classes)]
        more = ", …" if len(shares) > _NAMED else ""
        tell(
            Remark(
                "generator",
                "rejected",
                f"generator: it has no classes; {self._acceptance.who} gave classes to "
                f"{np.mean(shown >= 0):.0%} of {_SHARE_OF} images ({', '.join(shares[:_NAMED])}{more}), and "
                "the rest is not used",
            )
        )


def of_any_kind(generator: Generator) -> Generator:
    """Return the generator whose images are of any kind, where classes are the judges'.

    A property of all its images must not depend on whether each class is among them.
    """
    return generator.generator if isinstance(generator, ByRejection) else generator

"""Images of Hypothesis cases: a start image moved along a direction, and the models' answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.plugin.state import fail
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.metric import STEP
from pytest_failcond.process.exchange import described
from pytest_failcond.words.judged import judged_name

if TYPE_CHECKING:
    from pytest_failcond.probes.direction.starts import Starts
    from pytest_failcond.strategies import Case


@dataclass(frozen=True)
class CaseImage:
    """The image of a `Case`: a start image moved along a direction, and the models' answers.

    Attributes:
        image: float32 ``[C, H, W]`` in [0, 1].
        class_name, label: its class, by name and index.
        direction: its direction.
        shift: its shift, σ.
        sample: the start image's number in the generator's stream.
        p: the classifier's probability of the class.
        predicted: the classifier's prediction.
        judged: the prediction of the judge that accepts it least, by index, the number of classes
            for none of these; None without a judge.
        accepted: whether it still shows its class; True without a judge.
        judges: each judge's prediction: the name of a class, or "none of these".
    """

    image: npt.NDArray[np.float32]
    class_name: str
    label: int
    direction: Direction
    shift: float
    sample: int
    p: float
    predicted: int
    judged: int | None
    accepted: bool
    judges: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it is accepted."""
        return self.accepted

    @property
    def broken(self) -> bool:
        """Whether the classifier is wrong, and the image is accepted."""
        return self.predicted != self.label and self.accepted

    def __str__(self) -> str:
        way = "up" if self.direction.sign > 0 else "down"
        return (
            f"class {self.class_name!r}, dimension s{self.direction.dimension} "
            f"({self.direction.name}) {way}, shift {self.shift:g} σ: predicted {self.predicted} "
            f"with p({self.class_name}) = {self.p:.3f}; reproduce with "
            f"`failcond show {self.direction.key} --shift {self.shift:g} --sample {self.sample}`"
        )

    __repr__ = __str__


class Cases:
    """Makes images of cases; the start images of a class are drawn once."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory

    def image(self, case: Case, direction: Direction, classes: Sequence[str]) -> CaseImage:
        """Return the image of a case along the direction of its rank, and the models' answers."""
        from pytest_failcond.generators.base import batches_of
        from pytest_failcond.probes.direction.corner_cases import shifted_images

        laboratory, starts = self._laboratory, self._starts(case.class_index)
        row, shift = case.seed % len(starts), case.steps * STEP
        assert laboratory.generator is not None
        image = shifted_images(
            laboratory.generator, starts, direction.key, np.array([row]), np.array([shift])
        )
        batch = batches_of(laboratory.generator).images
        p = laboratory.classifier.probabilities(image, batch=batch)[0]
        judgement = laboratory.acceptance.see(image, among=len(p), batch=batch)
        strictest = judgement.strictest(case.class_index)
        return CaseImage(
            image=image[0].numpy(),
            class_name=classes[case.class_index],
            label=case.class_index,
            direction=direction,
            shift=shift,
            sample=int(starts.samples[row]),
            p=float(p[case.class_index]),
            predicted=int(p.argmax()),
            judged=None if strictest is None else int(strictest[0].argmax()),
            accepted=bool(judgement.accepted(case.class_index)[0]),
            judges=tuple(judged_name(classes, int(seen[0])) for seen in judgement.labels),
        )

    @lru_cache(maxsize=128)  # noqa: B019 - one object per session
    def _starts(self, class_index: int) -> Starts:
        from pytest_failcond.probes.direction.starts import starts_of

        laboratory = self._laboratory
        assert laboratory.generator is not None
        return starts_of(
            laboratory.generator, laboratory.acceptance, class_index, laboratory.settings
        )


def check_case(case: Case, classes: int, top: int) -> None:
    """Fail the test unless a case names an existing image, of so many classes and ranks."""
    ends = {"class_index": (0, classes - 1), "rank": (1, top), "steps": (0, None),
            "seed": (0, None)}  # fmt: skip
    for name, (low, high) in ends.items():
        value = getattr(case, name, None)
        if not isinstance(value, int | np.integer):
            fail(
                "failcond.image: expected a Case of pytest_failcond.strategies, got "
                f"{described(case)} with {name} = {described(value)}"
            )
        if value < low or (high is not None and value > high):
            until = "" if high is None else f" to {high}"
            fail(f"failcond.image: {name} = {value} is outside {low}{until}")

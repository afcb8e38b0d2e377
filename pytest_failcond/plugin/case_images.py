"""The images of Hypothesis cases, with the models' answers; printing one gives the line that makes it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import hypot

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.keys import CorruptionKey, DirectionKey, RankingKey
from pytest_failcond.words.commands import command_line


@dataclass(frozen=True, kw_only=True)
class SeenImage:
    """An image, and the models' answers.

    Attributes:
        image: float32 ``[C, H, W]`` in [0, 1].
        class_name, label: its class, by name and index.
        p: the classifier's probability of the class.
        margin: log of p over the largest probability of another class: the difference of their logits.
            Under 0, the classifier is wrong.
        predicted: the classifier's prediction.
        judged: the prediction of the judge that accepts it least, by index, the number of classes
            for none of these; None without a judge.
        accepted: whether it still shows its class; True without a judge.
        judges: each judge's prediction: the name of a class, or "none of these".
        given: the options of the session that chose the subjects.
    """

    image: npt.NDArray[np.float32]
    class_name: str
    label: int
    p: float
    margin: float
    predicted: int
    judged: int | None
    accepted: bool
    judges: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def valid(self) -> bool:
        """Whether it is accepted."""
        return self.accepted

    @property
    def broken(self) -> bool:
        """Whether the classifier is wrong, and the image is accepted."""
        return self.predicted != self.label and self.accepted

    def _told(self, what: str, command: Iterable[str]) -> str:
        return (
            f"class {self.class_name!r}, {what}: predicted {self.predicted} with "
            f"p({self.class_name}) = {self.p:.3f}; reproduce with "
            f"`{command_line(['show', *command], self.given)}`"
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class CaseImage(SeenImage):
    """The image of a `Case`: a start image moved along a direction.

    Attributes:
        direction: its direction.
        shift: its shift, σ.
        sample: the start image's number in the generator's stream.
    """

    direction: Direction
    shift: float
    sample: int

    def __str__(self) -> str:
        key = self.direction.key
        what = f"{_moved(key, self.direction.name)}, shift {self.shift:g} σ"
        return self._told(what, _show([key], [self.shift], self.sample))

    __repr__ = __str__


@dataclass(frozen=True, kw_only=True, repr=False)
class CombinedImage(SeenImage):
    """The image of a `Combination`: a start image moved along several directions at once.

    Attributes:
        directions: the keys of the directions.
        shifts: the shift along each, σ.
        sample: the start image's number in the generator's stream.
    """

    directions: tuple[DirectionKey, ...]
    shifts: tuple[float, ...]
    sample: int

    @property
    def distance(self) -> float:
        """The combined shift: the root of the sum of squares, σ."""
        return hypot(*self.shifts)

    def __str__(self) -> str:
        if not self.directions:
            return self._told("unmoved", _show([RankingKey(self.label)], [], self.sample))
        moves = zip(self.directions, self.shifts, strict=True)
        together = ", ".join(f"s{key.dimension} {key.way} {shift:g}" for key, shift in moves)
        what = f"moved by {self.distance:.3g} σ ({together})"
        return self._told(what, _show(self.directions, self.shifts, self.sample))

    __repr__ = __str__


@dataclass(frozen=True, kw_only=True, repr=False)
class CorruptedImage(SeenImage):
    """The image of a `Corrupted`: a test image under a corruption.

    Attributes:
        key: the corruption and its severity.
        index: of the test image in the user's set.
    """

    key: CorruptionKey
    index: int

    def __str__(self) -> str:
        what = f"test image {self.index} under {self.key.corruption}, severity {self.key.severity}"
        return self._told(what, [self.key, "--image", str(self.index)])

    __repr__ = __str__


def margin_of(p: npt.NDArray[np.float32], label: int) -> float:
    """Return the log of a class's probability over the largest other one; ``p`` ``[K]``."""
    least = np.finfo(np.float32).tiny  # of a saturated softmax
    others = np.delete(p, label)
    return float(np.log(max(p[label], least)) - np.log(max(others.max(initial=0), least)))


def _show(keys: Iterable[str], shifts: Iterable[float], sample: int) -> list[str]:
    amounts = ",".join(f"{shift:g}" for shift in shifts)
    return [*keys, *(["--shift", amounts] if amounts else []), "--sample", str(sample)]


def _moved(key: DirectionKey, name: str) -> str:
    return f"dimension s{key.dimension} ({name}) {key.way}"

"""Corner cases that a corpus may keep, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.moved import Moved

RIGHT_AGAIN = "right again past the break"
JUDGE_LOST = "lost to the judge past the break"


@dataclass(frozen=True)
class Wanted:
    """How many images of a class a corpus keeps.

    Attributes:
        per_direction: along each direction.
        per_search: of each search along several directions at once.
    """

    per_direction: int = 1
    per_search: int = 3


@dataclass(frozen=True)
class FoundCase:
    """An image past its break.

    Attributes:
        name: of the way that it was moved, in ids.
        search: the key of the search that found it; None: it was moved along one direction.
        moved: its origin.
        broke_at: the distance at which the start image broke, σ.
        pixels: uint8 ``[H, W, C]``.
        predicted: the classifier's prediction, by index.
        p: its probability of the class.
        judged: the prediction of the judge that accepts it least, by index; the number of classes
            for none of these; None without a judge.
        accepted: whether it still shows its class.
    """

    name: str
    search: str | None
    moved: Moved
    broke_at: float
    pixels: npt.NDArray[np.uint8]
    predicted: int
    p: float
    judged: int | None
    accepted: bool

    @property
    def reason_against(self) -> str:
        """Why it is not kept; empty if it is."""
        if not self.accepted:
            return JUDGE_LOST
        return RIGHT_AGAIN if self.predicted == self.moved.class_index else ""


@dataclass
class Discovery:
    """The corner cases of one class to keep, and the number of dropped ones, by reason."""

    cases: list[FoundCase] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def take(self, found: Iterable[FoundCase], most: int) -> None:
        """Keep the first images that are wrong and accepted, ``most`` of them."""
        for case in found:
            if most and not case.reason_against:
                self.cases.append(case)
                most -= 1
            elif case.reason_against:
                self.dropped[case.reason_against] += 1

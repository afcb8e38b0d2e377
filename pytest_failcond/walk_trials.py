"""Directions, tried on other draws of their start images. Pure; see `trials`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_failcond.draws import binomial, first
from pytest_failcond.errors import FailcondError
from pytest_failcond.measurements import VALID_SHARE, Direction
from pytest_failcond.metrics import Case

Floats = npt.NDArray[np.float64]


class _Walk:
    """A direction's start images, one by one, over its T shifts."""

    def __init__(self, direction: Direction) -> None:
        self.shifts = np.array(direction.curve.shift)
        self.breaks = np.array([np.inf if b is None else b for b in direction.breaks])
        self.valid = direction.valid.T  # [N, T]
        self.judged = direction.valid_range is not None
        if self.judged and direction.accepted is None:
            raise FailcondError(
                f"{direction.key}: the run does not say which images the judge accepts; make a new one"
            )

    def broken(self, loss: float = 0.0) -> npt.NDArray[np.bool_]:
        """Whether each image is broken by each shift, ``[N, T]``, if all break ``loss`` σ earlier."""
        broken: npt.NDArray[np.bool_] = self.breaks[:, None] <= self.shifts + loss + 1e-9
        return broken

    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each image is neither broken by each shift nor lost to the judge, ``[N, T]``."""
        lost = np.maximum.accumulate(~self.valid, axis=1)
        right: npt.NDArray[np.bool_] = ~self.broken() & ~lost
        return right

    def tested(self, weights: Floats, later: int = 0) -> npt.NDArray[np.int64]:
        """Return the position of the last valid shift, ``[R]``, if the judge loses images earlier."""
        last = len(self.shifts) - 1
        if not self.judged:
            return np.full(len(weights), last)
        seen = np.minimum(np.arange(last + 1) + later, last)
        accepted = weights @ self.valid[:, seen]
        failing = accepted < VALID_SHARE * weights.sum(axis=1, keepdims=True)
        ends = np.where(failing.any(axis=1), failing.argmax(axis=1), last + 1)
        tested: npt.NDArray[np.int64] = np.maximum(ends - 1, 0)
        return tested


_Read = Callable[[_Walk, Floats, float, np.random.Generator], Floats]


@dataclass(frozen=True)
class Walked:
    """A value read off the walk along a direction, of the start images drawn.

    Attributes:
        direction: what was measured.
        read: (sums, loss, random, direction as arrays) → values.
    """

    direction: Direction
    read: _Read
    most: float

    @property
    def images(self) -> str:
        """All directions of a class start from the same images."""
        return f"starts:{self.direction.class_index}"

    @property
    def size(self) -> int:
        """Start images, N."""
        return self.direction.total

    def sums(self, weights: Floats) -> Floats:
        """See `Trial`: few images, so the weights themselves."""
        return weights

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        return self.read(_Walk(self.direction), sums, loss, random)


def _breaking_shift(
    walk: _Walk, weights: Floats, loss: float, random: np.random.Generator
) -> Floats:
    """A loss: every image that breaks does so that many σ earlier."""
    half = weights @ walk.broken(loss) >= 0.5 * weights.sum(axis=1, keepdims=True)
    half &= np.arange(len(walk.shifts)) <= walk.tested(weights)[:, None]
    return first(half, walk.shifts)


def _valid_range(walk: _Walk, weights: Floats, loss: float, random: np.random.Generator) -> Floats:
    """A loss: the judge loses every image that many σ earlier, in steps of the walk."""
    step = walk.shifts[1] - walk.shifts[0] if len(walk.shifts) > 1 else 1.0
    values: Floats = walk.shifts[walk.tested(weights, later=int(np.ceil(loss / step - 1e-9)))]
    return values


def _broken_share(at: float) -> _Read:
    def read(walk: _Walk, weights: Floats, loss: float, random: np.random.Generator) -> Floats:
        """A loss: images still right at the shift are broken, each with the same probability."""
        position = max(int(np.searchsorted(walk.shifts, at + 1e-9)) - 1, 0)
        places = np.minimum(position, walk.tested(weights))
        rows = np.arange(len(weights))
        broken = (weights @ walk.broken())[rows, places]
        if loss:
            right = walk.right()
            rates = np.minimum(loss / np.maximum(right.mean(axis=0), 1e-12), 1.0)
            broken = broken + binomial((weights @ right)[rows, places], rates[places], random)
        shares: Floats = broken / weights.sum(axis=1)
        return shares

    return read


def walked(case: Case) -> Walked:
    """Return the trial of a direction's metric."""
    direction: Direction = case.measure(case.key)
    _Walk(direction)  # says what is missing
    end = direction.curve.shift[-1]
    if case.gate.metric == "breaking_shift":
        return Walked(direction, _breaking_shift, end)
    if case.gate.metric == "valid_range":
        return Walked(direction, _valid_range, end)
    assert case.gate.at is not None
    return Walked(direction, _broken_share(case.gate.at), 1.0)

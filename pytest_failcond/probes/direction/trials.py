"""Directions, tried on other draws of their start images. Pure; see `trials`."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction.record import VALID_SHARE, Direction
from pytest_failcond.statistics.draws import binomial, first
from pytest_failcond.verdicts.metrics import Case

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]


class _Walked:
    """The start images of a direction, N of them, over its T shifts.

    Raises:
        FailcondError: the run lacks the acceptance by image.
    """

    def __init__(self, direction: Direction) -> None:
        if direction.valid_range is not None and direction.accepted is None:
            raise FailcondError(
                f"{direction.key}: the run lacks the judge's acceptance by image; make a new run"
            )
        self.images = f"starts:{direction.class_index}"  # those of all directions of a class
        self.size = direction.total
        self.shifts = np.array(direction.curve.shift)
        self.most = float(self.shifts[-1])
        self._judged = direction.valid_range is not None
        self._valid = direction.valid.T.astype(np.float32)  # [N, T]
        self._breaks = np.array([np.inf if b is None else b for b in direction.breaks])

    def sums(self, weights: Weights) -> Floats:
        """See `Trial`: few images, so the weights themselves."""
        return weights.astype(np.float64)

    def _broken(self, earlier: float = 0.0) -> Weights:
        """Return whether each image is broken by each shift, ``[N, T]``, if all break earlier, σ."""
        reached = self._breaks[:, None] <= self.shifts + earlier + 1e-9
        return reached.astype(np.float32)

    @cached_property
    def _right(self) -> Weights:
        """Whether each image is, by each shift, neither broken nor lost to the judge, ``[N, T]``."""
        kept = np.minimum.accumulate(self._valid, axis=1)
        return np.asarray(kept * (1 - self._broken()), dtype=np.float32)

    def _tested(self, weights: Floats | Weights, earlier: int = 0) -> npt.NDArray[np.int64]:
        """Return the position of the last valid shift, ``[R]``, if all are lost steps earlier."""
        last = len(self.shifts) - 1
        if not self._judged:
            return np.full(len(weights), last)
        accepted = weights @ self._valid[:, np.minimum(np.arange(last + 1) + earlier, last)]
        failing = accepted < VALID_SHARE * weights.sum(axis=1, keepdims=True)
        ends = np.where(failing.any(axis=1), failing.argmax(axis=1), last + 1)
        tested: npt.NDArray[np.int64] = np.maximum(ends - 1, 0)
        return tested


class BreakingShift(_Walked):
    """A loss, in σ: every image that breaks does so that much earlier."""

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        half = sums @ self._broken(loss) >= 0.5 * sums.sum(axis=1, keepdims=True)
        half &= np.arange(len(self.shifts)) <= self._tested(sums)[:, None]
        return first(half, self.shifts)


class ValidRange(_Walked):
    """A loss, in σ: the judge loses every image that much earlier, in steps of the walk."""

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        step = self.shifts[1] - self.shifts[0] if len(self.shifts) > 1 else 1.0
        values: Floats = self.shifts[self._tested(sums, int(np.ceil(loss / step - 1e-9)))]
        return values


class BrokenShare(_Walked):
    """A loss, as a share: images that are right at the shift are broken, each as likely as others."""

    def __init__(self, direction: Direction, at: float) -> None:
        super().__init__(direction)
        self.most = 1.0
        self._position = max(int(np.searchsorted(self.shifts, at + 1e-9)) - 1, 0)

    def sums(self, weights: Weights) -> Floats:
        """See `Trial`: broken, right, all, and the shift, which may be the end of validity."""
        rows, places = np.arange(len(weights)), np.minimum(self._position, self._tested(weights))
        broken, right = ((weights @ c)[rows, places] for c in (self._broken(), self._right))
        return np.stack([broken, right, weights.sum(axis=1), places], axis=1).astype(np.float64)

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        broken, right, total, places = sums.T
        if loss:
            rates = np.minimum(loss / np.maximum(self._right.mean(axis=0), 1e-12), 1.0)
            broken = broken + binomial(right, rates[places.astype(int)], random)
        shares: Floats = broken / total
        return shares


class NewlyBrokenShare(BrokenShare):
    """The same of the images that are right unmoved; where too few of them are drawn, there is no value."""

    def __init__(self, direction: Direction, at: float, least: int | None) -> None:
        super().__init__(direction, at)
        self._least = least  # None: half of the images

    def sums(self, weights: Weights) -> Floats:
        """See `Trial`: newly broken, right, all that are right unmoved, at which shift, and all."""
        unmoved = weights @ self._broken()[:, 0]
        found = super().sums(weights)
        broken, right, total, places = found.T
        kept = (weights @ self._right[:, 0]).astype(np.float64)
        return np.stack([broken - unmoved, right, kept, places, total], axis=1)

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        broken, right, kept, places, total = sums.T
        if loss:
            shares = self._right.mean(axis=0)
            rates = np.minimum(loss * shares[0] / np.maximum(shares, 1e-12), 1.0)
            broken = broken + binomial(right, rates[places.astype(int)], random)
        few = kept < (total / 2 if self._least is None else 1)
        values: Floats = np.where(few, np.nan, broken / np.maximum(kept, 1))
        return values


def breaking_shift(case: Case) -> BreakingShift:
    """Return the trial of a breaking shift."""
    return BreakingShift(case.measure(case.key))


def valid_range(case: Case) -> ValidRange:
    """Return the trial of a valid range."""
    return ValidRange(case.measure(case.key))


def broken_share(case: Case) -> BrokenShare:
    """Return the trial of the share broken by a shift."""
    assert case.gate.at is not None
    return BrokenShare(case.measure(case.key), case.gate.at)


def newly_broken_share(case: Case) -> NewlyBrokenShare:
    """Return the trial of the share newly broken by a shift."""
    assert case.gate.at is not None
    return NewlyBrokenShare(case.measure(case.key), case.gate.at, case.gate.min_n)

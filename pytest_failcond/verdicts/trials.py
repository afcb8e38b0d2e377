"""The value of a check on images drawn again, and with losses. Pure.

The values are those of `metrics` on the drawn images, computed for many draws at once: the counts
of the drawn images are a row of weights, and sums over images are products of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.keys import Key
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.statistics.draws import binomial
from pytest_failcond.verdicts.metrics import Case

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Weights = npt.NDArray[np.float32]


class Trial(Protocol):
    """A check that can be tried on other draws of its images."""

    @property
    def images(self) -> str:
        """Names the images that it rests on; checks that share them are tried on the same draws."""

    @property
    def size(self) -> int:
        """The number of images, N."""

    @property
    def most(self) -> float:
        """The largest loss that can be put in, in the metric's unit."""

    def sums(self, weights: Weights) -> Floats:
        """Return the sums that the value depends on,
        ``[R, C]``, from the images' weights, ``[R, N]``.
        """

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """Return the values, ``[R]``, with a loss put in.

        Infinite: beyond the tested range. NaN: no counted image was drawn.
        """


@dataclass(frozen=True)
class Counted:
    """Counts of N images: 0 or 1 for each of the n that count at all.

    Attributes:
        columns: ``[n, C]``; the last one: 1 for all.
        rows: which they are, ascending, ``[n]``.
        size: N.
    """

    columns: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]
    size: int

    def sums(self, weights: Weights) -> Floats:
        """Return the weighted sums, ``[R, C]``, of the images' weights, ``[R, N]``."""
        chosen = weights if len(self.rows) == self.size else weights[:, self.rows]
        return np.asarray(chosen @ self.columns, dtype=np.float64)


@dataclass(frozen=True)
class Shares:
    """A value that is a sum of shares of the test images: ``constant + sum of factor x share``.

    A loss turns right images wrong: in every column with an effect, each image with the same
    probability, so that the share falls by as much as the loss, or to nothing.

    Attributes:
        counted: the counts.
        factors: of the shares, ``[C - 1]``.
        effects: the change of the value by a share of lost images, ``[C - 1]``; 0: none is lost
            there.
        constant: see above.
    """

    counted: Counted
    factors: Floats
    effects: Floats
    constant: float = 0.0
    images: str = "images"

    @property
    def size(self) -> int:
        """N."""
        return self.counted.size

    @property
    def most(self) -> float:
        """All images lost."""
        return float(np.abs(self.effects).sum())

    def sums(self, weights: Weights) -> Floats:
        """See `Trial`."""
        return self.counted.sums(weights)

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        counts, n = sums[:, :-1], sums[:, -1]
        lost = self._lost(counts, loss / self.most, random)
        with np.errstate(invalid="ignore"):
            values: Floats = (counts @ self.factors + lost @ self.effects) / n + self.constant
        return values

    def _lost(self, counts: Floats, loss: float, random: np.random.Generator) -> Floats:
        if not loss:
            return np.zeros_like(counts)
        return binomial(counts * (self.effects != 0), rates(self.counted.columns, loss), random)


def rates(columns: npt.NDArray[np.float32], loss: float) -> Floats:
    """Return the probability that makes each column's share fall by the loss, ``[C - 1]``."""
    totals = columns.sum(axis=0, dtype=np.float64)
    rates: Floats = np.minimum(loss * totals[-1] / np.maximum(totals[:-1], 1e-12), 1.0)
    return rates


def counted(case: Case, columns: Sequence[Bools], some: Measurement) -> Counted:
    """Count, ``[N]`` each, over the images of the check."""
    rows = case.selected(some)
    counts = np.stack(
        [*(column[rows] for column in columns), np.ones(len(rows), dtype=bool)], axis=1
    )
    return Counted(counts.astype(np.float32), rows, some.total)


def rights(case: Case, keys: Sequence[Key]) -> list[Bools]:
    """Return, for each key, which images are right, ``[N]``."""
    return [case.measure(key).right for key in keys]


def shares(
    case: Case,
    some: Key,
    columns: Sequence[Bools],
    factors: Sequence[float],
    effects: Sequence[float],
    constant: float = 0.0,
) -> Shares:
    """Make `Shares`; ``some`` is the key of any of its measurements, for their images' classes."""
    found = counted(case, columns, case.measure(some))
    return Shares(found, np.array(factors, float), np.array(effects, float), constant)


def accuracy(case: Case) -> Trial:
    """Right images of the key."""
    return shares(case, case.key, rights(case, [case.key]), [1], [-1])

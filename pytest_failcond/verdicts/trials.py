"""What a check's value becomes when its images are drawn again, and when some are lost. Pure.

The values are those of `metrics` on the images drawn, computed for many draws at once: how
often each image was drawn is a row of weights, and sums over images are products of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.corruption import cells_of
from pytest_failcond.probes.keys import CleanKey, Key
from pytest_failcond.probes.regression import compared_keys
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.statistics.draws import binomial, first
from pytest_failcond.verdicts.metrics import Case, reference_divisors

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
        """How many images there are, N."""

    @property
    def most(self) -> float:
        """The largest loss that can be put in, in the metric's unit."""

    def sums(self, weights: Weights) -> Floats:
        """Return what the value depends on, ``[R, C]``, from the images' weights, ``[R, N]``."""

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """Return the values, ``[R]``, with a loss put in.

        Infinite: beyond all that was tested. NaN: no image of those that count was drawn.
        """


@dataclass(frozen=True)
class Counted:
    """What is counted of N images: 0 or 1 of each of the n that count at all.

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
        counted: what is counted.
        factors: of the shares, ``[C - 1]``.
        effects: what a share of images lost adds to the value, ``[C - 1]``; 0: none is lost there.
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
        return binomial(counts * (self.effects != 0), _rates(self.counted.columns, loss), random)


@dataclass(frozen=True)
class Crossing:
    """The least severity at which accuracy is under a level; a loss is one of accuracy at each.

    Attributes:
        counted: right images at each severity.
        severities: ascending, ``[C - 1]``.
        level: the accuracy.
    """

    counted: Counted
    severities: Floats
    level: float
    images: str = "images"
    most: float = 1.0

    @property
    def size(self) -> int:
        """N."""
        return self.counted.size

    def sums(self, weights: Weights) -> Floats:
        """See `Trial`."""
        return self.counted.sums(weights)

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        right, n = sums[:, :-1], sums[:, -1:]
        if loss:
            right = right - binomial(right, _rates(self.counted.columns, loss), random)
        with np.errstate(invalid="ignore"):
            under = right / n < self.level
        values = first(under, self.severities)
        values[n[:, 0] == 0] = np.nan
        return values


def _rates(columns: npt.NDArray[np.float32], loss: float) -> Floats:
    """Return the probability that makes each column's share fall by the loss, ``[C - 1]``."""
    totals = columns.sum(axis=0, dtype=np.float64)
    rates: Floats = np.minimum(loss * totals[-1] / np.maximum(totals[:-1], 1e-12), 1.0)
    return rates


def _counted(case: Case, counted: Sequence[Bools], some: Measurement) -> Counted:
    rows = case.selected(some)
    columns = np.stack([*(c[rows] for c in counted), np.ones(len(rows), dtype=bool)], axis=1)
    return Counted(columns.astype(np.float32), rows, some.total)


def _rights(case: Case, keys: Sequence[Key]) -> list[Bools]:
    return [case.measure(key).right for key in keys]


def _shares(
    case: Case,
    some: Key,
    counted: Sequence[Bools],
    factors: Sequence[float],
    effects: Sequence[float],
    constant: float = 0.0,
) -> Shares:
    """Make `Shares`; ``some`` is the key of any of its measurements, for their images' classes."""
    found = _counted(case, counted, case.measure(some))
    return Shares(found, np.array(factors, float), np.array(effects, float), constant)


def accuracy(case: Case) -> Trial:
    """Right images of the key."""
    return _shares(case, case.key, _rights(case, [case.key]), [1], [-1])


def corpus_accuracy(case: Case) -> Trial:
    """The corpus has images of its own."""
    return replace(_shares(case, case.key, _rights(case, [case.key]), [1], [-1]), images="corpus")


def accuracy_drop(case: Case) -> Trial:
    """A loss is one on the key's images; the clean ones stay as they are."""
    return _shares(case, case.key, _rights(case, [CleanKey(), case.key]), [1, -1], [0, 1])


def mean_accuracy(case: Case) -> Trial:
    """A loss is one of the same accuracy in each cell."""
    cells = cells_of(case.gate, case.settings)
    each = 1 / len(cells)
    return _shares(case, cells[0], _rights(case, cells), [each] * len(cells), [-each] * len(cells))


def _pairs(case: Case, keys: Sequence[Key]) -> Trial:
    assert case.baseline is not None
    many, each = len(keys), 1 / len(keys)
    rights = [case.baseline(key).right for key in keys] + _rights(case, keys)
    factors, effects = [each] * many + [-each] * many, [0.0] * many + [each] * many
    return _shares(case, keys[0], rights, factors, effects)


def regression_drop(case: Case) -> Trial:
    """A loss is one of now; the baseline's stays as it is."""
    return _pairs(case, [case.key])


def mean_regression_drop(case: Case) -> Trial:
    """The same, in each key alike."""
    return _pairs(case, compared_keys(case.gate, case.settings))


def negative_flips(case: Case) -> Trial:
    """Only images that both versions have right can flip, so that those are lost."""
    assert case.baseline is not None
    then, now = case.baseline(case.key).right, case.measure(case.key).right
    return _shares(case, case.key, [then & ~now, then & now], [1, 0], [0, 1])


def mce(case: Case) -> Trial:
    """A loss is one of the same accuracy in each cell; the reference's errors stay as they are."""
    return _relative_to_reference(case, clean=False)


def relative_mce(case: Case) -> Trial:
    """The same, less the errors on the clean images."""
    return _relative_to_reference(case, clean=True)


def _relative_to_reference(case: Case, *, clean: bool) -> Trial:
    rows = reference_divisors(case, clean=clean)
    keys = [key for cells, _ in rows for key in cells]
    effects = [1 / divisor / len(cells) / len(rows) for cells, divisor in rows for _ in cells]
    factors, total = [-effect for effect in effects], sum(effects)
    if not clean:
        return _shares(case, keys[0], _rights(case, keys), factors, effects, total)
    # Errors under corruption, less those on the clean images.
    rights = _rights(case, [*keys, CleanKey()])
    return _shares(case, keys[0], rights, [*factors, total], [*effects, 0.0])


def crossing_severity(case: Case) -> Trial:
    """A loss is one of accuracy at each severity."""
    assert case.gate.at is not None
    cells = [cell for cell in cells_of(case.gate, case.settings) if cell.row == case.key]
    cells.sort(key=lambda cell: cell.severity)
    found = _counted(case, _rights(case, cells), case.measure(cells[0]))
    return Crossing(found, np.array([cell.severity for cell in cells], float), case.gate.at)

"""Several cells together, tried on other draws of the images. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_failcond.probes.corruption import cells_of
from pytest_failcond.probes.keys import CleanKey
from pytest_failcond.probes.regression import compared_keys
from pytest_failcond.probes.several.metrics import reference_divisors
from pytest_failcond.statistics.draws import binomial, first
from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.trials import (
    Counted,
    Floats,
    Trial,
    Weights,
    counted,
    rates,
    rights,
    shares,
)


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
            right = right - binomial(right, rates(self.counted.columns, loss), random)
        with np.errstate(invalid="ignore"):
            under = right / n < self.level
        values = first(under, self.severities)
        values[n[:, 0] == 0] = np.nan
        return values


def mean_accuracy(case: Case) -> Trial:
    """A loss is one of the same accuracy in each cell."""
    cells = cells_of(case.gate, case.settings)
    each = 1 / len(cells)
    return shares(case, cells[0], rights(case, cells), [each] * len(cells), [-each] * len(cells))


def mean_regression_drop(case: Case) -> Trial:
    """A loss is one of now, in each key alike; the baseline does not change."""
    assert case.baseline is not None
    keys = compared_keys(case.gate, case.settings)
    many, each = len(keys), 1 / len(keys)
    both = [case.baseline(key).right for key in keys] + rights(case, keys)
    factors, effects = [each] * many + [-each] * many, [0.0] * many + [each] * many
    return shares(case, keys[0], both, factors, effects)


def mce(case: Case) -> Trial:
    """A loss is one of the same accuracy in each cell; the reference's errors do not change."""
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
        return shares(case, keys[0], rights(case, keys), factors, effects, total)
    # Errors under corruption, less those on the clean images.
    right = rights(case, [*keys, CleanKey()])
    return shares(case, keys[0], right, [*factors, total], [*effects, 0.0])


def crossing_severity(case: Case) -> Trial:
    """A loss is one of accuracy at each severity."""
    assert case.gate.at is not None
    cells = [cell for cell in cells_of(case.gate, case.settings) if cell.row == case.key]
    cells.sort(key=lambda cell: cell.severity)
    found = counted(case, rights(case, cells), case.measure(cells[0]))
    return Crossing(found, np.array([cell.severity for cell in cells], float), case.gate.at)

"""Metrics: from measurements to a value, its confidence bounds, and the images it rests on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import Key
from pytest_failcond.records.measurements import Predictions
from pytest_failcond.statistics.bounds import Side, mean_bound, proportion_bound
from pytest_failcond.statistics.paired import paired_counts, paired_drop_bound

Measure = Callable[[Key], Any]
"""Gives the measurement of a key; raises a FailcondError if there is none."""

Bound = Callable[[float, Side], "float | None"]
"""(confidence, side) → confidence bound of a value; None: beyond the tested range."""

NAMED = 10
"""Classes that a message names at most."""


@dataclass(frozen=True)
class Value:
    """A measured value, its bounds, and the images that it rests on.

    ``untested`` is the reason why nothing can be claimed at the threshold, if there is one.
    """

    value: float | None
    bound: Bound
    n: int
    untested: str = ""


@dataclass(frozen=True)
class Case:
    """The inputs of a metric: a gate, its key, and the source of measurements.

    ``class_index`` is the class of a check of a gate with ``by_class``.
    """

    gate: GateSettings
    key: Key
    measure: Measure
    settings: Settings
    class_names: Sequence[str]
    class_index: int | None = None
    baseline: Measure | None = None
    reference: Measure | None = None

    def selected(self, measured: Predictions) -> npt.NDArray[np.int64]:
        """Return the rows of the images of the check's class, ascending.

        Raises:
            FailcondError: there are none.
        """
        if self.class_index is not None:
            names: Sequence[str] = [self.class_names[self.class_index]]
            rows = measured.rows_of(self.class_index)
        elif self.gate.classes is not None:
            names = self.gate.classes
            chosen = [i for i, name in enumerate(self.class_names) if name in names]
            rows = np.sort(np.concatenate([measured.rows_of(-1), *map(measured.rows_of, chosen)]))
        else:
            return np.arange(measured.total)
        if not len(rows):
            some = ", ".join(map(repr, names[:NAMED]))
            raise FailcondError(
                f"gate {self.gate.id!r}: there are no images of the classes {some}"
                f"{', …' if len(names) > NAMED else ''}"
            )
        return rows


def accuracy(case: Case) -> Value:
    """Share of the images that are right."""
    measured: Predictions = case.measure(case.key)
    right = measured.right[case.selected(measured)]
    return share(int(right.sum()), len(right))


def share(count: int, total: int, untested: str = "") -> Value:
    """A share of images, with its exact bound."""
    return Value(
        count / total,
        lambda confidence, side: proportion_bound(count, total, confidence, side),
        total,
        untested,
    )


def drop(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> Value:
    """Loss in accuracy on the same images, with its paired bound."""
    counts = paired_counts(before, after)
    _, lost, gained, _ = counts
    return Value(
        (lost - gained) / len(before),
        lambda confidence, side: paired_drop_bound(*counts, confidence, side),
        len(before),
    )


def mean_drop(per_image: npt.NDArray[np.float64]) -> Value:
    """Return the mean of each image's drop, in [-1, 1] and ``[N]``, bounded over images."""
    return Value(
        float(per_image.mean()),
        lambda confidence, side: 2 * mean_bound((per_image + 1) / 2, confidence, side) - 1,
        len(per_image),
    )

"""Metrics: from measurements to a value, its confidence bounds, and the images it rests on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.corruption import cells_of
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.keys import CleanKey, Key, RowKey
from pytest_failcond.probes.regression import compared_keys
from pytest_failcond.records.measurements import Measurement, Predictions
from pytest_failcond.statistics.bounds import (
    Side,
    breaking_shift_bound,
    crossing_shift,
    mean_bound,
    paired_counts,
    paired_drop_bound,
    proportion_bound,
    valid_range_bound,
)

Measure = Callable[[Key], Any]
"""Gives the measurement of a key; raises a FailcondError where there is none."""

Bound = Callable[[float, Side], "float | None"]
"""(confidence, side) → confidence bound of a value; None: beyond all that was tested."""


_BEYOND = 7.0  # two over the highest severity
NAMED = 10
"""Classes that a message names at most."""


@dataclass(frozen=True)
class Value:
    """A measured value, its bounds, and the images that it rests on.

    ``untested`` says why nothing can be claimed at the threshold, where that is so.
    """

    value: float | None
    bound: Bound
    n: int
    untested: str = ""


@dataclass(frozen=True)
class Case:
    """What a metric is computed from: a gate, the key it is held against, and who measures.

    ``class_index`` is the class that a check of a gate with ``by_class`` is about.
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
        """Return the rows of the images whose true class the check is about, ascending.

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
    return _share(int(right.sum()), len(right))


def _share(count: int, total: int, untested: str = "") -> Value:
    """A share of images, with its exact bound."""
    return Value(
        count / total,
        lambda confidence, side: proportion_bound(count, total, confidence, side),
        total,
        untested,
    )


def _drop(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> Value:
    """Loss in accuracy on the same images, with its paired bound."""
    counts = paired_counts(before, after)
    _, lost, gained, _ = counts
    return Value(
        (lost - gained) / len(before),
        lambda confidence, side: paired_drop_bound(*counts, confidence, side),
        len(before),
    )


def accuracy_drop(case: Case) -> Value:
    """Accuracy on the clean images, minus that on the key's."""
    clean, corrupted = case.measure(CleanKey()), case.measure(case.key)
    selected = case.selected(clean)
    return _drop(clean.right[selected], corrupted.right[selected])


def regression_drop(case: Case) -> Value:
    """The baseline's accuracy, minus that of now, on the same images."""
    assert case.baseline is not None
    then, now = case.baseline(case.key), case.measure(case.key)
    selected = case.selected(now)
    return _drop(then.right[selected], now.right[selected])


def negative_flips(case: Case) -> Value:
    """Share of the images that the baseline had right and that are lost."""
    assert case.baseline is not None
    then, now = case.baseline(case.key), case.measure(case.key)
    selected = case.selected(now)
    _, lost, _, _ = paired_counts(then.right[selected], now.right[selected])
    return _share(lost, len(selected))


def mean_regression_drop(case: Case) -> Value:
    """Mean over keys of the drops since the baseline, bounded over images."""
    assert case.baseline is not None
    keys = compared_keys(case.gate, case.settings)
    pairs = [(case.baseline(key), case.measure(key)) for key in keys]
    selected = case.selected(pairs[0][1])
    drops = [np.subtract(*(m.right[selected].astype(float) for m in pair)) for pair in pairs]
    return mean_drop(np.mean(drops, axis=0))


def mean_drop(per_image: npt.NDArray[np.float64]) -> Value:
    """Return the mean of each image's drop, in [-1, 1] and ``[N]``, bounded over images."""
    return Value(
        float(per_image.mean()),
        lambda confidence, side: 2 * mean_bound((per_image + 1) / 2, confidence, side) - 1,
        len(per_image),
    )


def mean_accuracy(case: Case) -> Value:
    """Mean over cells, bounded over images: cells of the same images are not independent."""
    cells = [case.measure(cell) for cell in cells_of(case.gate, case.settings)]
    selected = case.selected(cells[0])
    per_image = np.mean([cell.right[selected] for cell in cells], axis=0)
    return Value(
        float(per_image.mean()),
        lambda confidence, side: mean_bound(per_image, confidence, side),
        len(per_image),
    )


def mce(case: Case) -> Value:
    """Mean over corruptions of the error, over that of the reference (arXiv 1903.12261, sect. 4.1)."""
    return _relative_to_reference(case, clean=False)


def relative_mce(case: Case) -> Value:
    """The same of the errors that the corruptions add to those on the clean images."""
    return _relative_to_reference(case, clean=True)


def _relative_to_reference(case: Case, *, clean: bool) -> Value:
    """Bounded over images, the reference's errors taken as they are."""
    shares, widest = [], 0.0
    rows = reference_divisors(case, clean=clean)
    for keys, divisor in rows:
        shares.append(_errors(case.measure, keys, clean) / divisor)
        widest += 1 / divisor / len(rows)
    per_image = np.mean(shares, axis=0)
    least = -widest if clean else 0.0

    def bound(confidence: float, side: Side) -> float:
        scaled = np.clip((per_image - least) / (widest - least), 0, 1)
        return mean_bound(scaled, confidence, side) * (widest - least) + least

    return Value(float(per_image.mean()), bound, len(per_image))


def reference_divisors(case: Case, *, clean: bool) -> list[tuple[list[Key], float]]:
    """Return the cells of each corruption, and the reference's mean error on them.

    Raises:
        FailcondError: the reference makes no error under a corruption.
    """
    assert case.reference is not None
    cells: dict[str, list[Key]] = {}
    for key in cells_of(case.gate, case.settings):
        cells.setdefault(key.corruption, []).append(key)
    divisors = []
    for name, keys in cells.items():
        divisor = float(_errors(case.reference, keys, clean).mean())
        if divisor <= 0:
            what = "adds none" if clean else "makes none"
            raise FailcondError(
                f"gate {case.gate.id!r}: {name} is measured by the errors of the reference, which "
                f"{what} there; leave it out by corruptions = [...], or take another reference"
            )
        divisors.append((keys, divisor))
    return divisors


def _errors(measure: Measure, keys: list[Key], clean: bool) -> npt.NDArray[np.float64]:
    """Return each image's mean error over cells, less that on its clean image, ``[N]``."""
    errors = np.mean([~measure(key).right for key in keys], axis=0)
    return np.asarray(errors - ~measure(CleanKey()).right if clean else errors)


def crossing_severity(case: Case) -> Value:
    """The least severity of a row at which accuracy is under a level; None: at none.

    What is claimed under a threshold is claimed of every severity under it, so all must be measured.
    """
    assert case.gate.at is not None
    assert isinstance(case.key, RowKey)
    level = case.gate.at
    counts = []
    for cell in cells_of(case.gate, case.settings):
        if cell.row == case.key:
            measured: Measurement = case.measure(cell)
            right = measured.right[case.selected(measured)]
            counts.append((cell.severity, int(right.sum()), len(right)))
    if not counts:
        raise FailcondError(f"gate {case.gate.id!r}: there are no cells of {case.key.corruption}")
    counts.sort()

    # Severities end at 5: a threshold beyond the one after is never tested that far.
    under = range(1, ceil(min(case.gate.threshold, _BEYOND)))
    unseen = set(under) - {severity for severity, *_ in counts}

    def first(accuracy: Callable[[int, int], float]) -> float | None:
        under = (severity for severity, right, n in counts if accuracy(right, n) < level)
        return next(map(float, under), None)

    return Value(
        first(lambda right, n: right / n),
        lambda confidence, side: first(
            lambda right, n: proportion_bound(right, n, confidence, side)
        ),
        counts[0][2],
        untested=f"tested at {_severities([s for s, *_ in counts])} only" if unseen else "",
    )


def _severities(some: Sequence[int]) -> str:
    """Name severities: ``severity 1``, ``severities 1, 2``."""
    return f"{'severity' if len(some) == 1 else 'severities'} {', '.join(map(str, some))}"


def breaking_shift(case: Case) -> Value:
    """Breaking shift within what was tested: beyond the valid range nothing is claimed."""
    direction: Direction = case.measure(case.key)
    curve, tested = direction.curve, direction.tested_to
    steps = int(np.searchsorted(curve.shift, tested + 1e-9))
    shifts, broken = np.array(curve.shift[:steps]), np.array(curve.broken[:steps])
    return Value(
        crossing_shift(shifts, broken, direction.total),
        lambda confidence, side: breaking_shift_bound(
            shifts, broken, direction.total, confidence, side
        ),
        direction.total,
        untested="" if case.gate.threshold <= tested else f"tested to {tested:.1f} σ only",
    )


def broken_share(case: Case) -> Value:
    """Share of the start images that are broken by a shift."""
    direction: Direction = case.measure(case.key)
    assert case.gate.at is not None
    tested = direction.tested_to
    untested = "" if case.gate.at <= tested else f"tested to {tested:.1f} σ only"
    return _share(direction.broken_by(min(case.gate.at, tested)), direction.total, untested)


def valid_range(case: Case) -> Value:
    """Valid range: up to which shift the judge accepts 80 % of the images."""
    direction: Direction = case.measure(case.key)
    if direction.valid_range is None:
        raise FailcondError(
            f"gate {case.gate.id!r}: a valid range is what a judge says; set judge = "
            '"module:callable" in [tool.failcond]'
        )
    curve = direction.curve
    return Value(
        direction.valid_range,
        lambda confidence, side: valid_range_bound(
            curve.shift, curve.accepted, direction.total, confidence, side
        ),
        direction.total,
    )

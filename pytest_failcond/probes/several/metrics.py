"""The metrics of several cells together, bounded over images. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.corruption import cells_of
from pytest_failcond.probes.keys import CleanKey, Key, RowKey
from pytest_failcond.probes.regression import compared_keys
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.statistics.bounds import Side, mean_bound, proportion_bound
from pytest_failcond.verdicts.metrics import Case, Measure, Value, mean_drop

_BEYOND = 7.0  # two over the highest severity


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


def mean_regression_drop(case: Case) -> Value:
    """Mean over keys of the drops since the baseline, bounded over images."""
    assert case.baseline is not None
    keys = compared_keys(case.gate, case.settings)
    pairs = [(case.baseline(key), case.measure(key)) for key in keys]
    selected = case.selected(pairs[0][1])
    drops = [np.subtract(*(m.right[selected].astype(float) for m in pair)) for pair in pairs]
    return mean_drop(np.mean(drops, axis=0))


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
                f"gate {case.gate.id!r}: {name} is relative to the errors of the reference, which "
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

    A claim under a threshold is about every severity under it, so all must be measured.
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

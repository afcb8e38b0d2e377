"""Gates: a threshold of the configuration, applied to measurements, gives checks with verdicts. Pure.

A threshold is held against the measured value and against a one-sided confidence bound that speaks
of new images of the same kind; on this fixed set of images the value itself is exact.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.keys import CleanKey, CorruptionKey, parse_key
from pytest_failcond.measurements import Direction, Measurement
from pytest_failcond.settings import CORNER_CASE_METRICS, MEAN_METRICS, GateSettings, Settings
from pytest_failcond.statistics import (
    Side,
    adjusted,
    breaking_shift_bound,
    crossing_shift,
    mean_bound,
    paired_counts,
    paired_drop_bound,
    proportion_bound,
)

VerdictName = Literal["passed", "marginal", "failed", "error", "not_evaluated"]
_ORDER: tuple[VerdictName, ...] = ("passed", "marginal", "not_evaluated", "error", "failed")
Measure = Callable[[str], Any]
"""Gives the measurement of a key."""

MEAN_KEY = "corruptions"
"""Stands for all selected cells together, as the key of a check over several of them."""


@dataclass(frozen=True)
class Check:
    """A gate applied to one key.

    Attributes:
        gate, metric, level: the gate's.
        key: what was checked.
        value: measured; None for a breaking shift beyond the walk, or where nothing was measured.
        bound: the one-sided confidence bound on the side of the threshold: for a value that holds
            the worst, for one that fails the best, that the data allow.
        threshold: of the gate; ``keeps_above`` says which side of it is good.
        n: images that the value rests on.
        verdict: see `Verdict` in the README.
        certain: for a failure, whether the bound, adjusted for the gate's number of checks,
            excludes the threshold too.
        reason: one sentence for whoever reads the verdict.
        at: the shift that a broken share is of, σ, or the accuracy that a severity is crossed at.
        waived: the reason for which a failure is expected, while that holds.
    """

    gate: str
    metric: str
    level: Literal["fail", "warn"]
    key: str
    value: float | None
    bound: float | None
    threshold: float
    keeps_above: bool
    n: int
    verdict: VerdictName
    certain: bool
    reason: str
    at: float | None = None
    waived: str | None = None

    @property
    def margin(self) -> float | None:
        """How far the value keeps from the threshold; negative if it crosses it."""
        if self.value is None:
            return None
        return (self.value - self.threshold) * (1 if self.keeps_above else -1)


def worst(verdicts: Iterable[VerdictName]) -> VerdictName:
    """Return the gravest verdict; ``passed`` for none."""
    return max(verdicts, key=_ORDER.index, default="passed")


def is_per_key(gate: GateSettings) -> bool:
    """Whether the gate gives one check per key, made by that key's test."""
    return gate.metric not in MEAN_METRICS and gate.metric != "crossing_severity"


def keys_over_cells(gate: GateSettings, settings: Settings) -> list[str]:
    """Return the keys of the checks of a gate over several cells: their mean, or each row."""
    if gate.metric != "crossing_severity":
        return [MEAN_KEY]
    rows = (cell.rpartition(":")[0] for cell in cells_of(gate, settings))
    return list(dict.fromkeys(rows))


def cells_of(gate: GateSettings, settings: Settings) -> list[str]:
    """Return the keys of the corruption cells that a gate selects."""
    grid = settings.corruptions
    if grid is None:
        return []
    names = gate.corruptions or grid.names
    severities = gate.severities or grid.severities
    return [str(CorruptionKey(name, severity)) for name in names for severity in severities]


def gates_for(key: str, settings: Settings, class_names: Sequence[str]) -> list[GateSettings]:
    """Return the gates that check this key by itself, in the configuration's order."""
    parsed = parse_key(key)
    chosen = []
    for gate in settings.gates:
        if isinstance(parsed, CleanKey):
            applies = gate.metric == "clean_accuracy"
        elif isinstance(parsed, CorruptionKey):
            applies = gate.metric in ("accuracy", "accuracy_drop") and key in cells_of(
                gate, settings
            )
        else:
            named = class_names[parsed.class_index] if gate.classes else None
            applies = gate.metric in CORNER_CASE_METRICS and (
                gate.classes is None or named in gate.classes
            )
        if applies:
            chosen.append(gate)
    return chosen


def number_of_checks(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> int:
    """Return how many checks a gate makes in a whole run, for the correction of `certain`."""
    if gate.metric == "clean_accuracy":
        return 1
    if not is_per_key(gate):
        return len(keys_over_cells(gate, settings))
    if gate.metric in CORNER_CASE_METRICS:
        return max(1, len(gate.classes or class_names) * settings.corner_cases.top)
    return max(1, len(cells_of(gate, settings)) + (gate.metric == "regression_drop"))


Bound = Callable[[float, Side], "float | None"]
"""(confidence, side) → confidence bound of a value; None: beyond all that was tested."""


@dataclass(frozen=True)
class _Value:
    """A measured value, its bounds, and the images that it rests on.

    ``untested`` says why nothing can be claimed at the threshold, where that is so.
    """

    value: float | None
    bound: Bound
    n: int
    untested: str = ""


@dataclass(frozen=True)
class _Case:
    """What a metric is computed from."""

    gate: GateSettings
    key: str
    measure: Measure
    settings: Settings
    class_names: Sequence[str]
    baseline: Measure | None
    reference: Measure | None

    def selected(self, measured: Measurement) -> npt.NDArray[np.bool_]:
        """Return which images' true class the gate selects, ``[N]``."""
        if self.gate.classes is None:
            return np.ones(measured.total, dtype=bool)
        chosen = [i for i, name in enumerate(self.class_names) if name in self.gate.classes]
        selected: npt.NDArray[np.bool_] = np.isin(measured.labels, chosen)
        if not selected.any():
            raise FailcondError(
                f"gate {self.gate.id!r}: there are no images of the classes "
                f"{list(self.gate.classes)}"
            )
        return selected


NO_BASELINE = "there is no baseline to compare with; give a run file with --failcond-compare=PATH"


def check(
    gate: GateSettings,
    key: str,
    measure: Measure,
    settings: Settings,
    class_names: Sequence[str],
    *,
    baseline: Measure | None = None,
    reference: Measure | None = None,
    today: datetime.date | None = None,
) -> Check:
    """Apply a gate to one key (`MEAN_KEY` for a gate over several cells).

    Raises:
        FailcondError: something could not be measured.
    """
    if gate.metric == "regression_drop" and baseline is None:
        return _make(gate, key, "not_evaluated", NO_BASELINE)
    case = _Case(gate, key, measure, settings, class_names, baseline, reference)
    found = _METRICS[gate.metric](case)
    checks = number_of_checks(gate, settings, class_names)
    return _waive(_judge(gate, key, found, settings.confidence, checks), gate, today)


def unmeasured(gate: GateSettings, key: str, reason: str) -> Check:
    """Return the check of something that could not be measured: an error, never a pass."""
    return _make(gate, key, "error", reason)


def _make(
    gate: GateSettings,
    key: str,
    verdict: VerdictName,
    reason: str,
    *,
    value: float | None = None,
    bound: float | None = None,
    n: int = 0,
    certain: bool = False,
) -> Check:
    return Check(
        gate=gate.id,
        metric=gate.metric,
        level=gate.level,
        key=key,
        value=value,
        bound=bound,
        threshold=gate.threshold,
        keeps_above=gate.keeps_above,
        n=n,
        verdict=verdict,
        certain=certain,
        reason=reason,
        at=gate.at,
    )


def _judge(gate: GateSettings, key: str, found: _Value, confidence: float, checks: int) -> Check:
    """Hold value and bound against the threshold (None, beyond all that was tested, is above it)."""

    def holds(value: float | None) -> bool:
        if value is None:
            return True
        return value >= gate.threshold if gate.keeps_above else value <= gate.threshold

    worse: Side = "lower" if gate.keeps_above else "upper"
    better: Side = "upper" if gate.keeps_above else "lower"
    if not holds(found.value):
        # A certain failure: even the best that the data allow crosses, for all checks of the gate.
        bound = found.bound(adjusted(confidence, checks), better)
        certain = not holds(bound)
        reason = _comparison(gate, found) + (
            ", beyond sampling noise" if certain else ", though within sampling noise"
        )
        verdict: VerdictName = "failed"
    else:
        bound, certain = found.bound(confidence, worse), False
        if found.untested:
            verdict, reason = "marginal", found.untested
        elif holds(bound):
            verdict, reason = "passed", ""
        else:
            verdict = "marginal"
            reason = f"holds, but its {confidence:.0%} bound is {_number(gate, bound)}"
    return _make(
        gate, key, verdict, reason, value=found.value, bound=bound, n=found.n, certain=certain
    )


def _waive(checked: Check, gate: GateSettings, today: datetime.date | None) -> Check:
    """Note on a check that is expected to fail whether it may."""
    if gate.expected_fail is None:
        return checked
    expired = gate.until is not None and (today or datetime.date.today()) > gate.until
    if checked.verdict == "failed" and not expired:
        return replace(checked, waived=gate.expected_fail)
    if checked.verdict == "failed":
        return replace(checked, reason=f"{checked.reason}; its waiver expired on {gate.until}")
    return checked


def note_idle_waiver(gate: GateSettings, checks: Sequence[Check]) -> list[Check]:
    """Say on all checks of a waived gate that they hold, where not one needed the waiver."""
    idle = gate.expected_fail is not None and all(
        check.verdict in ("passed", "marginal") for check in checks
    )
    note = "waived, but it holds: drop the waiver"
    return [replace(c, reason=f"{c.reason}; {note}".lstrip("; ")) if idle else c for c in checks]


def _comparison(gate: GateSettings, found: _Value) -> str:
    relation = "under" if gate.keeps_above else "over"
    return f"{_number(gate, found.value)} is {relation} {_number(gate, gate.threshold)}"


def _number(gate: GateSettings, value: float | None) -> str:
    return "beyond all that was tested" if value is None else amount(gate.metric, value)


def amount(metric: str, value: float) -> str:
    """Format a value, a bound or a threshold of a metric."""
    if metric == "crossing_severity":
        return f"{value:g}"
    return f"{value:.1f} σ" if metric == "breaking_shift" else f"{value:.4f}"


def _accuracy(case: _Case) -> _Value:
    measured: Measurement = case.measure(case.key)
    right = measured.right[case.selected(measured)]
    correct, total = int(right.sum()), len(right)
    return _Value(
        correct / total,
        lambda confidence, side: proportion_bound(correct, total, confidence, side),
        total,
    )


def _drop(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> _Value:
    """Loss in accuracy on the same images, with its paired bound."""
    counts = paired_counts(before, after)
    _, lost, gained, _ = counts
    return _Value(
        (lost - gained) / len(before),
        lambda confidence, side: paired_drop_bound(*counts, confidence, side),
        len(before),
    )


def _accuracy_drop(case: _Case) -> _Value:
    clean, corrupted = case.measure("clean"), case.measure(case.key)
    selected = case.selected(clean)
    return _drop(clean.right[selected], corrupted.right[selected])


def _regression_drop(case: _Case) -> _Value:
    assert case.baseline is not None
    then, now = case.baseline(case.key), case.measure(case.key)
    selected = case.selected(now)
    return _drop(then.right[selected], now.right[selected])


def _mean_accuracy(case: _Case) -> _Value:
    """Mean over cells, bounded over images: cells of the same images are not independent."""
    cells = [case.measure(cell) for cell in cells_of(case.gate, case.settings)]
    selected = case.selected(cells[0])
    per_image = np.mean([cell.right[selected] for cell in cells], axis=0)
    return _Value(
        float(per_image.mean()),
        lambda confidence, side: mean_bound(per_image, confidence, side),
        len(per_image),
    )


def _mce(case: _Case) -> _Value:
    """Mean over corruptions of the error, over that of the reference (arXiv 1903.12261, sect. 4.1)."""
    return _relative_to_reference(case, clean=False)


def _relative_mce(case: _Case) -> _Value:
    """The same of the errors that the corruptions add to those on the clean images."""
    return _relative_to_reference(case, clean=True)


def _relative_to_reference(case: _Case, *, clean: bool) -> _Value:
    """Bounded over images, the reference's errors taken as they are."""
    assert case.reference is not None
    cells: dict[str, list[str]] = {}
    for key in cells_of(case.gate, case.settings):
        cells.setdefault(key.split(":")[1], []).append(key)

    def added(measure: Measure, keys: list[str]) -> npt.NDArray[np.float64]:
        errors = np.mean([~measure(key).right for key in keys], axis=0)
        return np.asarray(errors - ~measure("clean").right if clean else errors)

    shares, widest = [], 0.0
    for name, keys in cells.items():
        divisor = float(added(case.reference, keys).mean())
        if divisor <= 0:
            what = "adds none" if clean else "makes none"
            raise FailcondError(
                f"gate {case.gate.id!r}: {name} is measured by the errors of the reference, which "
                f"{what} there; leave it out by corruptions = [...], or take another reference"
            )
        shares.append(added(case.measure, keys) / divisor)
        widest += 1 / divisor / len(cells)
    per_image = np.mean(shares, axis=0)
    least = -widest if clean else 0.0

    def bound(confidence: float, side: Side) -> float:
        scaled = np.clip((per_image - least) / (widest - least), 0, 1)
        return mean_bound(scaled, confidence, side) * (widest - least) + least

    return _Value(float(per_image.mean()), bound, len(per_image))


def _crossing_severity(case: _Case) -> _Value:
    """The least severity of a row at which accuracy is under a level; None: at none."""
    assert case.gate.at is not None
    level, name = case.gate.at, case.key.partition(":")[2]
    counts = []
    for cell in cells_of(case.gate, case.settings):
        if cell.rpartition(":")[0] == case.key:
            measured: Measurement = case.measure(cell)
            right = measured.right[case.selected(measured)]
            counts.append((int(cell.rpartition(":")[2]), int(right.sum()), len(right)))
    if not counts:
        raise FailcondError(f"gate {case.gate.id!r}: there are no cells of {name}")
    counts.sort()

    def first(accuracy: Callable[[int, int], float]) -> float | None:
        under = (severity for severity, right, n in counts if accuracy(right, n) < level)
        return next(map(float, under), None)

    return _Value(
        first(lambda right, n: right / n),
        lambda confidence, side: first(
            lambda right, n: proportion_bound(right, n, confidence, side)
        ),
        counts[0][2],
    )


def _breaking_shift(case: _Case) -> _Value:
    """Breaking shift within what was tested: beyond the valid range nothing is claimed."""
    direction: Direction = case.measure(case.key)
    curve, tested = direction.curve, direction.tested_to
    steps = int(np.searchsorted(curve.shift, tested + 1e-9))
    shifts, broken = np.array(curve.shift[:steps]), np.array(curve.broken[:steps])
    return _Value(
        crossing_shift(shifts, broken, direction.total),
        lambda confidence, side: breaking_shift_bound(
            shifts, broken, direction.total, confidence, side
        ),
        direction.total,
        untested="" if case.gate.threshold <= tested else f"tested to {tested:.1f} σ only",
    )


def _broken_share(case: _Case) -> _Value:
    direction: Direction = case.measure(case.key)
    assert case.gate.at is not None
    tested = direction.tested_to
    broken, total = direction.broken_by(min(case.gate.at, tested)), direction.total
    return _Value(
        broken / total,
        lambda confidence, side: proportion_bound(broken, total, confidence, side),
        total,
        untested="" if case.gate.at <= tested else f"tested to {tested:.1f} σ only",
    )


_METRICS: dict[str, Callable[[_Case], _Value]] = {
    "clean_accuracy": _accuracy,
    "accuracy": _accuracy,
    "accuracy_drop": _accuracy_drop,
    "mean_corruption_accuracy": _mean_accuracy,
    "mce": _mce,
    "relative_mce": _relative_mce,
    "crossing_severity": _crossing_severity,
    "breaking_shift": _breaking_shift,
    "broken_share": _broken_share,
    "regression_drop": _regression_drop,
}

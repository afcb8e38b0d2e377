"""Gates: a threshold of the configuration, applied to measurements, gives checks with verdicts. Pure.

A threshold is compared with the measured value and with a one-sided confidence bound, which is
about new images of the same kind; on this fixed set of images the value itself is exact.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import NotEvaluated
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.registry import METRICS, PROBES
from pytest_failcond.probes.regression import PROBE as REGRESSION
from pytest_failcond.statistics.bounds import Side, adjusted
from pytest_failcond.verdicts.metrics import Case, Measure, Value
from pytest_failcond.verdicts.plan import number_of_checks
from pytest_failcond.words.printing import count

VerdictName = Literal["passed", "marginal", "failed", "error", "not_evaluated"]
_ORDER: tuple[VerdictName, ...] = ("passed", "marginal", "not_evaluated", "error", "failed")
WITHIN_NOISE = "holds, though only within sampling noise"
NO_BASELINE = "there is no baseline to compare with"


@dataclass(frozen=True)
class Check:
    """A gate applied to one key.

    Attributes:
        gate, metric, level: the gate's.
        key: the checked key.
        value: measured; None for a breaking shift beyond the walk, or if nothing was measured.
        bound: the one-sided confidence bound on the side of the threshold: for a value that holds
            the worst, for one that fails the best, that the data allow.
        threshold: of the gate; ``keeps_above``: whether the good side is above it.
        n: images that the value rests on.
        verdict: see docs/report.md.
        certain: for a failure, whether the bound, adjusted for the gate's number of checks,
            excludes the threshold too.
        reason: one sentence on the verdict.
        at: the shift of a broken share, σ, or the accuracy of a crossing severity.
        waived: the reason for which a failure is expected, while that holds, and the waiver's end.
        class_index: the class of a check of a gate with ``by_class``.
    """

    gate: str
    metric: str
    level: Literal["fail", "warn"]
    key: Key
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
    class_index: int | None = None

    @property
    def against_baseline(self) -> bool:
        """Whether it compares its key with a baseline."""
        return self.metric in {metric.name for metric in REGRESSION.metrics}

    @property
    def margin(self) -> float | None:
        """The distance of the value from the threshold; negative if it crosses it."""
        if self.value is None:
            return None
        return (self.value - self.threshold) * (1 if self.keeps_above else -1)


@dataclass(frozen=True)
class GateResult:
    """A gate and its checks."""

    id: str
    metric: str
    level: str
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> VerdictName | Literal["waived"]:
        """The gravest verdict of the checks that are not waived; ``waived`` if all are."""
        if self.checks and all(check.waived is not None for check in self.checks):
            return "waived"
        return worst(check.verdict for check in self.checks if check.waived is None)


def worst(verdicts: Iterable[VerdictName]) -> VerdictName:
    """Return the gravest verdict; ``passed`` for none."""
    return max(verdicts, key=_ORDER.index, default="passed")


def check(
    gate: GateSettings,
    key: Key,
    measure: Measure,
    settings: Settings,
    class_names: Sequence[str],
    *,
    class_index: int | None = None,
    baseline: Measure | None = None,
    no_baseline: str = NO_BASELINE,
    reference: Measure | None = None,
    today: datetime.date | None = None,
    checks: int | None = None,
) -> Check:
    """Apply a gate to one key (`MeanKey` for a gate over several cells), or to one class of it.

    ``no_baseline`` is the reason why there is none; ``checks`` is the number of the gate's checks
    in all, if it is already counted.

    Raises:
        FailcondError: a key could not be measured.
    """
    if METRICS[gate.metric].needs_baseline and baseline is None:
        return _make(gate, key, "not_evaluated", no_baseline, class_index=class_index)
    case = Case(gate, key, measure, settings, class_names, class_index, baseline, reference)
    try:
        found = METRICS[gate.metric].compute(case)
    except NotEvaluated as why:
        return _make(gate, key, "not_evaluated", str(why), class_index=class_index)
    if gate.min_n is not None and found.n < gate.min_n:
        few = f"rests on {count(found.n, 'image')}, fewer than min_n = {gate.min_n}"
        return replace(unmeasured(gate, key, few, class_index), value=found.value, n=found.n)
    if checks is None:
        checks = number_of_checks(gate, settings, class_names)
    return _waive(_judge(case, found, settings.confidence, checks), gate, today)


def unmeasured(gate: GateSettings, key: Key, reason: str, class_index: int | None = None) -> Check:
    """Return the check of a key that could not be measured: an error, never a pass."""
    return _make(gate, key, "error", reason, class_index=class_index)


def _make(
    gate: GateSettings,
    key: Key,
    verdict: VerdictName,
    reason: str,
    *,
    value: float | None = None,
    bound: float | None = None,
    n: int = 0,
    certain: bool = False,
    class_index: int | None = None,
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
        class_index=class_index,
    )


def _judge(case: Case, found: Value, confidence: float, checks: int) -> Check:
    """Compare value and bound with the threshold."""
    gate = case.gate
    worse: Side = "lower" if gate.keeps_above else "upper"
    better: Side = "upper" if gate.keeps_above else "lower"
    if not gate.holds(found.value):
        # A certain failure: even the best bound of all checks of the gate crosses.
        bound = found.bound(adjusted(confidence, checks), better)
        certain = not gate.holds(bound)
        reason = _comparison(gate, found) + (
            ", beyond sampling noise" if certain else ", within sampling noise"
        )
        verdict: VerdictName = "failed"
    else:
        bound, certain = found.bound(confidence, worse), False
        if found.untested:
            verdict, reason = "marginal", found.untested
        elif gate.holds(bound):
            verdict, reason = "passed", ""
        else:
            verdict = "marginal"
            reason = WITHIN_NOISE
    return _make(
        gate,
        case.key,
        verdict,
        reason,
        value=found.value,
        bound=bound,
        n=found.n,
        certain=certain,
        class_index=case.class_index,
    )


def _waive(checked: Check, gate: GateSettings, today: datetime.date | None) -> Check:
    """Note the waiver on a check that is expected to fail."""
    if gate.expected_fail is None:
        return checked
    expired = gate.until is not None and (today or datetime.date.today()) > gate.until
    if checked.verdict == "failed" and not expired:
        day = "" if gate.until is None else f" (until {gate.until})"
        return replace(checked, waived=f"{gate.expected_fail}{day}")
    if checked.verdict == "failed":
        return replace(checked, reason=f"{checked.reason}; its waiver expired on {gate.until}")
    return checked


def note_idle_waiver(gate: GateSettings, checks: Sequence[Check]) -> list[Check]:
    """Note on all checks of a waived gate that they hold, if none needed the waiver."""
    idle = gate.expected_fail is not None and all(
        check.verdict in ("passed", "marginal") for check in checks
    )
    note = "waived, but it holds: drop the waiver"
    return [replace(c, reason=f"{c.reason}; {note}".lstrip("; ")) if idle else c for c in checks]


def _comparison(gate: GateSettings, found: Value) -> str:
    relation = "under" if gate.keeps_above else "over"
    return f"{_number(gate, found.value)} is {relation} {_number(gate, gate.threshold)}"


def _number(gate: GateSettings, value: float | None) -> str:
    return "beyond the tested range" if value is None else amount(gate.metric, value)


def unit(metric: str) -> str:
    """Return the unit of a metric: `` σ``, or nothing."""
    return " σ" if PROBES.metric(metric).in_sigma else ""


def held_against(check: Check) -> str:
    """Return a value and its threshold in the fewest characters: ``0.0345>0.02``."""
    assert check.value is not None
    holds = check.verdict != "failed"
    sign = ("≥" if holds else "<") if check.keeps_above else ("≤" if holds else ">")
    threshold = f"{check.threshold:zg}{unit(check.metric)}"
    return f"{amount(check.metric, check.value)}{sign}{threshold}".replace(" ", "")


def amount(metric: str, value: float) -> str:
    """Format a value, a bound or a threshold of a metric."""
    if PROBES.metric(metric).unit == "severity":
        return f"{value:zg}"
    return f"{value:z.{1 if PROBES.metric(metric).in_sigma else 4}f}{unit(metric)}"

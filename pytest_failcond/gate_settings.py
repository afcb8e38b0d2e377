"""What a gate may demand: metrics, and ``[[tool.failcond.gates]]``."""

from __future__ import annotations

import datetime
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from pytest_failcond.corruptions.names import check_severity
from pytest_failcond.errors import FailcondError, nearest


class Metric(BaseModel):
    """What a gate may measure.

    Attributes:
        bound: the threshold that makes sense for it.
        about: what one check of it is about.
        selectors: the selectors that apply.
        by_class: whether it can be checked class by class.
        in_sigma: whether its unit is σ.
        share: whether it is a share of images, or a difference of shares.
        needs_baseline: whether it compares with a baseline.
    """

    model_config = ConfigDict(frozen=True)
    bound: Literal["min", "max"]
    about: Literal["clean", "cell", "several cells", "direction", "baseline", "corpus"]
    selectors: frozenset[str] = frozenset({"classes"})
    by_class: bool = True
    in_sigma: bool = False
    needs_baseline: bool = False
    share: bool = True


_CELLS = frozenset({"corruptions", "severities", "classes"})
_GRID = _CELLS - {"classes"}
METRICS = {
    "clean_accuracy": Metric(bound="min", about="clean"),
    "accuracy": Metric(bound="min", about="cell", selectors=_CELLS),
    "accuracy_drop": Metric(bound="max", about="cell", selectors=_CELLS),
    "mean_corruption_accuracy": Metric(bound="min", about="several cells", selectors=_CELLS),
    "mce": Metric(bound="max", share=False, about="several cells", selectors=_GRID, by_class=False),
    "relative_mce": Metric(
        bound="max", share=False, about="several cells", selectors=_GRID, by_class=False
    ),
    "crossing_severity": Metric(bound="min", share=False, about="several cells", selectors=_CELLS),
    "breaking_shift": Metric(
        bound="min", share=False, about="direction", by_class=False, in_sigma=True
    ),
    "broken_share": Metric(bound="max", about="direction", by_class=False),
    "valid_range": Metric(
        bound="min", share=False, about="direction", by_class=False, in_sigma=True
    ),
    "corpus_accuracy": Metric(bound="min", about="corpus", by_class=False),
    "regression_drop": Metric(bound="max", about="baseline", selectors=_CELLS, needs_baseline=True),
    "mean_regression_drop": Metric(
        bound="max", about="several cells", selectors=_CELLS, needs_baseline=True
    ),
    "negative_flips": Metric(bound="max", about="baseline", selectors=_CELLS, needs_baseline=True),
}
REFERENCE_METRICS = frozenset({"mce", "relative_mce"})


class Table(BaseModel):
    """A table of the configuration: frozen, and without keys that are not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


def valid_severities(value: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """See that severities exist, and stand once."""
    for severity in value or ():
        try:
            check_severity(severity)
        except FailcondError as error:
            raise ValueError(str(error)) from error
    if value is not None and len(set(value)) < len(value):
        raise ValueError(f"{list(value)} names a severity twice")
    return value


class GateSettings(Table):
    """One ``[[tool.failcond.gates]]``: a threshold on a metric, over what the selectors select."""

    id: str = ""
    metric: str
    min: float | None = None
    max: float | None = None
    at: float | None = None
    level: Literal["fail", "warn"] = "fail"
    min_n: int | None = Field(None, ge=1)
    by_class: bool = False
    corruptions: tuple[str, ...] | None = None
    severities: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    expected_fail: str | None = None
    until: datetime.date | None = None

    _valid_severities = field_validator("severities")(valid_severities)

    @field_validator("until", mode="before")
    @classmethod
    def _day(cls, value: Any, info: ValidationInfo) -> Any:
        """A run file has the day as text, which TOML need not."""
        is_text = info.mode == "json" and isinstance(value, str)
        return datetime.date.fromisoformat(value) if is_text else value

    @field_validator("metric")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in METRICS:
            raise ValueError(f"unknown metric {value!r}{nearest(value, METRICS)}")
        return value

    @model_validator(mode="after")
    def _complete(self) -> GateSettings:
        metric = METRICS[self.metric]
        other = "max" if metric.bound == "min" else "min"
        if getattr(self, metric.bound) is None or getattr(self, other) is not None:
            raise ValueError(f"metric {self.metric!r} takes {metric.bound!r}, and not {other!r}")
        self._check_range(metric)
        if self.id and not re.fullmatch(r"[A-Za-z0-9_.-]+", self.id):
            raise ValueError(f"id {self.id!r}: use letters, digits, '_', '.' and '-'")
        if (self.at is None) == (self.metric in ("broken_share", "crossing_severity")):
            raise ValueError(
                "'at' goes with metric 'broken_share', as a shift in σ, and with "
                "'crossing_severity', as an accuracy, and only with these"
            )
        if self.metric == "crossing_severity" and not 0 < (self.at or 0) <= 1:
            raise ValueError(f"'at' of metric 'crossing_severity' is an accuracy, got {self.at}")
        if self.by_class and not metric.by_class:
            raise ValueError(f"metric {self.metric!r} takes no 'by_class'")
        if self.until is not None and self.expected_fail is None:
            raise ValueError("'until' needs 'expected_fail', the reason for the waiver")
        for selector in ("corruptions", "severities", "classes"):
            chosen = getattr(self, selector)
            if chosen is not None and selector not in metric.selectors:
                raise ValueError(f"metric {self.metric!r} takes no {selector!r}")
            if chosen == ():
                raise ValueError(f"selects nothing: {selector!r} is empty; leave it out for all")
        return self

    def _check_range(self, metric: Metric) -> None:
        """Refuse a share that no result can keep, or none can cross: a percentage, mostly."""
        if not metric.share:
            return
        fits = 0 < self.threshold <= 1 if self.keeps_above else -1 < self.threshold < 1
        if not fits:
            raise ValueError(
                f"{metric.bound} = {self.threshold:g}: metric {self.metric!r} is a share of the "
                f"images; give one like {0.95 if self.keeps_above else 0.05}, not a percentage"
            )

    @property
    def threshold(self) -> float:
        """The value that must be kept."""
        threshold = self.min if self.min is not None else self.max
        assert threshold is not None
        return threshold

    @property
    def keeps_above(self) -> bool:
        """Whether values under the threshold (rather than over it) fail."""
        return self.min is not None


def with_ids(gates: tuple[GateSettings, ...]) -> tuple[GateSettings, ...]:
    """Give each gate without an id a readable one, and refuse one that stands twice."""
    taken = [gate.id for gate in gates if gate.id]
    for gate_id in taken:
        if taken.count(gate_id) > 1:
            raise ValueError(f"gate id {gate_id!r} stands twice; ids are unique")
    named = []
    for gate in gates:
        if not gate.id:
            parts = [gate.metric.replace("_", "-")]
            parts += [str(v) for v in (gate.corruptions or ())[:3]]
            if gate.severities:
                parts.append("s" + "".join(map(str, gate.severities)))
            parts += [str(v) for v in (gate.classes or ())[:3]]
            slug = re.sub(r"[^A-Za-z0-9_.-]+", "", "-".join(parts))
            number = 2
            unique = slug
            while unique in taken:
                unique, number = f"{slug}-{number}", number + 1
            taken.append(unique)
            gate = gate.model_copy(update={"id": unique})
        named.append(gate)
    return tuple(named)

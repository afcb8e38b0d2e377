"""The demands of a gate: ``[[tool.failcond.gates]]``."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Hashable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pytest_failcond.corruptions.names import check_severity
from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.ranges import LONGEST_NAME, MIN_N, shorten
from pytest_failcond.storage.reading import Known

T = TypeVar("T", bound=Hashable)
SELECTORS = ("corruptions", "severities", "classes", "toward")


class Table(Known):
    """A table of the configuration: frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        if isinstance(value, str) and "\0" in value:
            raise ValueError(
                f"{value!r}: names and paths cannot contain a null character; remove it"
            )
        return tuple(value) if isinstance(value, list) else value


def valid_severities(value: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Check that severities exist, each once."""
    for severity in value or ():
        try:
            check_severity(severity)
        except FailcondError as error:
            raise ValueError(str(error)) from error
    return once(value)


def once(value: tuple[T, ...] | None) -> tuple[T, ...] | None:
    """Check that nothing is named twice: it would count twice."""
    for entry, number in Counter(value).items():
        if number > 1:
            raise ValueError(f"names {shorten(repr(entry))} twice; leave one out")
    return value


def short_name(value: str) -> str:
    """Check that a name, with the parts added to it, is not longer than a file's name may be."""
    if len(value) > LONGEST_NAME:
        raise ValueError(
            f"{shorten(value)!r} is too long: tests and files are named after it; "
            f"use at most {LONGEST_NAME} characters"
        )
    return value


class GateSettings(Table):
    """One ``[[tool.failcond.gates]]``: a threshold on a metric, over what the selectors select.

    `gate_rules` checks it against the rest of the configuration.
    """

    id: str = ""
    metric: str
    min: float | None = None
    max: float | None = None
    at: float | None = None
    level: Literal["fail", "warn"] = "fail"
    min_n: Annotated[int, AfterValidator(MIN_N.check)] | None = None
    by_class: bool = False
    corruptions: tuple[str, ...] | None = None
    severities: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    toward: tuple[str, ...] | None = None
    expected_fail: str | None = None
    until: datetime.date | None = None

    _valid_severities = field_validator("severities")(valid_severities)
    _named_once = field_validator("corruptions", "classes", "toward")(once)

    @field_validator("id")
    @classmethod
    def _plain(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9_.-]+", value):
            raise ValueError(f"{shorten(value)!r}: use letters, digits, '_', '.' and '-'")
        return short_name(value)

    @field_validator("expected_fail")
    @classmethod
    def _says_why(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is empty; give the reason for the waiver, or leave it out")
        return value

    @field_validator("until", mode="before")
    @classmethod
    def _day(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept the day as text: a run file has it so, TOML has dates."""
        if info.mode == "json" and isinstance(value, str):
            return datetime.date.fromisoformat(value)
        if value is not None and type(value) is not datetime.date:
            raise ValueError(f"{value!s}: give a day without quotes or time, like 2027-01-01")
        return value

    @field_validator("metric")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in METRICS:
            raise ValueError(f"unknown metric {shorten(value)!r}{nearest(value, METRICS)}")
        return value

    @model_validator(mode="after")
    def _complete(self) -> GateSettings:
        metric = METRICS[self.metric]
        other = "max" if metric.good == "min" else "min"
        if getattr(self, other) is not None:
            raise ValueError(f"metric {self.metric!r} takes {metric.good!r}, not {other!r}")
        if getattr(self, metric.good) is None:
            raise ValueError(f"metric {self.metric!r} needs its threshold, {metric.good!r}")
        if metric.at is not None and self.at is None:
            raise ValueError(f"metric {self.metric!r} needs 'at', {metric.at.kind}")
        if metric.at is None and self.at is not None:
            raise ValueError(f"metric {self.metric!r} takes no 'at'; leave it out")
        if self.by_class and not metric.by_class:
            raise ValueError(f"metric {self.metric!r} takes no 'by_class'")
        if self.until is not None and self.expected_fail is None:
            raise ValueError("'until' needs 'expected_fail', the reason for the waiver")
        for selector in SELECTORS:
            chosen = getattr(self, selector)
            if chosen is not None and selector not in metric.selectors:
                raise ValueError(f"metric {self.metric!r} takes no {selector!r}")
            if chosen == ():
                raise ValueError(f"selects nothing: {selector!r} is empty; leave it out for all")
        return self

    def holds(self, value: float | None) -> bool:
        """Whether a value is on the good side; None: beyond all that was tested, where ``min`` holds."""
        if value is None:
            return True
        return value >= self.threshold if self.keeps_above else value <= self.threshold

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
    """Give each gate without an id a readable one, and refuse repeated ids."""
    taken = {gate.id for gate in gates if gate.id}
    for gate_id, number in Counter(gate.id for gate in gates if gate.id).items():
        if number > 1:
            raise ValueError(f"two gates have the id {gate_id!r}; give each its own")
    named = []
    for gate in gates:
        if not gate.id:
            slug = _slug(gate)
            unique, number = slug, 2
            while unique in taken:
                unique, number = f"{slug}-{number}", number + 1
            taken.add(unique)
            gate = gate.model_copy(update={"id": unique})
        named.append(gate)
    return tuple(named)


def _slug(gate: GateSettings) -> str:
    parts = [gate.metric.replace("_", "-")]
    parts += [str(v) for v in (gate.corruptions or ())[:3]]
    if gate.severities:
        parts.append("s" + "".join(map(str, gate.severities)))
    parts += [str(v) for v in (gate.classes or ())[:3]]
    parts += ["toward", *gate.toward[:3]] if gate.toward else []
    return re.sub(r"[^A-Za-z0-9_.-]+", "", "-".join(parts))[:LONGEST_NAME]

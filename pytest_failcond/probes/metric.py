"""Metrics for gates: one row has all about a metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pytest_failcond.verdicts.metrics import Case, Value
    from pytest_failcond.verdicts.trials import Trial

STEP = 0.5
"""σ between two points of a walk's grid."""

_INFINITE = float("inf")


@dataclass(frozen=True)
class Asked:
    """The settings of a gate that decide on the possible values.

    Attributes:
        severities: of the gate, ascending; empty without corruptions.
        max_shift: end of the walks, σ.
        at: the gate's.
        max_distance: end of the search for combinations, σ.
    """

    severities: tuple[int, ...]
    max_shift: float
    at: float | None
    max_distance: float = 0.0


@dataclass(frozen=True)
class Reach:
    """The values that a metric can take: from ``lowest`` to ``highest``, and both of them.

    Attributes:
        what: the value in words, for messages.
        example: a usual threshold.
        beyond: whether a value may also lie beyond the tested range, where every ``min`` holds.
    """

    lowest: float
    highest: float
    what: str
    example: float
    beyond: bool = False


def share_kept(asked: Asked) -> Reach:
    """A share that is better the larger it is."""
    return Reach(0.0, 1.0, "a share of the images, from 0 to 1, not a percentage", 0.95)


def share_lost(asked: Asked) -> Reach:
    """A share that is better the smaller it is."""
    return Reach(0.0, 1.0, "a share of the images, from 0 to 1, not a percentage", 0.05)


def difference(asked: Asked) -> Reach:
    """A difference of two shares."""
    what = "a difference of two shares of the images, from -1 to 1, not a percentage"
    return Reach(-1.0, 1.0, what, 0.05)


def ratio(asked: Asked) -> Reach:
    """A ratio of errors."""
    return Reach(0.0, _INFINITE, "a ratio of errors, from 0 on, not a percentage", 1.0)


def ratio_of_differences(asked: Asked) -> Reach:
    """A ratio of the errors that are added to others."""
    what = "a ratio of errors that are added to those on clean images, not a percentage"
    return Reach(-_INFINITE, _INFINITE, what, 1.0)


def severity(asked: Asked) -> Reach:
    """A severity of those selected, or beyond."""
    first, last = asked.severities[0], asked.severities[-1]
    what = f"a severity that the gate selects, from {first} to {last}, or beyond"
    return Reach(first, last, what, last, beyond=True)


def shift(asked: Asked) -> Reach:
    """A shift of the walks, or beyond."""
    what = f"a shift of the walks, from 0 to {asked.max_shift:g} σ, or beyond"
    return Reach(0.0, asked.max_shift, what, min(3.0, asked.max_shift), beyond=True)


def shift_within(asked: Asked) -> Reach:
    """A shift of the walks."""
    what = f"a shift of the walks, from 0 to max_shift, {asked.max_shift:g} σ"
    return Reach(0.0, asked.max_shift, what, min(3.0, asked.max_shift))


def distance(asked: Asked) -> Reach:
    """A distance of the search for combinations, or beyond."""
    end = asked.max_distance
    what = f"a distance of the search, from 0 to {end:g} σ, or beyond"
    return Reach(0.0, end, what, min(3.0, end), beyond=True)


@dataclass(frozen=True)
class At:
    """The meaning of ``at`` for a metric.

    Attributes:
        kind: the meaning in a word or two, for messages.
        what: the same with its limits.
        fits: whether a value is one.
    """

    kind: str
    what: Callable[[Asked], str]
    fits: Callable[[Asked, float], bool]


_ACCURACY, _SHIFT, _DISTANCE = "an accuracy", "a shift in σ", "a distance in σ"
AT_ACCURACY = At(
    _ACCURACY,
    lambda asked: f"{_ACCURACY}, over 0 and at most 1",
    lambda asked, at: 0 < at <= 1,
)
AT_SHIFT = At(
    _SHIFT,
    lambda asked: f"{_SHIFT}, 0 or a multiple of {STEP} up to max_shift, {asked.max_shift:g}",
    lambda asked, at: 0 <= at <= asked.max_shift and at % STEP == 0,
)
AT_MOVED = At(
    _SHIFT,
    lambda asked: f"{_SHIFT}, a multiple of {STEP} up to max_shift, {asked.max_shift:g}",
    lambda asked, at: 0 < at <= asked.max_shift and at % STEP == 0,
)
AT_DISTANCE = At(
    _DISTANCE,
    lambda asked: f"{_DISTANCE}, from 0 to combinations.max_distance, {asked.max_distance:g}",
    lambda asked, at: 0 <= at <= asked.max_distance,
)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that a gate compares with a threshold.

    Attributes:
        name: as gates name it.
        noun: as sentences name it.
        good: the threshold that makes sense for it.
        reach: the values that it can take.
        value: computes it from a `Case`: a function, or its place, ``module:function``, which is
            imported when needed.
        trial: makes the `Trial` that the self-test draws from; None: it cannot be tried.
        selectors: the selectors that apply.
        at: the meaning of ``at``; None: it has none.
        by_class: whether it can be checked class by class.
        unit: of the value.
        needs: the run that it compares with.
        scope: whether each key has its own checks, made by its test, or the gate's own test makes
            them all.
        rows: whether it is checked for each corruption, over all of its severities.
        followed_as: the name by which ``failcond history`` follows it; empty: it does not.
    """

    name: str
    noun: str
    good: Literal["min", "max"]
    reach: Callable[[Asked], Reach]
    value: Callable[[Case], Value] | str
    trial: Callable[[Case], Trial] | str | None = None
    selectors: frozenset[str] = frozenset({"classes"})
    at: At | None = None
    by_class: bool = True
    unit: Literal["share", "σ", "severity", "ratio"] = "share"
    needs: frozenset[Literal["clean", "baseline", "reference"]] = frozenset()
    scope: Literal["key", "gate"] = "key"
    rows: bool = False
    followed_as: str = ""

    @property
    def in_sigma(self) -> bool:
        """Whether its unit is σ."""
        return self.unit == "σ"

    @property
    def needs_baseline(self) -> bool:
        """Whether it compares with a baseline."""
        return "baseline" in self.needs

    @property
    def needs_reference(self) -> bool:
        """Whether it compares with the run that mCE refers to."""
        return "reference" in self.needs

    def compute(self, case: Case) -> Value:
        """Return its value.

        Raises:
            FailcondError: something could not be measured.
        """
        found: Value = resolved(self.value)(case)
        return found

    def try_out(self, case: Case) -> Trial:
        """Return its trial on other draws of the images.

        Raises:
            FailcondError: it cannot be tried.
        """
        from pytest_failcond.errors import FailcondError

        if self.trial is None:
            raise FailcondError(
                f"metric {self.name!r} cannot be tried on other draws of its images"
            )
        made: Trial = resolved(self.trial)(case)
        return made


def resolved(function: Callable[..., Any] | str) -> Callable[..., Any]:
    """Return a function given directly or as ``module:function``."""
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


CELLS = frozenset({"corruptions", "severities", "classes"})
"""Selectors of a metric on corruption cells."""

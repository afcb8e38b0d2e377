"""What a gate may measure: a row for each metric, with the values that it can take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

STEP = 0.5
"""σ between two points of a walk's grid."""

_INFINITE = float("inf")


@dataclass(frozen=True)
class Asked:
    """What a gate and its configuration ask for, as far as it decides which values are possible.

    Attributes:
        severities: that the gate selects, ascending; none where there are no corruptions.
        max_shift: end of the walks, σ.
        at: the gate's.
    """

    severities: tuple[int, ...]
    max_shift: float
    at: float | None


@dataclass(frozen=True)
class Reach:
    """The values that a metric can take: from ``lowest`` to ``highest``, and both of them.

    Attributes:
        what: the value is, for messages.
        example: a threshold that is usual.
        beyond: whether a value may also lie beyond all that was tested, where every ``min`` holds.
    """

    lowest: float
    highest: float
    what: str
    example: float
    beyond: bool = False


def _share_kept(asked: Asked) -> Reach:
    return Reach(0.0, 1.0, "a share of the images, from 0 to 1, not a percentage", 0.95)


def _share_lost(asked: Asked) -> Reach:
    return Reach(0.0, 1.0, "a share of the images, from 0 to 1, not a percentage", 0.05)


def _difference(asked: Asked) -> Reach:
    what = "a difference of two shares of the images, from -1 to 1, not a percentage"
    return Reach(-1.0, 1.0, what, 0.05)


def _ratio(asked: Asked) -> Reach:
    return Reach(0.0, _INFINITE, "a ratio of errors, from 0 on, not a percentage", 1.0)


def _ratio_of_differences(asked: Asked) -> Reach:
    what = "a ratio of errors that are added to those on clean images, not a percentage"
    return Reach(-_INFINITE, _INFINITE, what, 1.0)


def _severity(asked: Asked) -> Reach:
    first, last = asked.severities[0], asked.severities[-1]
    what = f"a severity that the gate selects, from {first} to {last}, or beyond"
    return Reach(first, last, what, last, beyond=True)


def _shift(asked: Asked) -> Reach:
    what = f"a shift of the walks, from 0 to {asked.max_shift:g} σ, or beyond"
    return Reach(0.0, asked.max_shift, what, min(3.0, asked.max_shift), beyond=True)


def _shift_within(asked: Asked) -> Reach:
    what = f"a shift of the walks, from 0 to max_shift, {asked.max_shift:g} σ"
    return Reach(0.0, asked.max_shift, what, min(3.0, asked.max_shift))


@dataclass(frozen=True)
class At:
    """What ``at`` means to a metric.

    Attributes:
        what: it is, for messages.
        fits: whether a value is one.
    """

    what: Callable[[Asked], str]
    fits: Callable[[Asked, float], bool]


_ACCURACY = At(lambda asked: "an accuracy, over 0 and at most 1", lambda asked, at: 0 < at <= 1)
_WALKED = At(
    lambda asked: f"a shift in σ, 0 or a multiple of {STEP} up to max_shift, {asked.max_shift:g}",
    lambda asked, at: 0 <= at <= asked.max_shift and at % STEP == 0,
)


@dataclass(frozen=True)
class Metric:
    """What a gate may measure.

    Attributes:
        bound: the threshold that makes sense for it.
        about: what one check of it is about.
        reach: the values that it can take.
        selectors: the selectors that apply.
        at: what ``at`` means; None: it takes none.
        by_class: whether it can be checked class by class.
        in_sigma: whether its unit is σ.
        needs_baseline: whether it compares with a baseline.
        needs_reference: whether it compares with the run that mCE refers to.
    """

    bound: Literal["min", "max"]
    about: Literal["clean", "cell", "several cells", "direction", "baseline", "corpus"]
    reach: Callable[[Asked], Reach]
    selectors: frozenset[str] = frozenset({"classes"})
    at: At | None = None
    by_class: bool = True
    in_sigma: bool = False
    needs_baseline: bool = False
    needs_reference: bool = False


_CELLS = frozenset({"corruptions", "severities", "classes"})
_GRID = _CELLS - {"classes"}
METRICS: Mapping[str, Metric] = {
    "clean_accuracy": Metric("min", "clean", _share_kept),
    "accuracy": Metric("min", "cell", _share_kept, _CELLS),
    "accuracy_drop": Metric("max", "cell", _difference, _CELLS),
    "mean_corruption_accuracy": Metric("min", "several cells", _share_kept, _CELLS),
    "mce": Metric("max", "several cells", _ratio, _GRID, by_class=False, needs_reference=True),
    "relative_mce": Metric(
        "max", "several cells", _ratio_of_differences, _GRID, by_class=False, needs_reference=True
    ),
    "crossing_severity": Metric("min", "several cells", _severity, _CELLS, _ACCURACY),
    "breaking_shift": Metric("min", "direction", _shift, by_class=False, in_sigma=True),
    "broken_share": Metric("max", "direction", _share_lost, at=_WALKED, by_class=False),
    "valid_range": Metric("min", "direction", _shift_within, by_class=False, in_sigma=True),
    "corpus_accuracy": Metric("min", "corpus", _share_kept, by_class=False),
    "regression_drop": Metric("max", "baseline", _difference, _CELLS, needs_baseline=True),
    "mean_regression_drop": Metric(
        "max", "several cells", _difference, _CELLS, needs_baseline=True
    ),
    "negative_flips": Metric("max", "baseline", _share_lost, _CELLS, needs_baseline=True),
}

"""One metric over several runs, in the order of their commits. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.probes.combination import PROBE as COMBINATION
from pytest_failcond.probes.corruption import cells_of
from pytest_failcond.probes.direction import PROBE as DIRECTION
from pytest_failcond.probes.keys import (
    CleanKey,
    CombinationKey,
    CorruptionKey,
    DirectionKey,
    Key,
    MeanKey,
    RankingKey,
)
from pytest_failcond.probes.registry import METRICS, parse_key
from pytest_failcond.probes.start import PROBE as START
from pytest_failcond.runs.other import INPUTS, same_input, search_options, walk_options
from pytest_failcond.runs.run import Run
from pytest_failcond.verdicts.metrics import Case, Value, mean_drop

MEAN = "mean"
"""The key of all corruption cells of a run together."""

METRIC_OF = {metric.followed_as: name for name, metric in METRICS.items() if metric.followed_as}
"""The metrics to follow, and their names in gates."""

_WAY = "way to search (by gradient or without)"
_OF_DIRECTIONS = ("generator", "judge", "least_p", "seed")


@dataclass(frozen=True)
class Question:
    """The question to each run.

    Attributes:
        metric: of `METRIC_OF`.
        key: a key, or `MEAN`.
        class_name: of the images that count; None: all.
        at: the shift of a broken share, σ.
    """

    metric: str = "accuracy"
    key: str = "clean"
    class_name: str | None = None
    at: float | None = None

    @property
    def about_directions(self) -> bool:
        """Whether it is about the generator's images."""
        metrics = (*DIRECTION.metrics, *START.metrics, *COMBINATION.metrics)
        return METRIC_OF[self.metric] in {metric.name for metric in metrics}


@dataclass(frozen=True)
class Point:
    """A run's answer.

    Attributes:
        name: of the run file.
        commit, dirty: of the repository; None without one.
        date: of the commit, else of the run.
        value: None: a shift beyond the tested range, or nothing was measured; see ``missing``.
        low, high: one-sided confidence bounds; None: beyond the tested range.
        n: images that it rests on.
        missing: the reason why there is no value.
        other_inputs: the inputs that differ from the newest run's.
        change: of the value since the row before; None if that has other inputs, or no value.
    """

    name: str
    commit: str | None
    dirty: bool
    date: datetime.datetime | None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    missing: str = ""
    other_inputs: tuple[str, ...] = ()
    change: float | None = None


def history(
    runs: Sequence[tuple[str, Run]], question: Question, confidence: float = 0.95
) -> tuple[Point, ...]:
    """Return a point per run, oldest commit first.

    Args:
        runs: each with its displayed name.
        question: the question to each.
        confidence: of each bound, one-sided.

    Raises:
        FailcondError: no run knows the key or the class, or metric and key do not fit together.
    """
    _check(runs, question)
    ordered = sorted(runs, key=lambda entry: _date(entry[1]) or _EVER)
    newest = ordered[-1][1]
    points: list[Point] = []
    for place, (name, run) in enumerate(ordered):
        point = replace(
            _point(name, run, question, confidence),
            other_inputs=_differences(run, newest, question),
        )
        before = points[-1] if points else None
        same = place > 0 and not _differences(run, ordered[place - 1][1], question)
        if same and before is not None and None not in (before.value, point.value):
            assert before.value is not None  # as was seen
            assert point.value is not None
            point = replace(point, change=point.value - before.value)
        points.append(point)
    return tuple(points)


_EVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _date(run: Run) -> datetime.datetime | None:
    for name in ("commit_date", "date"):
        try:
            found = datetime.datetime.fromisoformat(run.environment[name])
        except (KeyError, TypeError, ValueError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    return None


def _point(name: str, run: Run, question: Question, confidence: float) -> Point:
    commit = run.environment.get("commit")
    point = Point(
        name,
        None if commit is None else str(commit)[:8],
        bool(run.environment.get("dirty")),
        _date(run),
    )
    try:
        found = _value(run, question)
    except FailcondError as error:
        return replace(point, missing=str(error))
    if question.at is not None and found.untested:
        return replace(point, missing=found.untested)
    low, high = (found.bound(confidence, side) for side in ("lower", "upper"))
    return replace(point, value=found.value, low=low, high=high, n=found.n)


def _value(run: Run, question: Question) -> Value:
    names = run.classes
    if question.class_name is not None and question.class_name not in names:
        raise FailcondError(f"has no class {question.class_name!r}")
    metric = METRIC_OF[question.metric]
    if question.key == MEAN and metric == "accuracy":
        metric = "mean_corruption_accuracy"
    lowest = METRICS[metric].good == "min"
    # A gate needs a threshold; this one is not applied.
    least, most = (1.0, None) if lowest else (None, 0.0)
    gate = GateSettings(id=question.metric, metric=metric, at=question.at, min=least, max=most)
    chosen = None if question.class_name is None else names.index(question.class_name)
    key = MeanKey() if question.key == MEAN else parse_key(question.key)
    case = Case(gate, key, run.measured, run.configuration, names, chosen)
    if question.key == MEAN:
        if not cells_of(gate, run.configuration):
            raise FailcondError("has no corruption cells")
        if question.metric == "drop":
            return _mean_drop(case)
    return METRICS[metric].compute(case)


def _mean_drop(case: Case) -> Value:
    """Mean over cells of the drop, bounded over images."""
    clean = case.measure(CleanKey())
    cells = [case.measure(cell).right for cell in cells_of(case.gate, case.settings)]
    per_image = (clean.right - np.mean(cells, axis=0))[case.selected(clean)]
    return mean_drop(per_image)


def _differences(run: Run, other: Run, question: Question) -> tuple[str, ...]:
    """Return the inputs of two runs that differ, as far as they matter to the question."""
    inputs = _OF_DIRECTIONS if question.about_directions else INPUTS
    found = [
        name
        for name in inputs
        if not same_input(name, run.subjects.get(name), other.subjects.get(name))
    ]
    if question.about_directions:
        of_search = METRIC_OF[question.metric] in {metric.name for metric in COMBINATION.metrics}
        name, options = (
            ("combinations", search_options) if of_search else ("corner_cases", walk_options)
        )
        found += [name] if options(run) != options(other) else []
        found += [_WAY] if of_search and _searched_otherwise(run, other, question) else []
    elif question.key == MEAN:
        grids = (r.settings.get("corruptions") or {} for r in (run, other))
        cells = {(str(g.get("names")), str(g.get("severities"))) for g in grids}
        found += ["cells"] if len(cells) > 1 else []
    elif not found:
        key = parse_key(question.key)
        both = (run.measurements, other.measurements)
        pixels = {measured[key].pixels for measured in both if key in measured}
        found += ["pixels"] if len(pixels) > 1 else []
    return tuple(found)


def _searched_otherwise(run: Run, other: Run, question: Question) -> bool:
    """Whether two runs searched for combinations of the key in ways that differ in strength."""
    key = parse_key(question.key)
    found = [one.records[key] for one in (run, other) if key in one.records]
    return len({one.way for one in found}) > 1


def _check(runs: Sequence[tuple[str, Run]], question: Question) -> None:
    if not runs:
        raise FailcondError("give at least one run file")
    at = METRICS[METRIC_OF[question.metric]].at
    if at is not None and question.at is None:
        raise FailcondError(
            f"--metric {question.metric}: --at is missing; give {at.kind}, such as --at 2"
        )
    if at is None and question.at is not None:
        raise FailcondError(f"--metric {question.metric}: takes no --at; leave it out")
    if question.about_directions and question.class_name is not None:
        raise FailcondError("--class: a direction's key names its class; leave the option out")
    kinds: dict[str, tuple[type[Key], ...]] = {
        "accuracy": (CleanKey, CorruptionKey),
        "drop": (CorruptionKey,),
        "start_accuracy": (RankingKey,),
        "combined_distance": (CombinationKey,),
        "combined_share": (CombinationKey,),
    }
    of_metric = kinds.get(question.metric, (DirectionKey,))
    measured = (key for _, run in runs for key in run.records)
    found = [key for key in measured if isinstance(key, of_metric)]
    keys: dict[str, None] = dict.fromkeys(found)
    if any(isinstance(key, CorruptionKey) for key in found):
        keys[MEAN] = None
    if question.key not in keys:
        raise FailcondError(
            f"--key {question.key!r}: no run has it for metric {question.metric!r}"
            f"{nearest(question.key, keys) or '; there are none'}"
        )
    classes = dict.fromkeys(name for _, run in runs for name in run.classes)
    if question.class_name is not None and question.class_name not in classes:
        raise FailcondError(
            f"--class {question.class_name!r}: no run has it{nearest(question.class_name, classes)}"
        )

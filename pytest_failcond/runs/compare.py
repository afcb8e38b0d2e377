"""Two runs, image by image: losses and gains. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.regression.record import (
    Comparison,
    DirectionComparison,
    KeyComparison,
    walk_changed,
)
from pytest_failcond.records.measurements import Examples, Measurement
from pytest_failcond.runs.other import check_comparable, same_hash, same_input, walk_options
from pytest_failcond.runs.run import Run
from pytest_failcond.statistics.paired import holm, mcnemar_p, paired_counts, paired_drop_bound

_NAMED = 20  # lost and gained images named by index


def compare(
    then: Run,
    now: Run,
    path: str,
    *,
    confidence: float,
    pictures: Mapping[str, tuple[Examples | None, Examples | None]] | None = None,
) -> Comparison:
    """Compare two runs, for each key of both.

    Args:
        then: the baseline.
        now: the run to compare with it.
        path: the name of the baseline.
        confidence: of the bounds, one-sided.
        pictures: of lost and gained images, by key.

    Raises:
        FailcondError: they were made with other inputs.
    """
    check_comparable(then.subjects, now.subjects, path)
    shared = [key for key in now.measurements if key in then.measurements]
    compared = [
        _compare_key(then.measurements[key], now.measurements[key], now, confidence)
        for key in shared
    ]
    adjusted = iter(holm([c.p for c in compared if not c.inputs_changed]))
    found = pictures or {}
    keys = []
    for entry in compared:
        lost, gained = found.get(entry.key, (None, None))
        fields = vars(entry) | {"lost_examples": lost, "gained_examples": gained}
        if not entry.inputs_changed:
            fields["p_holm"] = next(adjusted)
        keys.append(KeyComparison(**fields))
    corpus_lost, corpus_gained = _changed_entries(then, now)
    remark = _why_no_directions(then, now)
    directions = [] if remark else [key for key in then.directions if key in now.directions]
    everything = [*then.measurements, *([] if remark else then.directions)]
    walks = tuple(
        _compare_direction(then.directions[key], now.directions[key]) for key in directions
    )
    return Comparison(
        baseline=path,
        then=origin(then),
        now=origin(now),
        same_model=same_hash(then.subjects.get("classifier"), now.subjects.get("classifier")),
        confidence=confidence,
        keys=tuple(keys),
        directions=walks,
        only_then=tuple(k for k in everything if k not in now.measurements | now.directions),
        remark=remark,
        corpus_lost=corpus_lost,
        corpus_gained=corpus_gained,
        predictions_differ=_predictions_differ(then, now) or any(map(walk_changed, walks)),
        ranked_otherwise=() if remark else _ranked_otherwise(then, now),
    )


def _ranked_otherwise(then: Run, now: Run) -> tuple[int, ...]:
    """Return the classes that the two runs ranked in different ways."""
    both = [(then.rankings[key], now.rankings[key]) for key in now.rankings if key in then.rankings]
    return tuple(after.class_index for before, after in both if before.way != after.way)


def _predictions_differ(then: Run, now: Run) -> bool:
    """Whether a prediction on the same pixels differs, on test images or the corpus."""
    for key, measured in now.measurements.items():
        before = then.measurements.get(key)
        if before is None or before.pixels != measured.pixels:
            continue
        if not np.array_equal(before.predicted, measured.predicted):
            return True
    if then.corpus is None or now.corpus is None:
        return False
    seen = {(entry.id, entry.png): entry.predicted for entry in then.corpus.entries}
    return any(
        seen.get((entry.id, entry.png), entry.predicted) != entry.predicted
        for entry in now.corpus.entries
    )


def _changed_entries(then: Run, now: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of the same images of the corpus that were lost, and that were gained."""
    if then.corpus is None or now.corpus is None:
        return (), ()
    before = {(entry.id, entry.png): entry.right for entry in then.corpus.entries}
    both = [(e, before[e.id, e.png]) for e in now.corpus.entries if (e.id, e.png) in before]
    lost = tuple(entry.id for entry, was_right in both if was_right and not entry.right)
    gained = tuple(entry.id for entry, was_right in both if entry.right and not was_right)
    return lost, gained


def origin(run: Run) -> dict[str, Any]:
    """Return date and commit of a run."""
    return {key: run.environment.get(key) for key in ("date", "commit", "dirty")}


def _why_no_directions(then: Run, now: Run) -> str:
    if not then.directions:
        return ""
    for what in ("generator", "judge"):
        before, after = then.subjects.get(what), now.subjects.get(what)
        if before != after and same_input(what, before, after):
            return (
                f"directions are not compared: another version of pytest-failcond hashed the "
                f"{what}, so it is not known whether it is the same; keep a new run"
            )
        if before != after:
            return f"directions are not compared: another {what}"
    before, after = then.subjects.get("least_p"), now.subjects.get("least_p")
    if before != after:
        there, here = ("no least_p" if p is None else f"least_p = {p:g}" for p in (before, after))
        return f"directions are not compared: another acceptance, {there} there and {here} here"
    if walk_options(then) != walk_options(now):
        return "directions are not compared: other corner_cases settings"
    return ""


def _compare_key(then: Measurement, now: Measurement, run: Run, confidence: float) -> KeyComparison:
    if then.pixels != now.pixels:
        return KeyComparison(now.key, inputs_changed=True)
    right, lost, gained, wrong = paired_counts(then.right, now.right)

    def named(chosen: Any) -> tuple[int, ...]:
        return tuple(int(run.indices[i]) for i in np.flatnonzero(chosen)[:_NAMED])

    return KeyComparison(
        key=now.key,
        right=right,
        lost=lost,
        gained=gained,
        wrong=wrong,
        drop=(lost - gained) / now.total,
        bound=paired_drop_bound(right, lost, gained, wrong, confidence, "upper"),
        p=mcnemar_p(lost, gained),
        lost_images=named(then.right & ~now.right),
        gained_images=named(~then.right & now.right),
    )


def _compare_direction(then: Direction, now: Direction) -> DirectionComparison:
    reach = min(then.tested_to, now.tested_to)
    return DirectionComparison(
        key=now.key,
        breaking_shift_then=then.breaking_shift,
        breaking_shift=now.breaking_shift,
        tested_to_then=then.tested_to,
        tested_to=now.tested_to,
        broken_share_then=then.broken_by(reach) / then.total,
        broken_share=now.broken_by(reach) / now.total,
    )

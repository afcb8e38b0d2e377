"""Two runs, image by image: losses and gains. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.direction.fit import fitness_of
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.regression.record import (
    CombinationComparison,
    Comparison,
    DirectionComparison,
    KeyComparison,
    search_changed,
    walk_changed,
)
from pytest_failcond.records.measurements import Examples, Measurement
from pytest_failcond.runs.other import (
    check_comparable,
    same_hash,
    same_input,
    search_options,
    walk_options,
)
from pytest_failcond.runs.run import Run
from pytest_failcond.statistics.paired import holm, mcnemar_p, paired_counts, paired_drop_bound

_ALIKE = 0.02  # of the images: another machine may make a pixel one level brighter
_NAMED = 20  # lost and gained images named by index


def compare(
    then: Run,
    now: Run,
    path: str,
    *,
    confidence: float,
    found: Mapping[str, Mapping[str, Any]] | None = None,
) -> Comparison:
    """Compare two runs, for each key of both.

    Args:
        then: the baseline.
        now: the run to compare with it.
        path: the name of the baseline.
        confidence: of the bounds, one-sided.
        found: by key, what was measured for the comparison alone: pictures of lost and gained images, and the
            baseline's combinations tried again.

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
    beside = found or {}
    keys = []
    for entry in compared:
        shown = {
            f"{name}_examples": _pictures(beside, entry.key, name) for name in ("lost", "gained")
        }
        fields = vars(entry) | shown
        if not entry.inputs_changed:
            fields["p_holm"] = next(adjusted)
        keys.append(KeyComparison(**fields))
    corpus_lost, corpus_gained = _changed_entries(then, now)
    walked, searched = _why_not(then, now, "directions"), _why_not(then, now, "combinations")
    directions = [] if walked else [key for key in then.directions if key in now.directions]
    searches = [] if searched else [key for key in then.combinations if key in now.combinations]
    everything = [*then.measurements, *([] if walked else then.directions)]
    everything += [] if searched else then.combinations
    combined = tuple(
        _compare_search(then.combinations[key], now.combinations[key], beside.get(key, {}))
        for key in searches
    )
    again = now.measurements | now.directions | now.combinations
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
        only_then=tuple(k for k in everything if k not in again),
        remark=_not_compared({"directions": walked, "combinations": searched}),
        corpus_lost=corpus_lost,
        corpus_gained=corpus_gained,
        predictions_differ=_predictions_differ(then, now)
        or any(map(walk_changed, walks))
        or any(map(search_changed, combined)),
        ranked_otherwise=() if walked else _ranked_otherwise(then, now),
        combinations=combined,
    )


def _pictures(found: Mapping[str, Mapping[str, Any]], key: Key, name: str) -> Examples | None:
    """Return the pictures of a key's images that were lost, or gained, if there are any."""
    shown = found.get(key, {}).get(name)
    return None if shown is None else Examples(**shown)


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


def _not_compared(reasons: Mapping[str, str]) -> str:
    """Say what is not compared, by the reason; empty if everything is."""
    by_reason: dict[str, list[str]] = {}
    for kind, why in reasons.items():
        by_reason.setdefault(why, []).append(kind)
    said = by_reason.items()
    return "; ".join(f"{' and '.join(kinds)} are not compared: {why}" for why, kinds in said if why)


def _why_not(then: Run, now: Run, kind: Literal["directions", "combinations"]) -> str:
    """Return why the images of two runs that were moved are not compared; empty if they are."""
    if not getattr(then, kind):
        return ""
    for what in ("generator", "judge"):
        before, after = then.subjects.get(what), now.subjects.get(what)
        if before != after and same_input(what, before, after):
            return (
                f"another version of pytest-failcond hashed the {what}, so it is not known whether it is "
                "the same; keep a new run"
            )
        if before != after:
            return f"another {what}"
    before, after = then.subjects.get("least_p"), now.subjects.get("least_p")
    if before != after:
        there, here = ("no least_p" if p is None else f"least_p = {p:g}" for p in (before, after))
        return f"another acceptance, {there} there and {here} here"
    table, options = (
        ("corner_cases", walk_options) if kind == "directions" else ("combinations", search_options)
    )
    if options(then) != options(now):
        return f"other {table} settings"
    if kind == "combinations" and now.combinations and _guides(then) != _guides(now):
        return "other guides of the search"
    return _other_answers(then, now)


def _other_answers(then: Run, now: Run) -> str:
    """Tell apart judges that are plain callables, which have no hash: by how many images each accepts of the same,
    those that the generator's fitness is measured with; empty if they answer alike.
    """
    if then.subjects.get("judge") is not None:
        return ""
    before = {one.key: one for one in fitness_of(then.records)}
    for after in fitness_of(now.records):
        one = before.get(after.key)
        if one is None or one.drawn != after.drawn:
            continue
        if abs(one.accepted - after.accepted) > _ALIKE * one.drawn:
            return (
                f"another judge, which accepts {one.accepted} of {one.drawn} generated images of class "
                f"{now.classes[one.class_index]!r} there and {after.accepted} here"
            )
    return ""


def _guides(run: Run) -> set[tuple[str | None, ...]]:
    return {tuple(found.guides) for found in run.combinations.values()}


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


def _compare_search(
    then: Combined, now: Combined, again: Mapping[str, Any]
) -> CombinationComparison:
    return CombinationComparison(
        key=now.key,
        distance_then=then.distance,
        distance=now.distance,
        tested_to=now.tested_to,
        broken_then=then.broken_by(then.tested_to),
        broken=now.broken_by(now.tested_to),
        total=now.total,
        replayed=again.get("replayed"),
        still=again.get("still"),
        searched_otherwise=then.way != now.way,
    )

"""Two runs, image by image: what was lost and what was gained. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_failcond.directions import Direction
from pytest_failcond.errors import FailcondError
from pytest_failcond.measurements import Examples, Measurement
from pytest_failcond.metrics import Measure
from pytest_failcond.probes.keys import DirectionKey, Key
from pytest_failcond.probes.registry import parse_key
from pytest_failcond.statistics import holm, mcnemar_p, paired_counts, paired_drop_bound

if TYPE_CHECKING:
    from pytest_failcond.run import Run

INPUTS = ("images", "max_images", "seed", "corruptions")
"""What two runs have in common where their images are compared."""

_NAMED = 20  # lost and gained images that are named by index


@dataclass(frozen=True)
class KeyComparison:
    """The same images in two runs.

    Attributes:
        key: ``clean`` or a cell.
        inputs_changed: whether other pixels were classified; then nothing else is said.
        right, lost, gained, wrong: images right both times; then only; now only; neither time.
        drop: loss in accuracy, then minus now.
        bound: its upper one-sided confidence bound.
        p: McNemar's, two-sided, of "no difference".
        p_holm: the same, adjusted for the number of keys.
        lost_images, gained_images: indices of the first of them.
        lost_examples, gained_examples: their pictures, where there are any.
    """

    key: Key
    inputs_changed: bool = False
    right: int = 0
    lost: int = 0
    gained: int = 0
    wrong: int = 0
    drop: float = 0.0
    bound: float = 0.0
    p: float = 1.0
    p_holm: float = 1.0
    lost_images: tuple[int, ...] = ()
    gained_images: tuple[int, ...] = ()
    lost_examples: Examples | None = None
    gained_examples: Examples | None = None


@dataclass(frozen=True)
class DirectionComparison:
    """The same direction on two classifiers, from the same start images; shifts in σ."""

    key: DirectionKey
    breaking_shift_then: float | None
    breaking_shift: float | None
    tested_to_then: float
    tested_to: float
    broken_share_then: float
    broken_share: float


@dataclass(frozen=True)
class Comparison:
    """What changed since a baseline.

    Attributes:
        baseline: its path, as it was given.
        then, now: when, and at which commit, each was made.
        same_model: whether the classifiers' hashes agree; None where one has no hash, or they are
            of different schemes.
        confidence: of the bounds.
        keys: for each key of both.
        directions: the baseline's, measured again.
        only_then: keys of the baseline that were not measured again.
        corpus_lost, corpus_gained: ids of the images of the corpus that were right then only, and
            now only.
        remark: why directions are not compared, where they are not.
        predictions_differ: whether any prediction on the same pixels, or a walk, is another one. A
            hash cannot see all code: with the same hash, the model may yet not be the same.
    """

    baseline: str
    then: dict[str, Any]
    now: dict[str, Any]
    same_model: bool | None
    confidence: float
    keys: tuple[KeyComparison, ...]
    directions: tuple[DirectionComparison, ...]
    only_then: tuple[Key, ...]
    remark: str = ""
    corpus_lost: tuple[str, ...] = ()
    corpus_gained: tuple[str, ...] = ()
    predictions_differ: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Comparison:
        """Read an entry of the run file."""

        def examples(entry: dict[str, Any] | None) -> Examples | None:
            return None if entry is None else Examples(**entry)

        keys = tuple(
            KeyComparison(
                **entry
                | {
                    "key": parse_key(entry["key"]),
                    "lost_images": tuple(entry["lost_images"]),
                    "gained_images": tuple(entry["gained_images"]),
                    "lost_examples": examples(entry["lost_examples"]),
                    "gained_examples": examples(entry["gained_examples"]),
                }
            )
            for entry in data["keys"]
        )
        directions = tuple(
            DirectionComparison(**entry | {"key": parse_key(entry["key"])})
            for entry in data["directions"]
        )
        names = ("only_then", "corpus_lost", "corpus_gained")
        fields = data | {name: tuple(data.get(name, ())) for name in names}
        fields["only_then"] = tuple(map(parse_key, fields["only_then"]))
        return cls(**fields | {"keys": keys, "directions": directions})


class Other:
    """Another run to compare with: read when it is needed, and only if its inputs are the same.

    Args:
        path: of its file.
        subjects: of the run at hand, as in the run file.
        measure: gives the measurements of the run at hand.
    """

    def __init__(self, path: Path, subjects: Mapping[str, Any], measure: Measure) -> None:
        self.path = path
        self._subjects = subjects
        self._measure = measure

    @cached_property
    def run(self) -> Run:
        """The run.

        Raises:
            FailcondError: it cannot be read, or was made with other inputs.
        """
        from pytest_failcond.run import Run

        other = Run.load(self.path)
        check_comparable(other.subjects, self._subjects, str(self.path))
        return other

    def measure(self, key: Key) -> Measurement:
        """Return its measurement of a key.

        Raises:
            FailcondError: as above, or it has none, or not of the same pixels.
        """
        then = self.run.measurements.get(key)
        if then is None:
            raise FailcondError(f"{self.path}: has no {key}; make a new one")
        now = self._measure(key)
        if now.pixels != then.pixels:
            raise FailcondError(
                f"{key}: the inputs changed since {self.path}, not only the model: other pixels "
                "were classified; make a new one"
            )
        return then


def check_comparable(then: Mapping[str, Any], now: Mapping[str, Any], path: str) -> None:
    """See that two runs were made with the same inputs.

    Raises:
        FailcondError: images, seed or corruptions differ.
    """
    for what in INPUTS:
        if then.get(what) != now.get(what):
            detail = "" if what == "images" else f" ({then.get(what)} there, {now.get(what)} here)"
            raise FailcondError(
                f"{path}: was made with other {what}{detail}; compare runs on the same images under "
                "the same corruptions, or make a new one"
            )


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
        path: what the baseline is called.
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
    )


def same_hash(then: Any, now: Any) -> bool | None:
    """Whether two hashes, such as ``model:…``, agree; None where that cannot be told.

    It cannot where one is None, or where an earlier version made one in another way.
    """
    if then is None or now is None:
        return None
    schemes = {str(value).partition(":")[0] for value in (then, now)}
    return then == now if len(schemes) == 1 else None


def same_input(name: str, then: Any, now: Any) -> bool:
    """Whether a subject is the same in two runs, or cannot be told from one of the other's scheme."""
    if name in ("generator", "judge") and then and now:
        return same_hash(then, now) is not False
    return bool(then == now)


def walk_changed(entry: DirectionComparison) -> bool:
    """Whether a direction's walk is another one."""
    return (entry.breaking_shift_then, entry.tested_to_then, entry.broken_share_then) != (
        entry.breaking_shift,
        entry.tested_to,
        entry.broken_share,
    )


def _predictions_differ(then: Run, now: Run) -> bool:
    """Whether a prediction on the same pixels is another one, of test images or of the corpus."""
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
    """Return when, and at which commit, a run was made."""
    return {key: run.environment.get(key) for key in ("date", "commit", "dirty")}


def _why_no_directions(then: Run, now: Run) -> str:
    if not then.directions:
        return ""
    for what in ("generator", "judge"):
        before, after = then.subjects.get(what), now.subjects.get(what)
        if before != after and same_input(what, before, after):
            return (
                f"directions are not compared: another version of pytest-failcond identified the "
                f"{what}, so it is not known whether it is the same; keep a new run"
            )
        if before != after:
            return f"directions are not compared: another {what}"
    if then.settings.get("corner_cases") != now.settings.get("corner_cases"):
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

"""The changes between two runs, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from pytest_failcond.probes.keys import CombinationKey, DirectionKey, Key
from pytest_failcond.records.measurements import Examples

MOST_DIRECTIONS = 12
"""The most directions of a comparison that are shown."""


@dataclass(frozen=True)
class KeyComparison:
    """The same images in two runs.

    Attributes:
        key: ``clean`` or a cell.
        inputs_changed: whether other pixels were classified; then nothing else is known.
        right, lost, gained, wrong: images right both times; then only; now only; neither time.
        drop: loss in accuracy, then minus now.
        bound: its upper one-sided confidence bound.
        p: McNemar's, two-sided, of "no difference".
        p_holm: the same, adjusted for the number of keys.
        lost_images, gained_images: indices of the first of them.
        lost_examples, gained_examples: their pictures, if there are any.
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
class CombinationComparison:
    """The same search on two classifiers, from the same N start images; distances in σ.

    Attributes:
        key: of the search.
        distance_then, distance: where half of the start images are broken; None: not within the search.
        tested_to: the end of both searches.
        broken_then, broken: start images broken within it.
        total: N.
        replayed: combinations of the baseline that were tried on this classifier; None: not tried.
        still: how many of them break it too.
        searched_otherwise: whether the two were searched in different ways, by gradient or without: then their distances
            differ by the strength of the search, too, and are not counted as a change.
    """

    key: CombinationKey
    distance_then: float | None
    distance: float | None
    tested_to: float
    broken_then: int
    broken: int
    total: int
    replayed: int | None = None
    still: int | None = None
    searched_otherwise: bool = False


@dataclass(frozen=True)
class Comparison:
    """The changes since a baseline.

    Attributes:
        baseline: its path, as it was given.
        then, now: date and commit of each.
        same_model: whether the classifiers' hashes agree; None if one has no hash, or they are of
            different schemes.
        confidence: of the bounds.
        keys: for each key of both.
        directions: the baseline's, measured again.
        combinations: searches of both.
        only_then: keys of the baseline that were not measured again.
        corpus_lost, corpus_gained: ids of the images of the corpus that were right then only, and
            now only.
        remark: the reason why directions or combinations are not compared; empty if they are.
        predictions_differ: whether any prediction on the same pixels, or a walk, differs. A hash
            cannot see all code: models with the same hash may differ.
        ranked_otherwise: classes whose directions were ranked in another way, by gradient or by effect:
            their ranks cannot be compared.
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
    ranked_otherwise: tuple[int, ...] = ()
    combinations: tuple[CombinationComparison, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any], parse_key: Callable[[str], Key]) -> Comparison:
        """Read an entry of the run file; ``parse_key`` makes keys from their text."""

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
        combinations = tuple(
            CombinationComparison(**entry | {"key": parse_key(entry["key"])})
            for entry in data.get("combinations", ())
        )
        names = ("only_then", "corpus_lost", "corpus_gained", "ranked_otherwise")
        fields = data | {name: tuple(data.get(name, ())) for name in names}
        fields["only_then"] = tuple(map(parse_key, fields["only_then"]))
        made = {"keys": keys, "directions": directions, "combinations": combinations}
        return cls(**fields | made)


def walk_changed(entry: DirectionComparison) -> bool:
    """Whether a direction's walk differs."""
    return (entry.breaking_shift_then, entry.tested_to_then, entry.broken_share_then) != (
        entry.breaking_shift,
        entry.tested_to,
        entry.broken_share,
    )


def search_changed(entry: CombinationComparison) -> bool:
    """Whether a search differs, or a combination of the baseline does not break this classifier.

    Distances of different ways to search do not count: they may differ for one and the same classifier.
    """
    then, now = (entry.distance_then, entry.broken_then), (entry.distance, entry.broken)
    return (then != now and not entry.searched_otherwise) or entry.still != entry.replayed


def most_changed(comparison: Comparison, most: int = MOST_DIRECTIONS) -> list[DirectionComparison]:
    """Return the directions whose broken share changed most."""

    def order(entry: DirectionComparison) -> tuple[bool, float, str]:
        change = abs(entry.broken_share - entry.broken_share_then)
        return not walk_changed(entry), -change, entry.key

    return sorted(comparison.directions, key=order)[:most]

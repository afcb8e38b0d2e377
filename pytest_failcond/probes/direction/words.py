"""Directions in words: their shifts, the changes along them, and the changes that break each
class.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_failcond.probes.direction import chosen
from pytest_failcond.probes.direction.breaking import BreakingChange, breaking_changes
from pytest_failcond.probes.direction.place import ALL_OVER
from pytest_failcond.probes.direction.record import Direction, rankings_in
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents, wording
from pytest_failcond.words.printing import plural, printable

EXPLAINED = (
    "Shifts in σ of the dimension; broken: share of the start images, unmoved → at the end of "
    "validity, or of the walk."
)
UNRANKED = (
    "# –: a direction of the baseline, walked again, or of a test of yours; not ranked in this run."
)
NEWLY = "newly: share broken by then of the start images that are right unmoved."
START_P = "start p: mean p(class), unmoved."
ATTRIBUTES = (
    "What changes by then: the changes that stand out, in σ of the attribute over generated images."
)
PLACES = "At a place: mean absolute difference, in σ of its pixels over generated images."
_MOST_CLASSES = 12  # named in a sentence
_NOTEWORTHY = 0.05  # of a class's start images, wrong unmoved


def arrow(sign: int) -> str:
    """Return the sign of a direction as an arrow."""
    return "↗" if sign > 0 else "↘"


def dimension(direction: Direction) -> str:
    """Name the dimension and the way: ``s322 b16.conv0[2] ↗``."""
    return f"s{direction.dimension} {printable(direction.name)} {arrow(direction.sign)}"


def title(run: Shown, direction: Direction) -> str:
    """Name a direction in full."""
    rank = "" if direction.rank is None else f", direction {direction.rank}"
    return f"class {wording.class_name(run, direction.class_index)}{rank}: {dimension(direction)}"


def short_dimension(key: DirectionKey) -> str:
    """Name the dimension of a direction's key: ``s322 ↗``."""
    return f"s{key.dimension} {arrow(key.sign)}"


def breaks_at(direction: Direction) -> str:
    """Return the shift that breaks the class: ``4.5 σ``, or beyond the tested range."""
    tested = direction.tested_to
    found = direction.breaking_shift
    return f"> {wording.sigma(tested)}" if found is None or found > tested else wording.sigma(found)


def valid_to(direction: Direction) -> str:
    """Return the shift up to which the judge accepts."""
    return "not judged" if direction.valid_range is None else wording.sigma(direction.valid_range)


def broken(direction: Direction) -> str:
    """Return the share of start images broken unmoved, and at the end of the tested range."""
    shares = (direction.broken_by(shift) / direction.total for shift in (0.0, direction.tested_to))
    text = " → ".join(map(wording.share, shares))
    return (
        text
        if direction.valid_range is not None
        else f"{text} at {wording.sigma(direction.tested_to)}"
    )


def newly(direction: Direction) -> str:
    """Say how many of the start images that are right unmoved are broken at the end of what was tested."""
    right = direction.right_unmoved
    broken = direction.newly_broken_by(direction.tested_to)
    return wording.share(broken / right) if right else wording.NOTHING


def wrong_unmoved(run: Shown) -> str:
    """Say which classes' start images are wrong before any shift; empty where few are."""
    found = []
    for ranking in rankings_in(run.records).values():
        if ranking.starts_right is not None:
            wrong = 1 - float(ranking.right_unmoved.mean())
            if wrong >= _NOTEWORTHY:
                found.append((-wrong, wording.class_name(run, ranking.class_index)))
    said = [f"{name} {wording.share(-wrong)}" for wrong, name in sorted(found)[:_MOST_CLASSES]]
    more = f" and {len(found) - len(said)} more" if len(found) > len(said) else ""
    text = f"Wrong before any shift, share of the start images by class: {', '.join(said)}{more}"
    return text if said else ""


def ranked_by_effect(run: Shown) -> list[str]:
    """Say which classes were not ranked by gradient, a line for each reason, for ten reasons at most."""
    rankings = [r for r in rankings_in(run.records).values() if r.way == "effect"]
    of_reason: dict[str, list[int]] = {}
    for ranking in rankings:
        of_reason.setdefault(ranking.why, []).append(ranking.class_index)
    every = len(rankings) == len(rankings_in(run.records))
    said = []
    for why, indices in of_reason.items():
        all_of_them = every and len(of_reason) == 1
        which = "all classes" if all_of_them else f"class {wording.class_names(run, indices)}"
        reason = f": {printable(why)}" if why else ""
        said.append(f"Ranked by measured effect instead of gradient, {which}{reason}")
    more = len(said) - contents.MOST_CLASSES
    return said[: contents.MOST_CLASSES] + (
        [f"… and for {more:,} more {plural(more, 'reason')}"] if more > 0 else []
    )


def without_directions(run: Shown) -> list[str]:
    """Say which classes have no direction that can be tested, a line each, for ten classes at most."""
    names = [
        wording.class_name(run, ranking.class_index)
        for ranking in rankings_in(run.records).values()
        if not ranking.directions
    ]
    lines = [f"The judges follow no direction of class {name} for 1 σ" for name in names]
    more = len(lines) - contents.MOST_CLASSES
    return lines[: contents.MOST_CLASSES] + (
        [f"… nor of {more:,} more {plural(more, 'class')}"] if more > 0 else []
    )


def attributes(direction: Direction, most: int | None = None) -> str:
    """Return the changes along a direction, and their place: ``noise +4.1 σ, at the top left 0.7 σ``."""
    return ", ".join(changes(direction, most))


def changes(direction: Direction, most: int | None = None) -> list[str]:
    """Return the same change by change, largest first; a dash if nothing changes.

    The place comes last. It is left out if attributes tell and there is room for one change only, or
    if it is the whole image.
    """
    found = direction.standing_out[:most]
    said = [f"{printable(c.name)} {plus_minus(c.change)}{abs(c.change):.1f} σ" for c in found]
    return [*said, *_place(direction, most)] or [wording.NOTHING]


def meaning(directions: Sequence[Direction], most: int | None = None) -> str:
    """Return the meaning of `changes` of these directions; empty if nothing is known of them."""
    attributes = any(direction.attributes for direction in directions)
    places = any(_place(direction, most) for direction in directions)
    told = no_change(directions) or ATTRIBUTES
    return " ".join([told] * attributes + [PLACES] * places)


def no_change(directions: Sequence[Direction]) -> str:
    """Say that no change stands out along any of these directions; empty if one does, or none was measured."""
    told = any(direction.standing_out or _place(direction, None) for direction in directions)
    measured = [direction.total for direction in directions if direction.attributes]
    return "" if told or not measured else wording.no_change(measured)


def _place(direction: Direction, most: int | None) -> list[str]:
    where = direction.where
    if where is None or not where.places:
        return []
    alone = not direction.standing_out
    told = alone or (most != 1 and not where.all_over)
    return [f"{at(where.places)} {where.change:.1f} σ"] if told else []


def at(places: Sequence[str]) -> str:
    """Return places in words: ``at the top left``, ``all over``."""
    return ALL_OVER if tuple(places) == (ALL_OVER,) else f"at the {wording.listed(places)}"


def plus_minus(number: float) -> str:
    """Return the sign of a change."""
    return "+" if number > 0 else "−"


def what_breaks(run: Shown, *, later: bool = True) -> str:
    """Return the changes that break each class: ``noise + breaks 0, 3 and 8 first, 5 later; …``.

    Args:
        run: with its directions.
        later: whether to name also the classes that another change breaks first.
    """
    said = (_breaking(run, change, later=later) for change in breaking_changes(run))
    return "; ".join(filter(None, said))


def _breaking(run: Shown, change: BreakingChange, *, later: bool) -> str:
    name = f"a change {at(change.places)}" if change.places else "an unnamed change"
    if change.name is not None:
        name = f"{printable(change.name)} {plus_minus(change.sign)}"
    parts = [
        f"{wording.class_names(run, indices)} {when}"
        for indices, when in ((change.first, "first"), (change.later if later else (), "later"))
        if indices
    ]
    return f"{name} breaks {', '.join(parts)}" if parts else ""


def all_passed_over(run: Shown) -> list[str]:
    """Name the directions passed over, a line per class, for ten classes at most."""
    entries = chosen.passed_over(run)
    lines = [passed_over(run, *entry) for entry in entries[: contents.MOST_CLASSES]]
    if left_out := len(entries) - len(lines):
        lines.append(f"… and of {left_out:,} more {plural(left_out, 'class')}")
    return lines


def passed_over(run: Shown, class_index: int, passed: list[tuple[DirectionKey, float]]) -> str:
    """Name the directions of a class that were passed over, because their images soon lose
    validity.
    """
    which = ", ".join(f"{short_dimension(key)} ({wording.sigma(valid)})" for key, valid in passed)
    return f"class {wording.class_name(run, class_index)}: passed over, valid for less than 1 σ: {which}"

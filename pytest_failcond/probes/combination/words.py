"""Combined corner cases in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.direction.record import Direction, directions_in
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import wording
from pytest_failcond.words.printing import printable

_NAMED = 3  # attributes that change together
UPPER = (
    "Distances are upper bounds: a search finds combinations, not the nearest there are, and it may find none "
    "where there is one."
)
EXPLAINED = (
    "Several dimensions are moved at once; distance: root of the sum of the squares of their shifts, σ. Half "
    "at: the distance within which half of the start images are broken. Broken: their share, unmoved → within "
    "{end}."
)
SINGLE = "One direction: the most that a single direction breaks, and how far it is valid."
DIMENSIONS = "Moved: median number of dimensions."
REJECTED = "Rejected: combinations that passed the guides, and not the judges that decide."
TOGETHER = "What changes: the changes that stand out, in σ of the attribute over generated images."
GUIDED = (
    "The search saw the judges that decide, because no others guide it: some combinations may fool these "
    "judges, and show no class to a reader; `failcond judge` makes guides apart from the judges that decide"
)
WITHOUT_GRADIENTS = (
    "searched without gradients: another search, so compare these distances only with others found in the "
    "same way"
)
UNJUDGED = "No judge looked at the combinations: some may show no class to a reader"


def title(run: Shown, found: Combined) -> str:
    """Name a search: ``class 8``, or ``class 8 → 3``."""
    return f"class {name(run, found)}"


def name(run: Shown, found: Combined) -> str:
    """Name the class of a search, and the wanted one."""
    of = wording.class_name(run, found.class_index)
    return of if found.toward is None else f"{of} → {wording.class_name(run, found.toward)}"


def half_at(found: Combined) -> str:
    """Return the distance that breaks half of the start images: ``4.6 σ``, or beyond the search."""
    distance = found.distance
    return f"> {wording.sigma(found.tested_to)}" if distance is None else wording.sigma(distance)


def broken(found: Combined) -> str:
    """Return the share of start images broken unmoved, and within the whole search."""
    shares = (found.broken_by(distance) / found.total for distance in (0.0, found.tested_to))
    return " → ".join(map(wording.share, shares))


def moved(found: Combined) -> str:
    """Return the median number of dimensions that a combination moves."""
    median = found.median_dimensions
    return wording.NOTHING if median is None else f"{median:g}"


def together(found: Combined) -> list[str]:
    """Return the changes that stand out, the largest first; a dash if there are none."""
    said = [
        f"{printable(c.name)} {sign(c.change)}{abs(c.change):.1f} σ"
        for c in found.standing_out[:_NAMED]
    ]
    return said or [wording.NOTHING]


def meaning(found: Sequence[Combined]) -> str:
    """Return the meaning of `together` of these searches."""
    return no_change(found) or TOGETHER


def no_change(found: Sequence[Combined]) -> str:
    """Say that no change stands out in any of these searches; empty if one does, or nothing was found."""
    moved = [len(one.cases) for one in found if one.attributes]
    if not moved or any(one.standing_out for one in found):
        return ""
    return wording.no_change(moved)


def in_a_word(found: Combined) -> str:
    """Return the same without figures: ``contrast − and stroke width − together``; empty if none stands out."""
    names = [f"{printable(c.name)} {sign(c.change)}" for c in found.standing_out[:_NAMED]]
    joined = wording.listed(names)
    return f"{joined} together" if len(names) > 1 else joined


def sign(change: float) -> str:
    """Return the sign of a change."""
    return "+" if change > 0 else "−"


def best_single(run: Shown, class_index: int) -> Direction | None:
    """Return the direction of a class that breaks most start images by the end of what was tested."""
    of_class = [d for d in directions_in(run.records).values() if d.class_index == class_index]
    return max(of_class, key=lambda d: (d.broken_by(d.tested_to) / d.total, d.key), default=None)


def is_compared(run: Shown, found: Combined) -> bool:
    """Whether a single direction is known to compare with: not in the details of one key, nor of a pair."""
    return found.toward is None and best_single(run, found.class_index) is not None


def single(run: Shown, found: Combined) -> str:
    """Say how much a single direction breaks: ``0.09 by 3.5 σ``."""
    best = None if found.toward is not None else best_single(run, found.class_index)
    if best is None:
        return wording.NOTHING
    share = wording.share(best.broken_by(best.tested_to) / best.total)
    return f"{share} by {wording.sigma(best.tested_to)}"


def warnings(found: Iterable[Combined]) -> list[str]:
    """Say how far the combinations can be believed, a sentence each."""
    some = list(found)
    said = [UNJUDGED] if any(not one.judged for one in some) else []
    return said + ([GUIDED] if any(one.judged and one.guided_by_acceptors for one in some) else [])


def without_gradients(run: Shown, found: Iterable[Combined]) -> str:
    """Say which classes were searched without gradients; empty if none was."""
    some = list(found)
    which = list(dict.fromkeys(one.class_index for one in some if one.way != "gradient"))
    if not which:
        return ""
    every = all(one.way != "gradient" for one in some) and len(which) > 1
    return f"{'All classes' if every else f'Class {wording.class_names(run, which)}'}: {WITHOUT_GRADIENTS}"


def summary(run: Shown, found: Combined) -> str:
    """Say in one sentence how far the class is from being lost."""
    within = found.broken_by(found.tested_to)
    of = "" if found.toward is None else f" for {wording.class_name(run, found.toward)}"
    word = "taken" if of else "broken"
    said = f"{within} of {found.total} start images are {word}{of} within {wording.sigma(found.tested_to)}"
    if found.wrong_unmoved:
        said += f", {found.wrong_unmoved} of them unmoved"
    if found.rejections:
        said += f"; of {found.rejections} more, the judges that decide rejected what the guides let pass"
    changed = in_a_word(found)
    return f"{said}: {changed}" if changed else said

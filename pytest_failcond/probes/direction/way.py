"""A start image on its way to its break, as a strip of pictures."""

from __future__ import annotations

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.direction.words import at
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import wording
from pytest_failcond.report.strips import seen_as
from pytest_failcond.words.drawings import Frame, Said, Strip
from pytest_failcond.words.judged import judged_name
from pytest_failcond.words.printing import printable


def strip_of(run: Shown, direction: Direction) -> Strip:
    """Describe a start image on its way to its break, and its predictions."""
    strip = direction.strip
    named = wording.class_name(run, direction.class_index)
    frames = []
    for i, shift in enumerate(strip.shift):
        wrong = strip.predicted[i] != direction.class_index
        seen = wording.class_name(run, strip.predicted[i])
        moved = f"{shift:.2f} σ"
        said = [
            Said(moved),
            Said(f"p({named}) {wording.share(strip.p[i])}"),
            seen_as("", seen, wrong),
        ]
        if strip.judged is not None and strip.accepted is not None:
            said.append(Said(_judged(run, direction, strip.judged[i], strip.accepted[i]), "soft"))
        frames.append(Frame(said, [f"a {named} moved by {moved}, taken for {seen}"], wrong=wrong))
    return Strip(
        frames, strip.file, name=direction.key, steps=True, beside=_mean_difference(direction)
    )


def _mean_difference(direction: Direction) -> Frame | None:
    """Describe the picture of where all start images change."""
    where = direction.where
    if where is None:
        return None
    said = [Said(f"mean of {direction.total:,}"), Said(f"at most {where.most:.2f}", "soft")]
    places = at(where.places) if where.places else "nowhere"
    alt = f"mean difference of all start images, brighter where it is larger: {places}"
    return Frame(said, [alt], where.file)


def _judged(run: Shown, direction: Direction, seen: int, accepted: bool) -> str:
    """Return the judges' acceptance of a frame in words, or else their prediction."""
    name = printable(judged_name(run.classes, seen))
    if not accepted and seen == direction.class_index:
        name = f"{name}?"  # first, but under least_p
    return f"judge {'✓' if accepted else '✗'} {name}"

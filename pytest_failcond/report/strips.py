"""Pictures of a run side by side: what is seen in them, and what is said below."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.records.measurements import Examples
from pytest_failcond.report import wording
from pytest_failcond.runs.comparison import KeyComparison
from pytest_failcond.runs.run import Run
from pytest_failcond.words.drawings import Frame, Said, Strip
from pytest_failcond.words.judged import judged_name
from pytest_failcond.words.printing import printable


def changed_images(run: Run, entry: KeyComparison) -> Iterator[Strip]:
    """Describe some of a key's images that were lost and gained."""
    for title, found in (("Lost", entry.lost_examples), ("Gained", entry.gained_examples)):
        if found is not None:
            yield examples(run, found, f"{title}:", ("then", "now"), rows=1)


def examples(run: Run, found: Examples, title: str, when: tuple[str, str], *, rows: int) -> Strip:
    """Describe images with their true class and what they were taken for, both times."""
    frames = []
    for i, index in enumerate(found.indices):
        label = wording.class_name(run, found.labels[i])
        said = [Said(f"image {index}: {label}")]
        for word, seen in zip(when, (found.before[i], found.after[i]), strict=True):
            wrong = seen != found.labels[i]
            said.append(_seen(f"{word} ", wording.class_name(run, seen), wrong))
        shown = when if rows == 2 else ("",)
        frames.append(Frame(said, [f"a {label}, image {index}, {what}" for what in shown]))
    return Strip(frames, found.file, title=title)


def way(run: Run, direction: Direction) -> Strip:
    """Describe a start image on its way to its break, and what was seen in it."""
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
            _seen("", seen, wrong),
        ]
        if strip.judged is not None and strip.accepted is not None:
            said.append(Said(_judged(run, direction, strip.judged[i], strip.accepted[i]), "soft"))
        frames.append(Frame(said, [f"a {named} moved by {moved}, taken for {seen}"], wrong=wrong))
    return Strip(frames, strip.file, name=direction.key, steps=True)


def _judged(run: Run, direction: Direction, seen: int, accepted: bool) -> str:
    """Say whether the judges accept a frame, and else what it is taken for."""
    name = printable(judged_name(run.classes, seen))
    if not accepted and seen == direction.class_index:
        name = f"{name}?"  # first, but under least_p
    return f"judge {'✓' if accepted else '✗'} {name}"


def _seen(when: str, name: str, wrong: bool) -> Said:
    return Said(f"{when}{'✗' if wrong else '✓'} {name}", "failed" if wrong else "plain")

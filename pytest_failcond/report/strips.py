"""Pictures of a run side by side, and the lines below."""

from __future__ import annotations

from pytest_failcond.probes.shown import Shown
from pytest_failcond.records.measurements import Examples
from pytest_failcond.report import wording
from pytest_failcond.words.drawings import Frame, Said, Strip


def examples(run: Shown, found: Examples, title: str, when: tuple[str, str], *, rows: int) -> Strip:
    """Describe images with their true class and both predictions."""
    frames = []
    for i, index in enumerate(found.indices):
        label = wording.class_name(run, found.labels[i])
        said = [Said(f"image {index}: {label}")]
        for word, seen in zip(when, (found.before[i], found.after[i]), strict=True):
            wrong = seen != found.labels[i]
            said.append(seen_as(f"{word} ", wording.class_name(run, seen), wrong))
        shown = when if rows == 2 else ("",)
        frames.append(Frame(said, [f"a {label}, image {index}, {what}" for what in shown]))
    return Strip(frames, found.file, title=title)


def seen_as(when: str, name: str, wrong: bool) -> Said:
    """Return the prediction of an image in words."""
    return Said(f"{when}{'✗' if wrong else '✓'} {name}", "failed" if wrong else "plain")

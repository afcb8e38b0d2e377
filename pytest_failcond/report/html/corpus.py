"""What became of the corpus, and the images of it that were lost."""

from __future__ import annotations

from pytest_failcond.errors import FailcondError
from pytest_failcond.measurements import Replayed
from pytest_failcond.probes.keys import EntryKey, Key
from pytest_failcond.report import contents, corpus
from pytest_failcond.report.html.parts import note, picture, tag, text
from pytest_failcond.run import Run

_PICTURED = 30  # lost images in the summary; their tests show them all


def corpus_section(run: Run, with_pictures: bool) -> list[str]:
    """Return the line about the corpus, what to do about it, and what was lost."""
    line = corpus.summary(run)
    if not line:
        return []
    parts = [text("p", line)]
    if advice := corpus.advice(run):
        parts.append(note(advice))
    lost = [
        tag("li", text("span", corpus.title(entry)), *_replayed(run, entry, with_pictures))
        for entry in contents.lost(run)[:_PICTURED]
    ]
    return [*parts, tag("ul", *lost, class_="strip examples")] if lost else parts


def replayed_of(run: Run, key: Key, with_pictures: bool) -> list[str]:
    """Return what was seen in the image that ``corpus:ID`` names; nothing for another key."""
    entries = () if run.corpus is None else run.corpus.entries
    for entry in entries:
        if key == EntryKey(entry.id):
            return [
                tag("ul", tag("li", *_replayed(run, entry, with_pictures)), class_="strip examples")
            ]
    return []


def _replayed(run: Run, entry: Replayed, with_pictures: bool) -> list[str]:
    said = corpus.told(run, entry)
    parts = [text("span", said, class_="failed" if entry.lost else None)]
    try:
        content = run.picture(entry.picture) if with_pictures and entry.picture else None
    except FailcondError as error:
        return [*parts, note(str(error))]
    if content is not None:
        parts.insert(0, picture(content, f"{corpus.title(entry)}: {said}"))
    return parts

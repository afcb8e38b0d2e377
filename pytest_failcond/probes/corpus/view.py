"""The corpus in the reports: its state in a line, and the lost images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_failcond.probes.corpus.folder import promotion
from pytest_failcond.probes.corpus.record import Replayed, replay_in
from pytest_failcond.probes.keys import EntryKey, Key
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report.reproduce import given, show_kept
from pytest_failcond.report.wording import count
from pytest_failcond.words.blocks import Block, Note, Section
from pytest_failcond.words.drawings import Frame, Said, Strip
from pytest_failcond.words.outcome import Fault, Outcome
from pytest_failcond.words.printing import printable

_NAMED = 8  # ids in a command; the rest are counted
_PICTURED = 30  # lost images that are shown; their tests show them all


def sections(run: Shown) -> Iterator[Section]:
    """Describe the state of the corpus, the next step, and the lost images."""
    if replay_in(run.records) is None:
        return
    notes = [Note(summary(run))]
    if command := advice(run):
        notes.append(Note(command, "aside"))
    gone = [frame(run, entry, named=True) for entry in lost(run)[:_PICTURED]]
    yield Section("Corpus", [*notes, Strip(gone)], short=True, rank=30)


def details(run: Shown, key: Key) -> Iterator[Block]:
    """Describe one image of the corpus."""
    for entry in entries_of(run):
        if key == EntryKey(entry.id):
            yield Strip([frame(run, entry, named=False)])
            if entry.origin:
                command = show_kept(run, entry.id)
                yield Note("The same image, made again: ", command=command)


def outcome(run: Shown) -> Outcome:
    """Decide over the images that must be right."""
    gone = [Fault(title(entry), told(run, entry)) for entry in lost(run)]
    if gone:
        return Outcome("failed", gone, count=f"{count(len(gone), 'image')} of the corpus lost")
    return Outcome("passed" if any(e.status == "fixed" for e in entries_of(run)) else None)


def frame(run: Shown, entry: Replayed, *, named: bool) -> Frame:
    """Describe an image and its prediction."""
    said = told(run, entry)
    lines = [Said(said, "failed" if entry.lost else "plain")]
    if entry.origin:
        lines.append(Said(printable(entry.origin)))
    if named:
        lines.insert(0, Said(title(entry)))
    return Frame(lines, (f"{title(entry)}: {said}",), entry.picture or "")


def summary(run: Shown) -> str:
    """Return the state of the corpus; empty without a corpus.

    ``12 open (9 still wrong, 3 now right), 4 fixed, all held``
    """
    replay = replay_in(run.records)
    if replay is None:
        return ""
    entries = replay.entries
    still = [e for e in entries if e.status == "open" and not e.right]
    right, fixed = mended(run), [e for e in entries if e.status == "fixed"]
    gone = sum(e.lost for e in fixed)
    parts = []
    if still or right:
        now = f", {len(right)} now right" if right else ""
        parts.append(f"{len(still) + len(right)} open ({len(still)} still wrong{now})")
    if fixed:
        parts.append(f"{len(fixed)} fixed, {f'{gone} lost' if gone else 'all held'}")
    return ", ".join(parts)


def advice(run: Shown) -> str:
    """Return the command that promotes the images that are right now; empty if there are none."""
    ids = [printable(entry.id) for entry in mended(run)]
    if not ids:
        return ""
    more = f" … ({len(ids) - _NAMED} more)" if len(ids) > _NAMED else ""
    return f"now right: promote with {promotion(ids[:_NAMED], given(run))}{more}"


def title(entry: Replayed) -> str:
    """Name an image as its test does."""
    return printable(EntryKey(entry.id))


def told(run: Shown, entry: Replayed) -> str:
    """Return the prediction on an image, and the expected class."""
    expected = "is marked as fixed, but " if entry.lost else ""
    return printable(expected + entry.told(run.classes))


def entries_of(run: Shown) -> Sequence[Replayed]:
    """Return the images of the corpus."""
    replay = replay_in(run.records)
    return () if replay is None else replay.entries


def lost(run: Shown) -> list[Replayed]:
    """Return the images that had to be right, and whose tests ran and failed."""
    return [entry for entry in entries_of(run) if entry.lost and EntryKey(entry.id) in run.planned]


def mended(run: Shown) -> list[Replayed]:
    """Return the images that are open and right."""
    return [entry for entry in entries_of(run) if entry.mended]

"""All about one key, as blocks: for a failed test, and an article of the page."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failcond.probes.corpus import view as corpus
from pytest_failcond.probes.direction import view as directions
from pytest_failcond.probes.keys import CleanKey, EntryKey, Key
from pytest_failcond.probes.regression import view as changes
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.report import contents, gates, need, strips, wording
from pytest_failcond.report.failing import confusions
from pytest_failcond.runs.run import Run
from pytest_failcond.words.blocks import Block, Heading, Note, Table
from pytest_failcond.words.drawings import Strip

_CONFUSIONS = 6


def blocks(run: Run, key: Key) -> Iterator[Block]:
    """Describe a key: its numbers, its checks, its failures, and the changes since the baseline."""
    if why := contents.unmeasured(run).get(key):
        yield Note(why, "error")
    measured, direction = run.measurements.get(key), run.directions.get(key)
    if measured is not None:
        yield Note(_accuracy(run, measured))
    if checks := run.checks_by_key.get(key, []):
        shown, more = need.few_classes(
            need.by_need(checks) if len(checks) > contents.MOST_CLASSES else checks
        )
        yield gates.checks_table(run, shown)
        if more:
            yield Note(need.and_more(more), "aside")
        yield Note(wording.BOUNDS, "aside")
    if direction is not None:
        yield from directions.one(run, direction)
    if measured is not None:
        yield from _lost(run, measured)
    yield from _changed(run, key)
    for entry in () if run.corpus is None else run.corpus.entries:
        if key == EntryKey(entry.id):
            yield Strip([corpus.frame(run, entry, named=False)])


def _accuracy(run: Run, measured: Measurement) -> str:
    clean = run.clean
    beside = ""
    if clean is not None and not isinstance(measured.key, CleanKey):
        beside = f", clean {wording.accuracy(clean.accuracy)}"
    return f"accuracy {wording.accuracy(measured.accuracy)}{beside}, n {measured.total}"


def _lost(run: Run, measured: Measurement) -> Iterator[Block]:
    """Describe the lost images of a cell, clean beside corrupted, and the confused classes."""
    if measured.examples is not None:
        title = "Right when clean, lost here:"
        yield strips.examples(run, measured.examples, title, ("clean", "here"), rows=2)
    if found := confusions(measured, run.clean, most=_CONFUSIONS):
        yield Heading("Taken for another class most often:", minor=True)
        head = ["class", "taken for", "images", "of", "right when clean"]
        rows = [
            [wording.class_name(run, pair.label), wording.class_name(run, pair.seen),
             str(pair.images), str(pair.total),
             wording.NOTHING if pair.lost is None else str(pair.lost)]
            for pair in found
        ]  # fmt: skip
        yield Table(head, rows, words=2, name="Confusions")


def _changed(run: Run, key: Key) -> Iterator[Block]:
    """Describe the losses and gains of a key since the baseline."""
    comparison = run.comparison
    for entry in comparison.keys if comparison is not None else ():
        if comparison is not None and entry.key == key and not entry.inputs_changed:
            yield Heading("Since the baseline:", minor=True)
            row = [wording.key_text(run, key), *changes.row(run, entry)[1:]]
            told = changes.note(comparison)
            yield Table(changes.HEAD, [row], name="Since the baseline", told=told)
            yield from strips.changed_images(run, entry)

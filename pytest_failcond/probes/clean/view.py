"""Predictions on the test images as blocks: clean ones in short, and the details of any."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failcond.probes.clean.confusions import confusions
from pytest_failcond.probes.keys import CleanKey, CorruptionKey, Key
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.report import contents, strips, wording
from pytest_failcond.words.blocks import Block, Heading, Note, Section, Table
from pytest_failcond.words.media import PAGES, TERMINAL

_CONFUSIONS = 6


def sections(run: Shown) -> Iterator[Section]:
    """Describe the accuracy on the clean images, unless a grid shows it beside its cells."""
    clean = contents.shade_of(run, CleanKey())
    if clean is None or _has_cells(run):
        return
    said = "error" if clean.share is None else wording.accuracy(clean.share)
    sign = wording.sign(clean.status) or ("?" if clean.share is None else "")
    text = f"{said} {sign}".rstrip()
    measured = run.records.get(CleanKey())
    images = 0 if measured is None else measured.total
    status = "error" if clean.share is None else clean.status
    notes = [Note(f"{text}  n {images}", status=status, on=TERMINAL), Note(text, on=PAGES)]
    yield Section("Clean accuracy", notes, short=True, rank=10)


def _has_cells(run: Shown) -> bool:
    return any(isinstance(PROBES.named(k), CorruptionKey) for k in [*run.records, *run.errors])


def details(run: Shown, key: Key) -> Iterator[Block]:
    """Describe the lost images of a key, clean beside changed, and the confused classes, whichever
    probe changed the images.
    """
    measured = run.records.get(key)
    if not isinstance(measured, Measurement):
        return
    if measured.examples is not None:
        title = "Right when clean, lost here:"
        yield strips.examples(run, measured.examples, title, ("clean", "here"), rows=2)
    clean = run.records.get(CleanKey())
    if found := confusions(measured, clean, most=_CONFUSIONS):
        yield Heading("Taken for another class most often:", minor=True)
        head = ["class", "taken for", "images", "of", "right when clean"]
        rows = [
            [wording.class_name(run, pair.label), wording.class_name(run, pair.seen),
             str(pair.images), str(pair.total),
             wording.NOTHING if pair.lost is None else str(pair.lost)]
            for pair in found
        ]  # fmt: skip
        yield Table(head, rows, words=2, name="Confusions")

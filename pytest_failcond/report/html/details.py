"""All that is known of one key: what a failed test shows, and an article of the page."""

from __future__ import annotations

from pytest_failcond.comparison import Comparison, KeyComparison
from pytest_failcond.directions import Direction
from pytest_failcond.errors import FailcondError
from pytest_failcond.measurements import Examples, Measurement
from pytest_failcond.probes.keys import CleanKey, Key
from pytest_failcond.report import changes, contents, direction_text, need, wording
from pytest_failcond.report.failing import confusions
from pytest_failcond.report.html import curves, pictures
from pytest_failcond.report.html.corpus import replayed_of
from pytest_failcond.report.html.parts import Cell, fragment, note, picture, table, tag, text
from pytest_failcond.report.html.tables import checks_table, direction_table
from pytest_failcond.report.reproduce import show_command
from pytest_failcond.run import Run

_CONFUSIONS = 6


def details(run: Run, key: Key, *, pictures: bool = True) -> str:
    """Return what one failed test shows: its checks, and what it failed on, with pictures."""
    title = text("p", wording.key_text(run, key), class_="title")
    return fragment([title, *content(run, key, pictures=pictures)])


def content(run: Run, key: Key, *, pictures: bool) -> list[str]:
    """Return the same without its title."""
    parts = []
    if why := contents.unmeasured(run).get(key):
        parts.append(text("p", why, class_="error"))
    measured, direction = run.measurements.get(key), run.directions.get(key)
    if measured is not None:
        parts.append(text("p", _accuracy(run, measured)))
    if checks := run.checks_by_key.get(key, []):
        shown, more = need.few_classes(
            need.by_need(checks) if len(checks) > contents.MOST_CLASSES else checks
        )
        parts += [checks_table(run, shown), *([note(need.and_more(more))] if more else [])]
        parts.append(note(wording.BOUNDS))
    if direction is not None:
        parts += _direction(run, direction, pictures)
    if measured is not None:
        parts += _lost(run, measured, pictures)
    if run.comparison is not None:
        parts += _changed(run, run.comparison, key, pictures)
    parts += replayed_of(run, key, pictures)
    return parts or [text("p", "was not measured")]


def _accuracy(run: Run, measured: Measurement) -> str:
    clean = run.clean
    beside = ""
    if clean is not None and not isinstance(measured.key, CleanKey):
        beside = f", clean {wording.accuracy(clean.accuracy)}"
    return f"accuracy {wording.accuracy(measured.accuracy)}{beside}, n {measured.total}"


def _direction(run: Run, direction: Direction, with_pictures: bool) -> list[str]:
    parts = [text("p", direction_text.title(run, direction)), direction_table(run, [direction])]
    if direction.attributes:
        parts.append(note(direction_text.ATTRIBUTES))
    if with_pictures:
        try:
            parts.append(_strip(run, direction))
        except FailcondError as error:
            parts.append(note(f"{direction.key}: {error}"))
    command = show_command(run, direction, direction.strip.shift[-1])
    parts.append(
        tag("p", "The last of them again, to the pixel: ", text("code", command), class_="command")
    )
    parts += [curves.degradation(run, direction), curves.legend(run)]
    return parts


def _strip(run: Run, direction: Direction) -> str:
    """Show a start image on its way to its break, what was seen in it, and what changed."""
    frames = direction.strip
    (images,) = pictures.cut(run, frames.file, len(frames.shift))
    named = wording.class_name(run, direction.class_index)
    entries = []
    for i, image in enumerate(images):
        wrong = frames.predicted[i] != direction.class_index
        seen = wording.class_name(run, frames.predicted[i])
        said = [
            text("span", f"{frames.shift[i]:.2f} σ"),
            text("span", f"p({named}) {wording.share(frames.p[i])}"),
            text("span", f"{'✗' if wrong else '✓'} {seen}", class_="failed" if wrong else None),
        ]
        if frames.judged is not None:
            lost = frames.judged[i] != direction.class_index
            judged = wording.class_name(run, frames.judged[i])
            said.append(text("span", f"judge {'✗' if lost else '✓'} {judged}", class_="soft"))
        alt = f"a {named} moved by {frames.shift[i]:.2f} σ, taken for {seen}"
        frame = picture(pictures.encode(image), alt, "wrong" if wrong else None)
        entries.append(tag("li", frame, *said))
    change, most = pictures.difference(images[0], images[-1])
    said = [text("span", "difference"), text("span", f"at most {most:.2f}", class_="soft")]
    alt = "what changed from the first to the last: brighter or darker than gray where it is so"
    entries.append(tag("li", picture(pictures.encode(change), alt), *said, class_="apart"))
    return tag("ol", *entries, class_="strip")


def _lost(run: Run, measured: Measurement, with_pictures: bool) -> list[str]:
    """Show what a cell lost, clean beside corrupted, and what is taken for what."""
    parts = []
    if with_pictures and measured.examples is not None:
        parts.append(text("p", "Right when clean, lost here:", class_="title"))
        parts.append(_examples(run, measured.examples, ("clean", "here"), rows=2))
    clean = run.clean
    if found := confusions(measured, clean, most=_CONFUSIONS):
        parts.append(text("p", "Taken for another class most often:", class_="title"))
        head = ["class", "taken for", "images", "of", "right when clean"]
        rows = [
            [Cell(wording.class_name(run, pair.label)), Cell(wording.class_name(run, pair.seen)),
             Cell(str(pair.images), "number"), Cell(str(pair.total), "number"),
             Cell(wording.NOTHING if pair.lost is None else str(pair.lost), "number")]
            for pair in found
        ]  # fmt: skip
        parts.append(table(head, rows, label="Confusions"))
    return parts


def _changed(run: Run, comparison: Comparison, key: Key, with_pictures: bool) -> list[str]:
    """Show what was lost and gained of a key since the baseline."""
    parts = []
    for entry in comparison.keys:
        if entry.key == key and not entry.inputs_changed:
            cells = enumerate(changes.row(run, entry))
            row = [Cell(cell, "number" if i else "") for i, cell in cells]
            parts += [text("p", "Since the baseline:", class_="title"),
                      table(changes.HEAD, [row], label="Since the baseline"),
                      note(changes.note(comparison))]  # fmt: skip
            parts += changed_images(run, entry) if with_pictures else []
    return parts


def changed_images(run: Run, entry: KeyComparison) -> list[str]:
    """Show some of the images that were lost and gained."""
    parts = []
    for title, found in (("Lost", entry.lost_examples), ("Gained", entry.gained_examples)):
        if found is not None:
            parts.append(text("p", f"{title}:", class_="title"))
            parts.append(_examples(run, found, ("then", "now"), rows=1))
    return parts


def _examples(run: Run, found: Examples, when: tuple[str, str], *, rows: int) -> str:
    """Show images with their true class and what they were taken for, both times."""
    try:
        images = pictures.cut(run, found.file, len(found.indices), rows)
    except FailcondError as error:
        return note(str(error))
    entries = []
    for i, index in enumerate(found.indices):
        label = wording.class_name(run, found.labels[i])
        said = [text("span", f"image {index}: {label}")]
        for word, seen in zip(when, (found.before[i], found.after[i]), strict=True):
            wrong = seen != found.labels[i]
            guess = f"{word} {'✗' if wrong else '✓'} {wording.class_name(run, seen)}"
            said.append(text("span", guess, class_="failed" if wrong else None))
        shown = [
            picture(pictures.encode(row[i]), f"a {label}, image {index}, {what}")
            for row, what in zip(images, when if rows == 2 else ("",), strict=True)
        ]
        entries.append(tag("li", tag("div", *shown), *said))
    return tag("ul", *entries, class_="strip examples")

"""The comparison with a baseline, as blocks and words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.regression import searches
from pytest_failcond.probes.regression.record import (
    MOST_DIRECTIONS,
    Comparison,
    DirectionComparison,
    KeyComparison,
    most_changed,
    walk_changed,
)
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import strips, wording
from pytest_failcond.report.wording import count, sigma
from pytest_failcond.words.blocks import Block, Cell, Fold, Heading, Note, Section, Table
from pytest_failcond.words.drawings import Strip
from pytest_failcond.words.media import BRIEF, HTML, MARKDOWN, PAGES, VERBOSE, Medium
from pytest_failcond.words.printing import printable

HEAD = ("", "lost", "gained", "drop", "upper bound", "p (Holm)")
DIRECTIONS_HEAD = ("", "broke at", "breaks at", "broken then", "now")
_SHOWN = 8
_UNFOLDED = 8  # keys that are not folded away
_PICTURED = 3  # keys whose changed images are shown
_LEVEL = 0.05


@dataclass(frozen=True)
class Words:
    """The words for two runs.

    Attributes:
        directions: the columns of `direction_row`.
        lost: the meaning of a lost image.
        inputs_changed: for keys whose pixels differ.
        only_then: for keys that only the first of the two has.
        other: names the first of the two.
    """

    directions: tuple[str, ...]
    lost: str
    inputs_changed: str
    only_then: str
    other: str


SINCE = Words(
    directions=DIRECTIONS_HEAD,
    lost="right in the baseline, wrong now",
    inputs_changed="inputs changed, not only the model, so not compared",
    only_then="not measured again",
    other="the baseline",
)
"""The words for a run and its baseline."""

A_AND_B = Words(
    directions=("", "A breaks at", "B breaks at", "A broken", "B broken"),
    lost="A has it right, B does not",
    inputs_changed="A and B saw other pixels, so not compared",
    only_then="not in B",
    other="A",
)
"""The words for two runs or models, side by side."""


Model = Literal["same", "same weights", "another", "unknown"]

_MODEL: dict[Model, str] = {
    "same": "the same model",
    "same weights": "the same weights, different code or surroundings: predictions on the same pixels "
    "differ",
    "another": "another model",
    "unknown": "whether it is the same model is not known",
}


def sections(run: Shown) -> Iterator[Section]:
    """Describe the losses and gains since the baseline."""
    if (comparison := run.comparison) is not None:
        first = Note(f"{headline(comparison)}; {summary(comparison)}")
        found = [first, *blocks(run, comparison, SINCE)]
        yield Section("Since the baseline", found, place="changes")


def details(run: Shown, key: Key) -> Iterator[Block]:
    """Describe the losses and gains of a key."""
    comparison = run.comparison
    for entry in comparison.keys if comparison is not None else ():
        if comparison is not None and entry.key == key and not entry.inputs_changed:
            yield Heading("Since the baseline:", minor=True)
            cells = [wording.key_text(run, key), *row(run, entry)[1:]]
            yield Table(HEAD, [cells], name="Since the baseline", told=note(comparison))
            yield from changed_images(run, entry)


def blocks(run: Shown, comparison: Comparison, words: Words) -> Iterator[Block]:
    """Describe the changed keys and directions, and sum up the rest."""
    yield from _blocks(run, comparison, words, every=False, on=BRIEF | PAGES)
    yield from _blocks(run, comparison, words, every=True, on=VERBOSE)


def _blocks(
    run: Shown, comparison: Comparison, words: Words, *, every: bool, on: frozenset[Medium]
) -> Iterator[Block]:
    """Describe the changes for some media: every key and direction, or the most changed."""
    keys, rest = shown(run, comparison, every=every)
    if keys:
        first = None if len(keys) <= _UNFOLDED + 1 else _UNFOLDED
        more = f"{len(keys) - (first or 0)} more"
        rows, told = [row(run, entry) for entry in keys], note(comparison, words)
        yield Table(HEAD, rows, name="Keys", first=first, rest=more, told=told, on=on)
    for remark in [*remarks(comparison, rest, words), *_ranked_otherwise(run, comparison, words)]:
        yield Note(remark, "aside", on=on)
    directions, others = shown_directions(comparison, every=every)
    if directions:
        title, rows = "Shared directions", [direction_row(run, entry) for entry in directions]
        yield Heading(f"{title}, most changed first", on=on - MARKDOWN)
        yield Table(words.directions, rows, name=title, told=DIRECTIONS_NOTE, on=on)
    if others:
        less = f"{count(others, 'more direction')}, less changed"
        yield Note(less, "aside", on=on - MARKDOWN)
    yield from searches.blocks(run, comparison, words.directions, words.other, every=every, on=on)
    for entry in keys[:_PICTURED]:
        if images := list(changed_images(run, entry)):
            title = f"{wording.key_text(run, entry.key)}: lost and gained"
            yield Fold(title, images, on=on & HTML)


def changed_images(run: Shown, entry: KeyComparison) -> Iterator[Strip]:
    """Describe some of a key's images that were lost and gained."""
    for title, found in (("Lost", entry.lost_examples), ("Gained", entry.gained_examples)):
        if found is not None:
            yield strips.examples(run, found, f"{title}:", ("then", "now"), rows=1)


def headline(comparison: Comparison) -> str:
    """Name the baseline of the run, and whether the model is another one."""
    then = wording.origin(comparison.then)
    return (
        f"{printable(comparison.baseline)}{f' ({then})' if then else ''}: "
        + _MODEL[model_of(comparison)]
    )


def model_of(comparison: Comparison) -> Model:
    """Return whether the two classifiers are the same, as far as is known."""
    if comparison.same_model is None:
        return "unknown"
    if not comparison.same_model:
        return "another"
    changed = comparison.predictions_differ or any(map(_changed, comparison.keys))
    return "same weights" if changed else "same"


def summary(comparison: Comparison) -> str:
    """Count losses and gains over all keys."""
    keys = [entry for entry in comparison.keys if not entry.inputs_changed]
    if not comparison.keys:
        return "test images were not measured in both"
    if not keys:
        return "both runs have no key on the same pixels"
    lost, gained = (sum(getattr(e, name) for e in keys) for name in ("lost", "gained"))
    images = keys[0].right + keys[0].lost + keys[0].gained + keys[0].wrong
    mean = sum(entry.drop for entry in keys) / len(keys)
    text = (
        f"over {count(len(keys), 'key')} of {count(images, 'image')}: {lost} predictions lost, "
        f"{gained} gained, mean drop {mean:z.4f}"
    )
    if comparison.directions:
        changed = sum(map(walk_changed, comparison.directions))
        text += f"; {changed} of {count(len(comparison.directions), 'direction')} changed"
    return text


def shown(
    run: Shown, comparison: Comparison, *, every: bool = False
) -> tuple[list[KeyComparison], list[KeyComparison]]:
    """Split the keys into those shown and the rest: losses before gains, the largest first.

    Keys that differ beyond chance, or on which a gate failed, are all shown; of those that did not
    change, none.
    """
    failed = {c.key for c in run.checks if c.verdict == "failed" and c.against_baseline}
    keys = [entry for entry in comparison.keys if not entry.inputs_changed]

    def matters(entry: KeyComparison) -> bool:
        return entry.p_holm < _LEVEL or entry.key in failed

    keys.sort(key=lambda e: (not _changed(e), not matters(e), -abs(e.drop)))
    changed = sum(map(_changed, keys))
    wanted = max(_SHOWN, sum(map(matters, keys)))
    number = len(keys) if every else changed if changed <= wanted + 1 else wanted
    return sorted(keys[:number], key=lambda e: (e.drop < 0, -abs(e.drop))), keys[number:]


def _changed(entry: KeyComparison) -> bool:
    return entry.lost + entry.gained > 0


def shown_directions(
    comparison: Comparison, *, every: bool
) -> tuple[list[DirectionComparison], int]:
    """Return the directions whose broken share changed most, and how many others changed."""
    if every:
        return most_changed(comparison, len(comparison.directions)), 0
    changed = sum(map(walk_changed, comparison.directions))
    return most_changed(comparison, min(changed, MOST_DIRECTIONS)), max(
        changed - MOST_DIRECTIONS, 0
    )


def row(run: Shown, entry: KeyComparison) -> list[str | Cell]:
    """Return the cells of a key, as in `HEAD`."""
    return [
        Cell(wording.key_text(run, entry.key), key=entry.key),
        str(entry.lost),
        str(entry.gained),
        f"{entry.drop:z.4f}",
        f"{entry.bound:z.4f}",
        f"{entry.p_holm:.2g}" if entry.p_holm else "< 1e-300",
    ]


def direction_row(run: Shown, entry: DirectionComparison) -> list[str | Cell]:
    """Return the cells of a direction, as in `DIRECTIONS_HEAD`."""
    return [
        Cell(wording.key_text(run, entry.key), key=entry.key),
        _breaks(entry.breaking_shift_then, entry.tested_to_then),
        _breaks(entry.breaking_shift, entry.tested_to),
        wording.share(entry.broken_share_then),
        wording.share(entry.broken_share),
    ]


def _breaks(shift: float | None, tested: float) -> str:
    return f"> {sigma(tested)}" if shift is None or shift > tested else sigma(shift)


DIRECTIONS_NOTE = (
    "broken: share of the same start images, by the end of validity, or of the walk, for both."
)


def note(comparison: Comparison, words: Words = SINCE) -> str:
    """Explain the columns of the keys."""
    return (
        f"lost: {words.lost}; drop: of accuracy, below 0 a gain; upper bound: the drop is less than "
        f"this, with {comparison.confidence * 100:g} % confidence; p: McNemar's, of no difference, "
        "adjusted for the number of keys; no gate uses it."
    )


def remarks(
    comparison: Comparison, rest: Sequence[KeyComparison], words: Words = SINCE
) -> list[str]:
    """Name the keys outside the tables, with the reason."""
    said = []
    if less := [abs(entry.drop) for entry in rest if _changed(entry)]:
        most = max(less)
        said.append(
            f"{count(len(less), 'more key')}: no difference beyond chance; the largest is {most:.4f}"
        )
    unchanged = len(rest) - len(less)
    if unchanged and any(map(_changed, comparison.keys)):
        said.append(f"{count(unchanged, 'more key')} unchanged")
    if other := [printable(entry.key) for entry in comparison.keys if entry.inputs_changed]:
        said.append(f"{words.inputs_changed}: {', '.join(other)}")
    if comparison.only_then:
        few = [printable(key) for key in comparison.only_then[:4]]
        more = len(comparison.only_then) - len(few)
        said.append(f"{words.only_then}: {', '.join(few)}{f' and {more} more' if more > 0 else ''}")
    for what in ("lost", "gained"):
        if ids := getattr(comparison, f"corpus_{what}"):
            named, more = ", ".join(map(printable, ids[:8])), len(ids) - 8
            said.append(f"corpus, {what}: {named}{f' and {more} more' if more > 0 else ''}")
    if comparison.remark:
        said.append(comparison.remark)
    return said


def _ranked_otherwise(run: Shown, comparison: Comparison, words: Words) -> Iterator[str]:
    """Say which classes were ranked in another way, so that only their directions are compared."""
    if classes := comparison.ranked_otherwise:
        yield (
            f"class {wording.class_names(run, classes)}: not ranked as in {words.other} (by gradient and by "
            "measured effect), so directions are compared, and not their ranks"
        )

"""The generator's fitness as blocks: its images of each class beside real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_failcond.probes.direction.fit import Fitness, Likeness, fitness_of, nothing_fit, unfit
from pytest_failcond.probes.direction.record import directions_in
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents, wording
from pytest_failcond.words.blocks import Cell, Column, Note, Section, Table
from pytest_failcond.words.judged import NO_JUDGE
from pytest_failcond.words.media import MEDIA, PAGES
from pytest_failcond.words.outcome import Outcome
from pytest_failcond.words.printing import printable

_TITLE, _RANK = "Fitness of the generator", 40
_NO_IMAGES = "Without test images, the generator's fitness is not judged."
_EXPLAINED = (
    "Accepted: by the judges, of unmoved generated images and of real test images, corrupted as in the "
    "generator's training. Distance: Fréchet distance to real images in a judge's features, in their "
    "spread, and in brackets that of real images from each other. Coverage: share of real images with a "
    "generated one near, and in brackets with another real one. Classes that are not fit come first, then "
    "those of which the judges accept least, compared with real images."
)


def sections(run: Shown) -> Iterator[Section]:
    """Describe the fitness of each class; a terminal shows a line if every class is fit."""
    found = fitness_of(run.records)
    if not found:
        if said := _why_not_judged(run):
            yield Section(_TITLE, [Note(said, "aside")], short=True, rank=_RANK)
        return
    bad = unfit(found)
    if not bad:
        line = f"all {len(found)} classes are fit" if len(found) > 1 else "the class is fit"
        yield Section(
            _TITLE, [Note(line, "aside"), _table(run, found, fit=True)], short=True, rank=_RANK
        )
        return
    names = ", ".join(
        wording.class_name(run, one.class_index) for one in bad[: contents.MOST_CLASSES]
    )
    more = (
        f" and {len(bad) - contents.MOST_CLASSES} more" if len(bad) > contents.MOST_CLASSES else ""
    )
    are = "is" if len(bad) == 1 else "are"
    told = (
        f"{len(bad)} of {len(found)} classes {are} not fit, so nothing is said of their directions: "
        f"{names}{more}"
    )
    note = Note(told, "error" if nothing_fit(run.records) else "warning")
    yield Section(_TITLE, [note, _table(run, found, fit=False)], rank=_RANK)


def outcome(run: Shown) -> Outcome:
    """Decide over the generator: if it shows no class well enough, nothing is known of any direction."""
    walked = [*directions_in(run.records).values()]
    unjudged = bool(walked) and all(direction.valid_range is None for direction in walked)
    return Outcome(
        "error" if nothing_fit(run.records) else None,
        aside=_not_evaluated(run),
        remarks=[NO_JUDGE] if unjudged else [],
    )


def _not_evaluated(run: Shown) -> str:
    """Count the checks that say nothing because of the generator."""
    found = fitness_of(run.records)
    bad = unfit(found)
    if not bad:
        return ""
    if why := nothing_fit(run.records):
        return printable(why)
    sentences = set(run.withheld.values())
    checks = sum(check.reason in sentences for check in run.checks)
    are = "is" if len(bad) == 1 else "are"
    fit = f"{len(bad)} of {len(found)} classes {are} not fit"
    return f"{wording.count(checks, 'check')} not evaluated: {fit}"


def _why_not_judged(run: Shown) -> str:
    """Return the reason why fitness was not judged; nothing if there is no judge, as a remark of the
    report says, or if an older version kept the run.
    """
    judged = any(
        direction.valid_range is not None for direction in directions_in(run.records).values()
    )
    return _NO_IMAGES if judged and not len(run.labels) else ""


def _table(run: Shown, found: Sequence[Fitness], *, fit: bool) -> Table:
    """Describe classes in a row each, those that are not fit first; ten at most."""
    worst = sorted(found, key=lambda one: (one.fit, _share(one)))[: contents.MOST_CLASSES]
    head = [
        Column("class"),
        Column("accepted", "number"),
        Column("of real ones", "number"),
        Column("distance", "number"),
        Column("coverage", "number"),
        Column("why not", "prose", on=PAGES),
    ]
    rows: list[list[str | Cell]] = [
        [
            Cell(wording.class_name(run, one.class_index), None if one.fit else "not_evaluated"),
            f"{one.accepted} of {one.drawn}",
            f"{one.real_accepted} of {one.real}",
            _beside(one, "distance"),
            _beside(one, "coverage"),
            one.why or wording.NOTHING,
        ]
        for one in worst
    ]
    return Table(head, rows, told=_EXPLAINED, on=PAGES if fit else MEDIA)


def _share(one: Fitness) -> float:
    return one.accepted * one.real / (one.drawn * max(one.real_accepted, 1))


def _beside(one: Fitness, figure: str) -> str:
    def of(likeness: Likeness | None) -> float | None:
        return None if likeness is None else float(getattr(likeness, figure))

    mine, theirs = of(one.likeness), of(one.real_likeness)
    return wording.NOTHING if mine is None or theirs is None else f"{mine:.2f} ({theirs:.2f})"

"""The deck that a reader gets: the last one drawn for a run, or a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.configured import open_laboratory
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.moving import Breaks
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.review.answers import Review, read_review, update_review
from pytest_failcond.review.deck import Claim, Deck, Drawn, Kind, Subjects, make_deck
from pytest_failcond.review.drawing import Pixels, Start, breaks_of, draw
from pytest_failcond.review.subjects import subjects_of
from pytest_failcond.runs.run import Run
from pytest_failcond.subjects.images import png
from pytest_failcond.words.printing import count

Tell = Callable[[str], None]
_COMPARED = ("classifier", "generator", "judge", "least_p", "truncation")


@dataclass(frozen=True)
class Wanted:
    """A request for a deck.

    Attributes:
        run: the run to review.
        name: of the run, in messages.
        new: whether to draw another deck although there is one.
        counts: the number of images of each kind.
    """

    run: Run
    name: str
    new: bool
    counts: Mapping[Kind, int]


def settings_of(run: Run, settings: Settings) -> Settings:
    """Return the settings with the seed of a run, and its settings of corner cases and combinations."""
    then = run.configuration
    names = ("seed", "corner_cases", "combinations")
    return settings.model_copy(update={name: getattr(then, name) for name in names})


def deck_for(wanted: Wanted, settings: Settings, path: Path, tell: Tell) -> Deck:
    """Return the last deck drawn for a run, or draw one and keep it in the review file.

    Raises:
        FailcondError: the configured subjects differ from the run's, or no image is broken.
    """
    run = wanted.run
    if not any(PROBES[key.probe].breaks for key in run.records if key.probe in PROBES):
        raise FailcondError(
            f"{wanted.name}: the run has no directions or combinations to review; run the tests of corner cases "
            "or combinations, and keep the run with --failcond-json"
        )
    laboratory = open_laboratory(settings_of(run, settings))
    _check_subjects(wanted, laboratory)
    searched = list(run.combinations.values())
    guides = searched[0].guides if searched else ()
    subjects = subjects_of(laboratory.subjects, laboratory.settings, lambda: guides)
    if not searched:  # the deck draws from directions alone, whatever is configured
        subjects = subjects.model_copy(update={"combinations": None})
    review = read_review(path) or Review()
    earlier = [deck for deck in review.decks if _is_of(deck, subjects)]
    same = [deck for deck in earlier if deck.subjects.combinations == subjects.combinations]
    if same and not wanted.new:
        return same[-1]
    deck, images = _draw(wanted, laboratory, subjects, review, len(earlier) + 1, tell)
    pictures = {image: png(pixels) for image, pixels in images.items()}
    update_review(path, lambda now: now.with_deck(deck), pictures)
    return deck


def _check_subjects(wanted: Wanted, laboratory: Laboratory) -> None:
    """Check that the configured subjects are those of the run."""
    # Runs of versions without this setting have a truncation of 1.
    then, now = ({"truncation": 1.0} | s for s in (wanted.run.subjects, laboratory.subjects))
    for name in _COMPARED:
        if then.get(name) != now.get(name):
            raise FailcondError(
                f"{wanted.name}: the run was made with {name} {then.get(name)}, and {now.get(name)} is "
                f"configured; make a new run, or configure the run's {name}"
            )


def _is_of(deck: Deck, subjects: Subjects) -> bool:
    """Whether a deck is of these subjects; such decks draw from the same start images, and differ in number."""
    names = ("classifier", "generator", "judges", "seed", "truncation")
    return all(getattr(deck.subjects, name) == getattr(subjects, name) for name in names)


def _draw(
    wanted: Wanted,
    laboratory: Laboratory,
    subjects: Subjects,
    review: Review,
    number: int,
    tell: Tell,
) -> tuple[Deck, dict[str, Pixels]]:
    names = laboratory.class_names or ()
    pool, records = Breaks(), wanted.run.records
    for index, name in enumerate(names):
        of_class = breaks_of(index, records, laboratory)
        pool.add(of_class)
        if of_class.ways or of_class.breaks:
            tell(f"class {name!r}: {count(len(of_class.breaks), 'broken image')}")
    claims = [claim for deck in review.decks for claim in deck.claims]
    own = [claim for deck in review.decks if _is_of(deck, subjects) for claim in deck.claims]
    found = draw(
        laboratory,
        pool,
        subjects,
        number,
        wanted.counts,
        seen={claim.image for claim in claims},
        used=_starts(own, names),
    )
    _say_what_is_missing(found, wanted.counts, laboratory, tell)
    return make_deck(found, names, subjects, number)


def _starts(claims: list[Claim], names: tuple[str, ...]) -> set[Start]:
    return {
        (names.index(claim.class_name), claim.sample)
        for claim in claims
        if claim.sample is not None and claim.class_name in names
    }


def _say_what_is_missing(
    found: list[Drawn], counts: Mapping[Kind, int], laboratory: Laboratory, tell: Tell
) -> None:
    kinds = [drawn.claim.kind for drawn in found]
    if not {"break", "rejected"}.intersection(kinds):
        raise FailcondError(
            "all broken images of the run are in earlier decks, or there are none; raise "
            "corner_cases.samples or corner_cases.top, and make a new run"
        )
    few = {kind: kinds.count(kind) for kind in counts if kinds.count(kind) < counts[kind]}
    for kind, number in few.items():
        if kind != "rejected" or laboratory.acceptance.judged:
            tell(
                f"the deck has only {count(number, 'image')} of kind {kind!r}; {counts[kind]} were wanted"
            )

"""The deck that a reader is given: the one that was begun for a run, or a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.configured import open_laboratory
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.review.answers import Review, read_review, update_review
from pytest_failcond.review.deck import Claim, Deck, Drawn, Kind, Subjects, make_deck
from pytest_failcond.review.drawing import Pixels, Pool, Start, add_class, draw
from pytest_failcond.review.subjects import subjects_of
from pytest_failcond.runs.run import Run
from pytest_failcond.subjects.images import png

Tell = Callable[[str], None]
_COMPARED = ("classifier", "generator", "judge", "least_p", "truncation")


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        run: that is reviewed.
        name: what messages call it.
        new: whether another deck is drawn, though there is one.
        counts: images of each kind.
    """

    run: Run
    name: str
    new: bool
    counts: Mapping[Kind, int]


def settings_of(run: Run, settings: Settings) -> Settings:
    """Return the settings with what the walks of a run depend on, as the run has it."""
    then = run.configuration
    return settings.model_copy(update={"seed": then.seed, "corner_cases": then.corner_cases})


def deck_for(wanted: Wanted, settings: Settings, path: Path, tell: Tell) -> Deck:
    """Return the deck that was begun for a run, or draw one and keep it in the review file.

    Raises:
        FailcondError: what is configured is not what the run was made with, or nothing is broken.
    """
    run = wanted.run
    keys = [key for key in run.directions if isinstance(key, DirectionKey)]
    if not keys:
        raise FailcondError(
            f"{wanted.name}: has no directions, so there is nothing to review; let the tests of corner "
            "cases run, and keep the run with --failcond-json"
        )
    laboratory = open_laboratory(settings_of(run, settings))
    _check_subjects(wanted, laboratory)
    subjects = subjects_of(laboratory.subjects, laboratory.settings)
    review = read_review(path) or Review()
    earlier = [deck for deck in review.decks if _is_of(deck, subjects)]
    if earlier and not wanted.new:
        return earlier[-1]
    deck, images = _draw(wanted, laboratory, keys, subjects, review, len(earlier) + 1, tell)
    pictures = {image: png(pixels) for image, pixels in images.items()}
    update_review(path, lambda now: now.with_deck(deck), pictures)
    return deck


def _check_subjects(wanted: Wanted, laboratory: Laboratory) -> None:
    """See that what is configured is what the run was made with."""
    # Before there was a truncation, it was 1.
    then, now = ({"truncation": 1.0} | s for s in (wanted.run.subjects, laboratory.subjects))
    for name in _COMPARED:
        if then.get(name) != now.get(name):
            raise FailcondError(
                f"{wanted.name}: was made with {name} {then.get(name)}, and {now.get(name)} is configured; "
                "make a new run, or name the run's own"
            )


def _is_of(deck: Deck, subjects: Subjects) -> bool:
    """Whether a deck is one of those that are told apart by their number alone."""
    names = ("classifier", "generator", "judges", "seed", "truncation")
    return all(getattr(deck.subjects, name) == getattr(subjects, name) for name in names)


def _draw(
    wanted: Wanted,
    laboratory: Laboratory,
    keys: list[DirectionKey],
    subjects: Subjects,
    review: Review,
    number: int,
    tell: Tell,
) -> tuple[Deck, dict[str, Pixels]]:
    names = laboratory.class_names or ()
    pool = Pool()
    for index in dict.fromkeys(key.class_index for key in keys):
        broken = add_class(pool, laboratory, [key for key in keys if key.class_index == index])
        tell(f"class {names[index]!r}: {broken} broken images")
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
            "there is no broken image to review that was not in a deck before; raise corner_cases.samples "
            "or corner_cases.top, and make a new run"
        )
    few = {kind: kinds.count(kind) for kind in counts if kinds.count(kind) < counts[kind]}
    for kind, number in few.items():
        if kind != "rejected" or laboratory.acceptance.judged:
            tell(f"there are only {number} images of kind {kind!r}, {counts[kind]} were wanted")

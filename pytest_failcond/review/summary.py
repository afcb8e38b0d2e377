"""What ``failcond review --show`` says. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_failcond.review.answers import Review
from pytest_failcond.review.deck import Deck
from pytest_failcond.review.standing import standing
from pytest_failcond.review.wording import sentence

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings


def summary(review: Review, settings: Settings) -> Iterator[str]:
    """Say what was found of each classifier, at the level that is configured now; then who read which deck."""
    for classifier in dict.fromkeys(deck.subjects.classifier for deck in review.decks):
        decks = [deck for deck in review.decks if deck.subjects.classifier == classifier]
        now = decks[-1].subjects.model_copy(update={"least_p": least_p_of(settings, decks[-1])})
        yield sentence(standing(review, now), settings.confidence)
    for deck in review.decks:
        yield _of_deck(review, deck)


def least_p_of(settings: Settings, deck: Deck) -> float:
    """Return the level that is configured; without judges, there is none."""
    return 0.0 if deck.subjects.judges is None else deck.subjects.least_p


def _of_deck(review: Review, deck: Deck) -> str:
    read = Counter((a.reader, a.kind) for a in review.answers if a.deck == deck.id)
    who = ", ".join(f"{name} ({kind}) {number}" for (name, kind), number in read.items())
    used = "; it chose least_p" if deck.calibrated else ""
    return f"deck {deck.id}: {len(deck.images)} images, answered by {who or 'nobody'}{used}"

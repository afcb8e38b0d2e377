"""What ``failcond review --show`` says. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_failcond.review.answers import Review
from pytest_failcond.review.deck import Deck, Subjects
from pytest_failcond.review.standing import is_accepted, read_images, standing
from pytest_failcond.review.wording import sentence

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings


def summary(review: Review, settings: Settings) -> Iterator[str]:
    """Say what was found of each classifier, at the level that is configured now; then who read which deck."""
    for classifier in dict.fromkeys(deck.subjects.classifier for deck in review.decks):
        decks = [deck for deck in review.decks if deck.subjects.classifier == classifier]
        now = decks[-1].subjects
        if now.judges is not None:
            now = now.model_copy(update={"least_p": settings.acceptance.least_p})
        found = standing(review, now)
        yield sentence(found, settings.confidence)
        if told := _by_move(review, [deck for deck in decks if deck.id in found.decks], now):
            yield told
    for deck in review.decks:
        yield _of_deck(review, deck)


def _by_move(review: Review, decks: list[Deck], now: Subjects) -> str:
    """Tell images that were wrong before they were moved from those that a move broke."""
    breaks = [one for one in read_images(review, decks) if is_accepted(one.claim, now)]
    parts = []
    for words, moved in (("broken by a move", True), ("wrong before any move", False)):
        some = [one.readable for one in breaks if bool(one.claim.shift) == moved]
        if some:
            parts.append(f"{words}: {sum(some)} of {len(some)}")
    return f"of these, {'; '.join(parts)}" if parts else ""


def _of_deck(review: Review, deck: Deck) -> str:
    read = Counter((a.reader, a.kind) for a in review.answers if a.deck == deck.id)
    who = ", ".join(f"{name} ({kind}) {number}" for (name, kind), number in read.items())
    used = "; it chose least_p" if deck.calibrated else ""
    return f"deck {deck.id}: {len(deck.images)} images, answered by {who or 'no reader'}{used}"

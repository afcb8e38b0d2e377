"""The lines of ``failcond review --show``. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_failcond.review.answers import Review
from pytest_failcond.review.deck import Deck, Subjects
from pytest_failcond.review.standing import is_accepted, read_images, standing, unread, why_not
from pytest_failcond.review.wording import marginal, sentence
from pytest_failcond.words.printing import count

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings


def summary(review: Review, settings: Settings) -> Iterator[str]:
    """Say the findings about each classifier at the configured level; then the readers of each deck.

    The newest deck of a classifier decides for which generator, judges and truncation its decks count, and the
    newest that draws from combinations for which search.
    """
    reasons: dict[str, str] = {}
    told_before = ""
    for classifier in dict.fromkeys(deck.subjects.classifier for deck in review.decks):
        decks = [deck for deck in review.decks if deck.subjects.classifier == classifier]
        searched = [search for deck in decks if (search := deck.subjects.combinations)]
        last = searched[-1] if searched else None
        now = decks[-1].subjects.model_copy(update={"combinations": last})
        if now.judges is not None:
            now = now.model_copy(update={"least_p": settings.acceptance.least_p})
        found = standing(review, now, settings.given)
        told_before += f"{found.outdated}; "
        yield sentence(found, settings.confidence)
        if told := marginal(found):
            yield told
        if told := _by_move(review, [deck for deck in decks if deck.id in found.decks], now):
            yield told
        reasons |= {deck.id: why_not(deck, now) for deck in decks}
    for deck in review.decks:
        yield _of_deck(review, deck, reasons[deck.id], told=f"{unread(deck)}; " in told_before)


def _by_move(review: Review, decks: list[Deck], now: Subjects) -> str:
    """Say the shares of images that a move broke, and of images that were wrong before any move."""
    breaks = [one for one in read_images(review, decks) if is_accepted(one.claim, now)]
    parts = []
    for words, moved in (("broken by a move", True), ("wrong before any move", False)):
        some = [one.readable for one in breaks if bool(one.claim.shift) == moved]
        if some:
            parts.append(f"{words}: {sum(some)} of {len(some)}")
    return f"of these, {'; '.join(parts)}" if parts else ""


def _of_deck(review: Review, deck: Deck, reason: str, *, told: bool) -> str:
    """Say who has read a deck; ``told``: a line before says that it has no answers."""
    read = Counter((a.reader, a.kind) for a in review.answers if a.deck == deck.id)
    wanted = len(deck.images)
    who = ", ".join(
        f"{name} ({kind}) {number} of {wanted}" for (name, kind), number in read.items()
    )
    answers = f"; answers: {who}" if who else "" if told else "; no answers yet"
    excluded = f"; does not count: it {reason}" if reason else ""
    return f"deck {deck.id}: {count(wanted, 'image')}{answers}{excluded}"

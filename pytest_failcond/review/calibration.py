"""The choice of ``least_p`` by what readers said, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_failcond.errors import FailcondError
from pytest_failcond.review.answers import Review
from pytest_failcond.review.deck import Deck
from pytest_failcond.review.standing import AGAIN, read_images
from pytest_failcond.review.statistics import calibrate, faultless
from pytest_failcond.words.printing import count


def decks_to_use(review: Review, named: str | None) -> list[Deck]:
    """Return the decks that calibrate: those that did before, and the one that is named; else all.

    Raises:
        FailcondError: there is no such deck, or the decks are of different generators or judges.
    """
    chosen = [deck for deck in review.decks if deck.calibrated or deck.id == named]
    if named is not None:
        review.deck(named)
    decks = chosen or list(review.decks)
    of = {(d.subjects.generator, d.subjects.judges, d.subjects.truncation) for d in decks}
    if len(of) > 1:
        raise FailcondError(
            "--calibrate: the decks are of different generators or judges, and least_p is about one; name a "
            f"deck with --deck: {', '.join(deck.id for deck in decks)}"
        )
    return decks


def calibrated(review: Review, ids: Collection[str]) -> Review:
    """Return the review with some decks marked: nothing is claimed by their answers from then on."""
    for deck in review.decks:
        if deck.id in ids and not deck.calibrated:
            review = review.with_deck(deck.model_copy(update={"calibrated": True}))
    return review


def calibration_text(
    review: Review, decks: Sequence[Deck], target: float, confidence: float
) -> tuple[list[str], bool]:
    """Say what the answers propose; and whether anything is proven."""
    read = [one for one in read_images(review, decks) if one.claim.kind == "break"]
    judged = [(one.claim.level, one.readable) for one in read if one.claim.level is not None]
    if read and not judged:
        raise FailcondError(
            "--calibrate: the run was made without a judge; least_p is about judges"
        )
    found = calibrate([level for level, _ in judged], [r for _, r in judged], target, confidence)
    lines = [
        f"least_p {t.level:g}: {t.readable} of {t.total} corner cases show their class, at least "
        f"{100 * t.bound:.1f} %"
        for t in found.tested
    ]
    share = f"{100 * target:g} %"
    if found.proposed is not None:
        lines.append(
            f"set least_p = {found.proposed:g} in [tool.failcond.acceptance]: at least {share} of the corner "
            f"cases show their class, with a confidence of {100 * confidence:g} %"
        )
        lines.append(f"these answers chose it, so they do not count as its proof; {AGAIN}")
        return lines, True
    enough = faultless(target, confidence)
    why = (
        f"a share of {share} takes at least {count(enough, 'faultless answer')} to corner cases of one level"
        if not found.tested
        else f"a share of {share} is not proven at the strictest level with {enough} images"
    )
    lines.append(f"{why}; it takes at least {found.missing} more answers; {AGAIN}")
    return lines, False

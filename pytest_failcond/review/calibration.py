"""The choice of ``least_p`` by readers' answers, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pytest_failcond.errors import FailcondError
from pytest_failcond.review.answers import Review
from pytest_failcond.review.deck import Deck
from pytest_failcond.review.standing import another, read_images
from pytest_failcond.review.statistics import calibrate, faultless
from pytest_failcond.words.printing import count


def decks_to_use(review: Review, named: str | None) -> list[Deck]:
    """Return the decks to calibrate with: those that did before and the named one, or all if there are none.

    Raises:
        FailcondError: there is no such deck, or the decks are of different generators, judges or truncations.
    """
    chosen = [deck for deck in review.decks if deck.calibrated or deck.id == named]
    if named is not None:
        review.deck(named)
    decks = chosen or list(review.decks)
    of = {(d.subjects.generator, d.subjects.judges, d.subjects.truncation) for d in decks}
    if len(of) > 1:
        raise FailcondError(
            "--calibrate: the decks differ in generator, judges or truncation, and one least_p does not fit "
            f"all; choose one with --deck: {', '.join(deck.id for deck in decks)}"
        )
    return decks


def calibrated(review: Review, ids: Collection[str]) -> Review:
    """Return the review with some decks marked; their answers prove nothing from then on."""
    for deck in review.decks:
        if deck.id in ids and not deck.calibrated:
            review = review.with_deck(deck.model_copy(update={"calibrated": True}))
    return review


def calibration_text(
    review: Review,
    decks: Sequence[Deck],
    target: float,
    confidence: float,
    given: Mapping[str, str],
) -> tuple[list[str], bool]:
    """Return the lines that propose a level, and whether a level is proven.

    ``given``: the options that chose the subjects, for printed commands.
    """
    read = [one for one in read_images(review, decks) if one.claim.kind == "break"]
    judged = [(one.claim.level, one.readable) for one in read if one.claim.level is not None]
    if read and not judged:
        raise FailcondError(
            "--calibrate: the run was made without a judge, and least_p applies to judges; configure a judge"
        )
    levels, readable = [level for level, _ in judged], [r for _, r in judged]
    loosest = max((deck.loosest for deck in decks), default=0.0)
    found = calibrate(levels, readable, target, confidence, loosest)
    lines = [
        f"least_p {t.level:g}: {t.readable} of {t.total} corner cases show their class, at least "
        f"{100 * t.bound:.1f} %"
        for t in found.tested
    ]
    share = f"{100 * target:g} %"
    if found.proposed is not None:
        lines.append(
            f"set acceptance.least_p = {found.proposed:g} in the configuration: at least {share} of the corner "
            f"cases show their class, with a confidence of {100 * confidence:g} %"
        )
        lines.append(f"these answers chose the level, so they do not prove it; {another(given)}")
        return lines, True
    enough = faultless(target, confidence)
    why = (
        f"a share of {share} needs at least {count(enough, 'faultless answer')} to corner cases of one level"
        if not found.tested
        else f"a share of {share} is not proven at the strictest level with {count(enough, 'image')}"
    )
    lines.append(
        f"{why}; at least {count(found.missing, 'more answer')} {'is' if found.missing == 1 else 'are'} needed; {another(given)}"
    )
    return lines, False

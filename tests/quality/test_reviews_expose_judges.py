"""Reviews expose planted judges, and the choice of ``least_p`` keeps its promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from pytest_failcond import Classifier, FailcondError, LabeledImages
from pytest_failcond.config.combination_settings import CombinationSettings
from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.moving import moved_images
from pytest_failcond.measuring.alone import Alone
from pytest_failcond.probes.direction.corner_cases import shifted_images
from pytest_failcond.probes.direction.starts import start_image, starts_of
from pytest_failcond.probes.direction.walking import walk
from pytest_failcond.probes.keys import CombinationKey, DirectionKey, Key
from pytest_failcond.probes.moved import moved_by
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.probes.review.record import Reviewed
from pytest_failcond.review.answers import Answer, Review
from pytest_failcond.review.deck import KINDS, hash_pixels, make_deck
from pytest_failcond.review.drawing import breaks_of, draw
from pytest_failcond.review.standing import Share, Standing, standing
from pytest_failcond.review.statistics import LEVELS, calibrate, faultless
from pytest_failcond.review.subjects import subjects_of
from pytest_failcond.review.wording import doubts, sentence
from pytest_failcond.storage.packing import pack, pack_bits
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.images import to_uint8
from pytest_failcond.verdicts.metrics import Case
from tests.unit.linear import LOST, STD, Bright, LinearGenerator

NO_SHIFTS = pack(np.zeros(0), "<f4")
READABLE = 0.4
"""Brightness from which an image of this generator shows its class, a circle; each σ takes 0.1 of 0.6."""


def textured_generator(channels: int = 1) -> LinearGenerator:
    """Images get darker along one dimension; others change their texture, and not how bright they are."""
    weights = torch.zeros(len(STD), channels, 8, 8)
    weights[LOST] = -0.1 / STD[LOST]
    texture = torch.randn(len(STD), channels, 8, 8, generator=torch.Generator().manual_seed(0))
    for other in {*range(len(STD))} - {LOST}:
        weights[other] = 0.03 * (texture[other] - texture[other].mean()) / STD[other]
    return LinearGenerator(weights, 0.6, STD)


def laboratory(
    classifier: float, judge: float | None, sharpness: float = 200.0, channels: int = 1
) -> Laboratory:
    """A classifier and a judge that take what is brighter than a level for a circle."""
    random = np.random.default_rng(0)
    images = LabeledImages(
        random.integers(140, 256, (60, 8, 8, channels), dtype=np.uint8), np.zeros(60, dtype=int)
    )
    settings = Settings(corner_cases={"samples": 100, "max_shift": 6.0}, seed=0)
    return Laboratory(
        settings,
        Classifier(Bright(classifier).eval()),
        images,
        textured_generator(channels),
        Acceptance.of(None if judge is None else Classifier(Bright(judge, sharpness).eval()), 0.8),
    )


def reviewed(where: Laboratory, **changes):
    """Draw a deck, have it read by somebody who sees what is there, and say what comes."""
    subjects = subjects_of(where.subjects, where.settings)
    pool = breaks_of(0, {DirectionKey(0, LOST, 1): None}, where)
    found = draw(where, pool, subjects, 1, KINDS)
    deck, images = make_deck(found, where.class_names, subjects, 1)
    claims = {claim.image: claim for claim in deck.claims}

    def say(image):
        if claims[image].kind == "unreadable":
            return changes.get("unreadable")
        return "circle" if images[image].mean() / 255 >= READABLE else None

    answers = [
        Answer(deck=deck.id, image=i, answer=say(i), reader="A", kind="model") for i in deck.images
    ]
    return deck, standing(Review((deck,)).with_answers(answers), subjects)


def test_an_honest_judge_is_found_to_be_one():
    deck, found = reviewed(laboratory(classifier=0.57, judge=READABLE))
    assert found.breaks.all == 50
    assert found.breaks.some >= 48
    assert found.rejected.some == 0
    assert "at least 9" in sentence(found, 0.95)
    assert doubts(found) == ""
    assert [claim.kind for claim in deck.claims].count("test") == 10


def test_a_judge_that_accepts_what_nobody_can_read_is_exposed():
    """The classifier is right longer than any reader: what breaks it is unreadable, and is accepted."""
    _, found = reviewed(laboratory(classifier=0.35, judge=0.1))
    assert found.breaks.all == 50
    assert found.breaks.some == 0
    assert "0 of 50 corner cases show their class (at least 0 %)" in sentence(found, 0.95)


def test_a_judge_that_rejects_all_that_breaks_is_exposed():
    """No corner case is left to be seen, which looks like a robust classifier; the rejected ones tell."""
    _, found = reviewed(laboratory(classifier=0.57, judge=0.58))
    assert found.breaks.all == 0
    assert str(found.rejected) == "20 of 20"
    told = sentence(found, 0.95)
    assert "no accepted corner case among the images" in told
    assert "of 20 rejected breaks 20 could be read" in told


def test_a_reader_who_names_everything_is_not_believed():
    _, found = reviewed(laboratory(classifier=0.57, judge=READABLE), unreadable="square")
    assert (
        "named 10 of 10 test images and 10 of 10 unreadable ones, which speaks against"
        in doubts(found)
    )


def test_without_a_judge_all_breaks_count_and_none_is_rejected():
    deck, found = reviewed(laboratory(classifier=0.35, judge=None))
    assert found.breaks.all > 0
    assert found.breaks.some == 0
    assert found.rejected.all == 0
    assert {claim.level for claim in deck.claims} == {None}


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_those_of_their_claims(channels):
    """Each image can be made again of what is claimed of it, and shows what its kind says."""
    where = laboratory(classifier=0.57, judge=0.54, channels=channels)
    subjects = subjects_of(where.subjects, where.settings)
    pool = breaks_of(0, {DirectionKey(0, LOST, 1): None}, where)
    found = draw(where, pool, subjects, 1, KINDS)
    numbers = {kind: [one.claim.kind for one in found].count(kind) for kind in KINDS}
    assert all(5 <= numbers[kind] <= KINDS[kind] for kind in KINDS)
    names = {hash_pixels(image) for image in where.test_images.images}
    for one in found:
        claim = one.claim
        assert claim.image == hash_pixels(one.pixels)
        assert one.pixels.shape == (8, 8, channels)
        assert (claim.image in names) == (claim.kind == "test")
        if claim.sample is not None:
            start = start_image(where.generator, 0, claim.sample, 100, seed=0)
            moved = shifted_images(
                where.generator,
                start,
                DirectionKey(0, LOST, 1),
                np.array([0]),
                np.array([claim.shift]),
            )
            assert np.abs(to_uint8(moved.numpy())[0].astype(int) - one.pixels).max() <= 1
            assert where.classifier.probabilities(moved)[0].argmax() != 0
            level = float(where.acceptance.see(moved, among=3).level(0)[0])
            if claim.kind == "break":
                assert 0 < claim.level <= level + 1e-6
            else:
                assert claim.level == pytest.approx(level, abs=1e-5)
                assert level < 0.8
    starts = [one.claim.sample for one in found if one.claim.sample is not None]
    assert len(set(starts)) == len(starts)


def searching(one: Laboratory, *guides: Classifier) -> Laboratory:
    """The same subjects, with a search for combinations."""
    settings = one.settings.model_copy(
        update={"combinations": CombinationSettings(samples=40, dimensions=4)}
    )
    return Laboratory(
        settings, one.classifier, one.images, one.generator, one.acceptance, lambda: guides
    )


def test_rejected_images_of_directions_and_combinations_take_turns():
    key, search = DirectionKey(0, LOST, 1), CombinationKey(0)
    guide = Classifier(Bright(0.2, 200.0).eval(), name="guide")
    where = searching(laboratory(classifier=0.5, judge=0.54), guide)  # it rejects all that breaks
    record = Alone(where).measure(search)
    assert record.rejections == len(record.rejected_cases) == 40
    pool = breaks_of(0, {key: None, search: record}, where)
    subjects = subjects_of(where.subjects, where.settings)
    found = [d for d in draw(where, pool, subjects, 1, KINDS) if d.claim.kind == "rejected"]
    assert [d.claim.found_by for d in found] == ["direction", "combination"] * 10
    assert len({d.claim.sample for d in found}) == 20
    for drawn in found[1::2]:
        start = start_image(where.generator, 0, drawn.claim.sample, 100, seed=0)
        moved = [moved_by(drawn.claim.moves, drawn.claim.sample)]
        made = moved_images(where.generator, start.styles, moved)
        assert np.array_equal(to_uint8(made.numpy())[0], drawn.pixels)
        assert where.classifier.probabilities(made)[0].argmax() != 0
        assert not where.acceptance.accepts(made, 0, among=3)[0]
    earlier = replace(record, moved=pack_bits(np.zeros((40, 4), dtype=bool)), shifts=NO_SHIFTS)
    pool = breaks_of(0, {search: earlier}, where)  # of a run that kept no rejected ones
    assert (pool.breaks, pool.rejected) == ([], [])


def test_directions_and_combinations_take_turns_and_share_no_start_image():
    key, search = DirectionKey(0, LOST, 1), CombinationKey(0)
    where = searching(laboratory(classifier=0.57, judge=0.4))
    settings, record = where.settings, Alone(where).measure(search)
    pool = breaks_of(0, {key: None, search: record}, where)
    subjects = subjects_of(where.subjects, settings)
    counts = KINDS | {"break": 16}
    found = [d for d in draw(where, pool, subjects, 1, counts) if d.claim.kind == "break"]
    assert [d.claim.found_by for d in found] == ["direction", "combination"] * 8
    assert len({d.claim.sample for d in found}) == 16
    combined = [d for d in found if d.claim.search is not None]
    for drawn in combined:
        claim = drawn.claim
        assert (claim.search, claim.direction) == ("combination:0", None)
        start = start_image(where.generator, 0, claim.sample, 100, seed=0)
        made = moved_images(where.generator, start.styles, [moved_by(claim.moves, claim.sample)])
        assert np.array_equal(to_uint8(made.numpy())[0], drawn.pixels)
        assert claim.level >= 0.8
        assert claim.shift == pytest.approx(
            record.distances[record.samples.index(claim.sample)], abs=1e-3
        )
    # The same key draws the same; without searches, a deck draws as it always did.
    again = draw(where, pool, subjects, 1, counts)
    assert [d.claim for d in again if d.claim.kind == "break"] == [d.claim for d in found]
    alone = breaks_of(0, {key: None}, where)
    first = draw(where, alone, subjects, 1, counts)
    assert [d.claim for d in first][:1] == [d.claim for d in found][:1]
    assert make_deck(first, where.class_names, subjects, 1)[0].loosest == 0.8
    other = replace(record, samples=[s + 1 for s in record.samples])
    with pytest.raises(FailcondError, match="other start images than these settings give"):
        breaks_of(0, {search: other}, where)


@pytest.mark.parametrize("least_p", [0.6, 0.8, 0.95])
def test_a_deck_holds_the_breaks_of_stricter_levels(least_p):
    where, key = laboratory(classifier=0.57, judge=0.4, sharpness=12.0), DirectionKey(0, LOST, 1)
    pool = breaks_of(0, {key: None}, where)
    starts = starts_of(where.generator, where.acceptance.loosest, 0, where.settings)
    strict = Acceptance(where.acceptance.judges, least_p)
    (alone,) = walk(where.generator, where.classifier, [key], starts, judge=strict, max_shift=6.0)
    # Nothing is claimed beyond the valid range, which is shorter where judges are stricter.
    claimed = {
        one.moved.sample: one.moved.distance
        for one in pool.breaks
        if one.level >= least_p and one.moved.distance <= alone.valid_range
    }
    found = {
        int(starts.samples[row]): alone.breaks[row]
        for row in np.flatnonzero(alone.breaks <= alone.valid_range)
    }
    assert found == claimed
    assert 0 < len(claimed) < len(pool.breaks)


def shares(truth, levels):
    """The true readable share of each level, over a fine sample of what is drawn."""
    order = np.sort(levels)[::-1]
    cumulated = np.cumsum(truth(order)) / np.arange(1, len(order) + 1)
    return {
        level: float(cumulated[(order >= level).sum() - 1]) for level in LEVELS if order[0] >= level
    }


TRUTHS = {
    "just under the target everywhere": lambda level: np.full_like(level, 0.8999),
    "falls with the level": lambda level: 0.6 + 0.4 * level**0.5,
    "worse where judges are surest": lambda level: np.where(level > 0.9, 0.85, 0.99),
    "breaks off": lambda level: np.where(level >= 0.7, 0.97, 0.5),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_calibration_keeps_its_promise_over_ten_thousand_reviews(name):
    """With confidence .95, at most one review in twenty proposes a level under the target."""
    truth, random = TRUTHS[name], np.random.default_rng(1)
    law = stats.beta(1.5, 0.7)
    true = shares(truth, law.rvs(400_000, random_state=random))
    wrong = proposals = 0
    for _ in range(10_000):
        levels = random.beta(1.5, 0.7, 60)
        found = calibrate(levels, random.random(60) < truth(levels), 0.9, 0.95).proposed
        proposals += found is not None
        wrong += found is not None and true[found] < 0.9
    limit = stats.binom(10_000, 0.05).ppf(0.999)
    assert wrong <= limit
    if name == "breaks off":
        assert proposals > 1_000  # that it proposes nothing would keep the promise, too
    assert faultless(0.9, 0.95) == 29


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_bound_of_reviewed_validity_covers_exactly(confidence):
    """Whatever the true share, the bound is over it in no more reviews than it may be."""
    total = 50
    gate = GateSettings(metric="reviewed_validity", min=0.8)
    counts, lower = np.arange(total + 1), []
    for some in counts:
        read = Standing(version="m", same=True, breaks=Share(some=int(some), all=total))
        case = Case(
            gate, Key("review"), lambda _, r=read: Reviewed(r, 0.95), Settings(), ("a", "b")
        )
        found = METRICS["reviewed_validity"].compute(case)
        assert (found.value, found.n) == (some / total, total)
        lower.append(found.bound(confidence, "lower"))
    for rate in (0.3, 0.5, 0.8, 0.9, 0.97, 0.999, *(np.array(lower[-4:]) - 1e-9)):
        likelihood = stats.binom.pmf(counts, total, rate)
        assert likelihood[np.array(lower) <= rate].sum() >= confidence - 1e-9

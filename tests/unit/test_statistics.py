"""Confidence bounds: against published examples and references that share no code with them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_failcond.statistics.bounds import adjusted, mean_bound, proportion_bound
from pytest_failcond.statistics.paired import holm, mcnemar_p, paired_drop_bound
from pytest_failcond.statistics.shifts import (
    breaking_shift_bound,
    crossing_shift,
    valid_range_bound,
)

SIDES = ["lower", "upper"]
confidences = st.floats(0.5, 0.9999)
proportions = st.integers(1, 400).flatmap(
    lambda total: st.tuples(st.integers(0, total), st.just(total))
)
tables = st.tuples(*[st.integers(0, 60)] * 4).filter(any)
values = st.lists(st.integers(0, 35).map(lambda right: right / 35), min_size=1, max_size=60)


# Proportions


@pytest.mark.parametrize(
    ("successes", "total", "lower", "upper"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)  # fmt: skip
def test_a_proportion_is_bounded_as_published(successes, total, lower, upper):
    """Newcombe (1998), Table I, method 5."""
    assert proportion_bound(successes, total, 0.975, "lower") == pytest.approx(lower, abs=6e-5)
    assert proportion_bound(successes, total, 0.975, "upper") == pytest.approx(upper, abs=6e-5)


@settings(deadline=None)
@given(proportions, confidences)
def test_a_proportion_is_bounded_exactly(counts, confidence):
    # One-sided: half of a two-sided interval's misses lie on this side.
    two_sided = max(0.0, 2 * confidence - 1)
    interval = stats.binomtest(*counts).proportion_ci(two_sided, method="exact")
    assert proportion_bound(*counts, confidence, "lower") == pytest.approx(interval.low, abs=1e-9)
    assert proportion_bound(*counts, confidence, "upper") == pytest.approx(interval.high, abs=1e-9)


def test_a_proportion_of_none_or_all_is_bounded_on_one_side_only():
    assert proportion_bound(0, 50, 0.95, "lower") == 0.0
    assert proportion_bound(50, 50, 0.95, "upper") == 1.0
    assert proportion_bound(50, 50, 0.95, "lower") == pytest.approx(0.05 ** (1 / 50))
    assert proportion_bound(0, 50, 0.95, "upper") == pytest.approx(1 - 0.05 ** (1 / 50))


# Means


@settings(deadline=None, max_examples=50)
@given(proportions, confidences, st.sampled_from(SIDES))
def test_the_mean_of_rights_and_wrongs_is_bounded_as_a_proportion(counts, confidence, side):
    successes, total = counts
    rights = np.repeat([1.0, 0.0], [successes, total - successes])
    expected = proportion_bound(successes, total, confidence, side)
    assert mean_bound(rights, confidence, side) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.9999])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_bound_of_a_mean_solves_its_equation(count, confidence):
    """The distribution of a Dirichlet average, as truncated powers (Curry & Schoenberg 1966)."""
    levels = np.append(np.random.default_rng(count).random(count), 0.0)  # 0: the worst there is
    bound = mean_bound(levels[:-1], confidence, "lower")
    above = sum(
        (level - bound) ** count / math.prod(level - other for other in levels if other != level)
        for level in levels
        if level > bound
    )
    assert 1 - above == pytest.approx(1 - confidence, rel=1e-5)


@pytest.mark.parametrize(
    ("levels", "counts"),
    [
        ([0.2, 0.9], [3, 27]),
        ([0.0, 0.5, 1.0], [2, 150, 9]),  # most images at one level inside
        ([0.0, 0.5, 1.0], [9, 150, 2]),
        ([0.309, 0.31, 1.0], [1000, 1000, 2]),
        (np.linspace(0, 1, 36), np.arange(36) ** 2),
    ],
)
def test_the_bound_of_a_mean_is_the_quantile_of_random_weighings(levels, counts):
    draws = 200_000
    gammas = np.random.default_rng(5).gamma([*counts, 1.0], size=(draws, len(levels) + 1))
    drawn = gammas @ [*levels, 0.0] / gammas.sum(axis=1)  # 0: the worst there is
    for confidence in (0.5, 0.95, 0.998):
        bound = mean_bound(np.repeat(levels, counts), confidence, "lower")
        error = 4.5 * math.sqrt(confidence * (1 - confidence) / draws)
        assert np.mean(drawn <= bound) == pytest.approx(1 - confidence, abs=error)


def test_images_that_are_all_alike_do_not_settle_the_mean():
    alike = np.full(30, 0.7)
    assert mean_bound(alike, 0.95, "lower") == pytest.approx(0.7 * 0.05 ** (1 / 30))
    assert mean_bound(alike, 0.95, "upper") == pytest.approx(1 - 0.3 * 0.05 ** (1 / 30))
    assert mean_bound(np.zeros(30), 0.95, "lower") == 0.0
    assert mean_bound(np.ones(30), 0.95, "upper") == 1.0


def test_with_many_images_the_mean_is_bounded_about_one_image_outside_students_interval():
    many = np.random.default_rng(0).binomial(35, 0.9, 10_000) / 35
    student = stats.ttest_1samp(many, 0).confidence_interval(0.9)
    image = 1 / 10_000
    assert student.low - 1.5 * image < mean_bound(many, 0.95, "lower") < student.low
    assert student.high < mean_bound(many, 0.95, "upper") < student.high + 1.5 * image


@pytest.mark.parametrize("tiny", [1e-310, 1e-12])
def test_tiny_values_are_bounded(tiny):
    assert 0 < mean_bound([tiny, tiny / 2], 0.95, "lower") < tiny
    assert mean_bound([1 - tiny, 0.5], 0.95, "lower") <= mean_bound([1.0, 0.5], 0.95, "lower")


# Drops between two measurements of the same images


@pytest.mark.parametrize(
    ("table", "confidence", "lower", "upper"),
    [
        ((4, 9, 3, 16), 0.975, -0.027, 0.390),  # Tango (1998)
        ((43, 0, 1, 0), 0.95, -0.096, 0.037),  # Tango (1998)
        ((1, 1, 7, 12), 0.975, -0.517, -0.026),  # Fagerland et al. (2014)
        ((59, 6, 16, 80), 0.975, -0.124, -0.0054),  # Fagerland et al. (2017)
    ],
)
def test_a_drop_is_bounded_about_one_image_outside_tangos_interval(table, confidence, lower, upper):
    image = 1 / sum(table)
    found = [paired_drop_bound(*table, confidence, side) for side in SIDES]
    assert lower - image <= found[0] <= lower
    assert upper <= found[1] <= upper + image


@settings(deadline=None, max_examples=40)
@given(tables, confidences, st.sampled_from(SIDES))
def test_a_drop_is_bounded_as_the_mean_of_the_images_own_drops(table, confidence, side):
    drops = np.repeat([0.0, 1.0, -1.0, 0.0], table)
    expected = 2 * mean_bound((drops + 1) / 2, confidence, side) - 1
    assert paired_drop_bound(*table, confidence, side) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(tables, confidences)
def test_a_drop_looked_at_the_other_way_round_is_a_gain(table, confidence):
    right, lost, gained, wrong = table
    upper = paired_drop_bound(right, lost, gained, wrong, confidence, "upper")
    other = paired_drop_bound(wrong, gained, lost, right, confidence, "lower")
    assert upper == pytest.approx(-other, abs=1e-12)


def test_the_same_answers_twice_do_not_settle_the_drop():
    # None of 100 images changed: a share of 1 - 0.05 ** (1 / 100) may.
    three = 1 - 0.05 ** (1 / 100)
    assert paired_drop_bound(80, 0, 0, 20, 0.95, "upper") == pytest.approx(three)
    assert paired_drop_bound(80, 0, 0, 20, 0.95, "lower") == pytest.approx(-three)


def test_a_drop_of_all_or_of_one_image_is_bounded():
    assert paired_drop_bound(0, 9, 0, 0, 0.95, "upper") == 1.0
    assert paired_drop_bound(0, 9, 0, 0, 0.95, "lower") == pytest.approx(2 * 0.05 ** (1 / 9) - 1)
    assert paired_drop_bound(0, 0, 9, 0, 0.95, "lower") == -1.0
    assert paired_drop_bound(1, 0, 0, 0, 0.95, "upper") == pytest.approx(0.95)


# What holds for every bound


@settings(deadline=None, max_examples=30)
@given(proportions, values, tables, st.tuples(confidences, confidences).map(sorted))
def test_bounds_enclose_the_value_and_widen_with_the_confidence(counts, means, table, levels):
    drop = (table[1] - table[2]) / sum(table)
    for bound, value, least, most in [
        (lambda c, s: proportion_bound(*counts, c, s), counts[0] / counts[1], 0, 1),
        (lambda c, s: mean_bound(means, c, s), np.mean(means), 0, 1),
        (lambda c, s: paired_drop_bound(*table, c, s), drop, -1, 1),
    ]:
        (narrow_low, narrow_high), (low, high) = [[bound(c, s) for s in SIDES] for c in levels]
        steps = np.array([least, low, narrow_low, value, narrow_high, high, most])
        assert (np.diff(steps) >= -1e-9).all()


@settings(deadline=None, max_examples=50)
@given(tables, confidences, st.sampled_from(SIDES))
def test_bounds_follow_the_data(table, confidence, side):
    right, lost, gained, wrong = table
    before = paired_drop_bound(right + 1, lost, gained, wrong, confidence, side)
    assert paired_drop_bound(right, lost + 1, gained, wrong, confidence, side) >= before - 1e-9
    assert paired_drop_bound(right, lost, gained + 1, wrong, confidence, side) <= before + 1e-9


@pytest.mark.parametrize("confidence", [0.49, 1.0, math.nan])
@pytest.mark.parametrize(
    ("bound", "arguments"),
    [
        (proportion_bound, (1, 2)),
        (mean_bound, ([0.5],)),
        (paired_drop_bound, (1, 0, 0, 0)),
        (breaking_shift_bound, ([0.0], [0], 1)),
    ],
)
def test_an_impossible_confidence_is_refused(bound, arguments, confidence):
    with pytest.raises(ValueError, match=r"outside \[0.5, 1\)"):
        bound(*arguments, confidence, "lower")
    with pytest.raises(ValueError, match=r"outside \[0.5, 1\)"):
        adjusted(confidence, 1)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (proportion_bound, (3, 2, 0.95, "lower"), "3 of 2 is not a proportion"),
        (proportion_bound, (-1, 2, 0.95, "lower"), "-1 of 2 is not a proportion"),
        (proportion_bound, (0, 0, 0.95, "lower"), "0 of 0 is not a proportion"),
        (proportion_bound, (1, 2, 0.95, "both"), "neither 'lower' nor 'upper'"),
        (mean_bound, ([0.5], 0.95, "both"), "neither 'lower' nor 'upper'"),
        (mean_bound, ([], 0.95, "lower"), "expected one per image"),
        (mean_bound, ([[0.5]], 0.95, "lower"), "expected one per image"),
        (mean_bound, ([0.5, 1.1], 0.95, "lower"), r"in \[0, 1\]"),
        (mean_bound, ([0.5, -0.1], 0.95, "lower"), r"in \[0, 1\]"),
        (mean_bound, ([0.5, math.nan], 0.95, "lower"), r"in \[0, 1\]"),
        (paired_drop_bound, (1, -1, 2, 3, 0.95, "lower"), "not counts of images"),
        (paired_drop_bound, (0, 0, 0, 0, 0.95, "lower"), "not counts of images"),
        (paired_drop_bound, (1, 0, 0, 0, 0.95, "both"), "neither 'lower' nor 'upper'"),
        (crossing_shift, ([0.0], [1], 2, 0.0), "level 0.0 is outside"),
        (crossing_shift, ([0.0], [1], 2, 1.5), "level 1.5 is outside"),
        (crossing_shift, ([0.0], [0], 0), "at least one"),
        (crossing_shift, ([0.0, 1.0], [1], 2), "do not fit together"),
        (crossing_shift, ([0.0, 0.0], [1, 1], 2), "ascending"),
        (crossing_shift, ([0.0, 1.0], [2, 1], 2), "none below the one before"),
        (crossing_shift, ([0.0, 1.0], [1, 3], 2), "counts from 0 to 2"),
        (crossing_shift, ([0.0], [-1], 2), "counts from 0 to 2"),
        (breaking_shift_bound, ([0.0], [3], 2, 0.95, "lower"), "counts from 0 to 2"),
        (breaking_shift_bound, ([0.0], [1], 2, 0.95, "both"), "neither 'lower' nor"),
        (adjusted, (0.95, 0), "at least one"),
        (mcnemar_p, (-1, 2), "not counts of images"),
    ],
)
def test_impossible_arguments_are_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


# Shifts

SHIFTS = [0.0, 0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize(
    ("broken", "level", "expected"),
    [
        ([0, 1, 4, 5, 9], 0.5, 1.5),  # reaching it is enough
        ([0, 1, 4, 4, 6], 0.5, 2.0),
        ([5, 5, 5, 5, 5], 0.5, 0.0),
        ([0, 1, 2, 3, 4], 0.5, None),
        ([0, 1, 2, 3, 4], 0.3, 1.5),
        ([0, 1, 2, 3, 10], 1.0, 2.0),
    ],
)
def test_the_crossing_is_the_first_shift_that_reaches_the_level(broken, level, expected):
    assert crossing_shift(SHIFTS, broken, 10, level) == expected


def test_a_level_is_reached_by_its_own_share():
    assert 0.07 * 100 > 7  # in floating point
    assert crossing_shift([1.0], [7], 100, 0.07) == 1.0


def test_where_nothing_was_tested_nothing_is_crossed():
    assert crossing_shift([], [], 10) is None
    assert breaking_shift_bound([], [], 10, 0.95, "upper") is None


@pytest.mark.parametrize(
    ("broken", "lower", "upper"),
    [
        ([0, 40, 57, 73, 128], 1.0, 2.0),
        ([0, 40, 54, 74, 128], 1.5, 1.5),
        ([64, 64, 64, 64, 64], 0.0, None),
        ([0, 1, 2, 3, 54], None, None),
        ([128] * 5, 0.0, 0.0),
    ],
)
def test_the_breaking_shift_is_bounded_where_the_shares_bounds_come_to_one_half(
    broken, lower, upper
):
    """55 of 128 broken images are the fewest whose share may be ½, 74 the fewest that prove it."""
    assert breaking_shift_bound(SHIFTS, broken, 128, 0.95, "lower") == lower
    assert breaking_shift_bound(SHIFTS, broken, 128, 0.95, "upper") == upper


@settings(deadline=None)
@given(st.integers(1, 150), confidences, st.data())
def test_the_breaking_shift_is_bounded_as_by_the_sign_test(total, confidence, data):
    broken = sorted(data.draw(st.lists(st.integers(0, total), min_size=1, max_size=9)))
    shifts = np.arange(len(broken)) / 2
    miss = 1 - confidence
    for side, p in [
        ("lower", stats.binom.cdf(broken, total, 0.5)),  # of as few broken, were half to break
        ("upper", stats.binom.sf(np.subtract(broken, 1), total, 0.5)),
    ]:
        if np.isclose(p, miss, rtol=1e-6).any():
            continue
        wanted = p >= miss if side == "lower" else p <= miss
        expected = shifts[wanted.argmax()] if wanted.any() else None
        assert breaking_shift_bound(shifts, broken, total, confidence, side) == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=12).map(sorted), confidences)
def test_the_bounds_enclose_the_crossing(broken, confidence):
    shifts = np.arange(len(broken)) / 2
    order = [
        breaking_shift_bound(shifts, broken, 40, confidence, "lower"),
        crossing_shift(shifts, broken, 40),
        breaking_shift_bound(shifts, broken, 40, confidence, "upper"),
    ]
    beyond = [math.inf if shift is None else shift for shift in order]
    assert beyond == sorted(beyond)


# Several checks, and McNemar's p


def test_several_checks_share_what_may_be_missed():
    assert adjusted(0.95, 1) == 0.95
    assert adjusted(0.95, 35) == pytest.approx(1 - 0.05 / 35, abs=1e-15)
    assert adjusted(0.95, 10) > adjusted(0.95, 9)


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (1, 7, 18 / 256),  # Fagerland et al. (2014): .0703
        (6, 16, 0.052479),  # Fagerland et al. (2017)
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 1, 1.0),
    ],
)
def test_mcnemars_p_is_as_published(lost, gained, p):
    assert mcnemar_p(lost, gained) == pytest.approx(p, abs=1e-6)
    assert mcnemar_p(gained, lost) == pytest.approx(p, abs=1e-6)


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemars_p_is_that_of_a_fair_coin(lost, gained):
    expected = stats.binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert mcnemar_p(lost, gained) == pytest.approx(expected, rel=1e-9)


# Several p-values


def test_holm_multiplies_each_p_by_the_number_of_those_that_are_left():
    assert holm([]) == []
    assert holm([0.03]) == [0.03]
    # 0.01 x 4, 0.013 x 3, 0.02 x 2 and 0.5 x 1, none below the one before; in the order given.
    assert holm([0.5, 0.01, 0.02, 0.013]) == pytest.approx([0.5, 0.04, 0.04, 0.04])
    assert holm([0.02, 0.4, 0.4]) == pytest.approx([0.06, 0.8, 0.8])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.5))
def test_holm_rejects_step_by_step(p, level):
    """The procedure as published: go on from the smallest while p <= level / how many are left."""
    rejected = 0
    for place, value in enumerate(sorted(p)):
        if value * (len(p) - place) > level:
            break
        rejected += 1
    found = holm(p)
    assert sum(value <= level for value in found) == rejected
    assert all(value >= raw for value, raw in zip(found, p, strict=True))
    order = np.argsort(p, kind="stable")
    assert (np.diff(np.array(found)[order]) >= 0).all()


# Valid ranges


@pytest.mark.parametrize(
    ("accepted", "side", "bound"),
    [
        ([100, 100, 90, 85, 60], "lower", 1.0),  # 85 of 100 may be 0.78
        ([100, 100, 90, 85, 60], "upper", 1.5),
        ([100, 100, 90, 76, 76], "upper", 2.0),  # 76 of 100 may be 0.8 and more
        ([100] * 5, "lower", 2.0),
        ([0] * 5, "lower", 0.0),
        ([0] * 5, "upper", 0.0),
        ([100, 60, 100, 100, 100], "upper", 0.0),  # what the judge takes back does not count
    ],
)
def test_a_valid_range_is_bounded_by_the_shares_of_its_shifts(accepted, side, bound):
    shifts = np.arange(5) / 2
    assert valid_range_bound(shifts, accepted, 100, 0.95, side) == bound


def test_bounds_of_a_valid_range_enclose_it_and_widen_with_confidence():
    accepted, shifts = [128, 127, 120, 112, 106, 103, 101, 90], np.arange(8) / 2
    measured = 2.5  # the last shift with 0.8 of 128, which are 102.4
    widths = []
    for confidence in (0.6, 0.9, 0.99):
        low, high = (valid_range_bound(shifts, accepted, 128, confidence, s) for s in SIDES)
        assert low <= measured <= high
        widths.append(high - low)
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


@pytest.mark.parametrize("shifts", [[], [[0.0]], [0.0, 0.5]])
def test_a_valid_range_needs_a_count_per_shift(shifts):
    with pytest.raises(ValueError, match="do not fit together"):
        valid_range_bound(shifts, [1] if shifts else [], 10, 0.95, "lower")

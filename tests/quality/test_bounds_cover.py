"""Confidence bounds cover the truth as often as they say, also where the usual ones do not.

Where few outcomes are possible, all of them are weighed by their probability, which leaves no
simulation error. Elsewhere seeds are fixed, and three standard errors are allowed.
"""

import math

import numpy as np
import pytest
from scipy import special, stats

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.probes.keys import CleanKey, CombinationKey, MeanKey
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.probes.regression import compared_keys
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.statistics.bounds import adjusted, mean_bound, proportion_bound
from pytest_failcond.statistics.paired import paired_counts, paired_drop_bound
from pytest_failcond.statistics.shifts import breaking_shift_bound, valid_range_bound
from pytest_failcond.verdicts.metrics import Case
from tests.combinations import combined

CELLS = 35
CONFIDENCES = [0.95, adjusted(0.95, CELLS)]


def allowed(confidence, runs):
    return confidence - 3 * math.sqrt(confidence * (1 - confidence) / runs)


# Shares of images: a cell's accuracy, a direction's broken share


@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize("total", [30, 128, 1000])
def test_bounds_of_shares_cover(total, confidence):
    counts = np.arange(total + 1)
    lower = np.array([proportion_bound(int(k), total, confidence, "lower") for k in counts])
    upper = np.array([proportion_bound(int(k), total, confidence, "upper") for k in counts])
    rates = [0.3 / total, 3 / total, 0.1, 0.5, 0.8, 0.97, 1 - 3 / total, 1 - 0.3 / total]
    # The truth is hardest to cover right at a bound.
    for rate in [*rates, *(upper[:4] - 1e-9), *(lower[-4:] + 1e-9)]:
        likelihood = stats.binom.pmf(counts, total, rate)
        assert likelihood[lower <= rate].sum() >= confidence - 1e-9
        assert likelihood[upper >= rate].sum() >= confidence - 1e-9


# Drops in accuracy on the same images


def tables(total, most_lost, most_gained):
    """All counts (lost, gained) up to the most of each, ``[K]`` each."""
    lost, gained = np.meshgrid(np.arange(most_lost + 1), np.arange(most_gained + 1), indexing="ij")
    fits = lost + gained <= total
    return lost[fits], gained[fits]


def likelihood_of(lost, gained, total, lost_rate, gained_rate):
    rest = total - lost - gained
    return np.exp(
        special.gammaln(total + 1)
        - special.gammaln(lost + 1)
        - special.gammaln(gained + 1)
        - special.gammaln(rest + 1)
        + special.xlogy(lost, lost_rate)
        + special.xlogy(gained, gained_rate)
        + special.xlogy(rest, 1 - lost_rate - gained_rate)
    )


def tango_lower(lost, gained, total, confidence):
    """Tango's lower bound (1998): the drop at which his score test just rejects, by bisection."""
    low, high = np.full(lost.shape, -1.0), (lost - gained) / total
    for _ in range(50):
        drop = (low + high) / 2
        b = (2 * total - lost + gained) * drop - lost - gained
        c = -gained * drop * (1 - drop)
        gained_rate = (np.sqrt(np.maximum(b * b - 8 * total * c, 0)) - b) / (4 * total)
        gained_rate = np.maximum(gained_rate, np.maximum(0, -drop))
        variance = np.maximum(total * (2 * gained_rate + drop * (1 - drop)), 1e-300)
        accepted = lost - gained - total * drop <= special.ndtri(confidence) * np.sqrt(variance)
        low, high = np.where(accepted, low, drop), np.where(accepted, drop, high)
    return high


# Expected numbers of images lost and gained: few, where before and after are strongly correlated; and
# as many as have a probability that counts.
FEW = [0, 0.1, 0.5, 1, 2, 4, 6, 10, 13]
EXPECTED = {
    20: (FEW, FEW, 20, 20),
    200: ([0, 0.1, 0.35, 1, 2, 4, 7, 10, 12], [0, 0.1, 0.35], 34, 6),
}


@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize("total", EXPECTED)
def test_bounds_of_drops_cover_where_tangos_do_not(total, confidence):
    # A drop's upper bound is a gain's lower bound, so that the lower ones tell all.
    expected_lost, expected_gained, *most = EXPECTED[total]
    lost, gained = tables(total, *most)
    counts = list(zip(lost.tolist(), gained.tolist(), strict=True))
    bounds = np.array(
        [paired_drop_bound(total - i - j, i, j, 0, confidence, "lower") for i, j in counts]
    )
    tangos = tango_lower(lost, gained, total, confidence)
    missed, missed_by_tango = [], []
    for lost_rate in np.divide(expected_lost, total):
        for gained_rate in np.divide(expected_gained, total):
            if lost_rate + gained_rate > 1:
                continue
            likelihood = likelihood_of(lost, gained, total, lost_rate, gained_rate)
            truth = lost_rate - gained_rate + 1e-9
            missed.append(1 - likelihood[bounds <= truth].sum())
            missed_by_tango.append(likelihood[tangos > truth].sum())
    assert max(missed) <= 1 - confidence + 1e-9
    assert max(missed_by_tango) > 1.5 * (1 - confidence)


def test_bounds_of_drops_cover_when_all_images_are_as_hard_before_as_after():
    total, runs, confidence = 2000, 100, 0.95
    random = np.random.default_rng(0)
    clean, corrupted = 0.97, 0.92
    covered = {"lower": 0, "upper": 0}
    for _ in range(runs):
        ease = random.random(total)
        before, after = ease < clean, ease < corrupted - 0.01
        after |= ease > 0.99  # a few of the hardest come right
        table = paired_counts(before, after)
        covered["lower"] += paired_drop_bound(*table, confidence, "lower") <= clean - corrupted
        covered["upper"] += paired_drop_bound(*table, confidence, "upper") >= clean - corrupted
    assert min(covered.values()) / runs >= allowed(confidence, runs)


# Means over the cells of the same images

ACCURACIES = np.linspace(0.3, 0.98, CELLS)


def rights(random, total):
    """Whether each image is right in each cell, ``[total, CELLS]``: easy images mostly stay right."""
    ease = np.where(random.random((total, CELLS)) < 0.7, random.random((total, 1)), 2)
    ease[ease > 1] = random.random(np.count_nonzero(ease > 1))
    return ease < ACCURACIES


@pytest.fixture(scope="module")
def population():
    """In how many cells an image is right, and the share of images for each number, ``[CELLS + 1]``."""
    right = rights(np.random.default_rng(5), 100_000).sum(axis=1)
    return np.arange(CELLS + 1), np.bincount(right, minlength=CELLS + 1) / len(right)


@pytest.mark.parametrize(("total", "runs"), [(30, 150), (10_000, 60)])
def test_bounds_of_means_cover_where_pooled_cells_do_not(population, total, runs):
    numbers, shares = population
    confidence, truth = 0.95, numbers @ shares / CELLS
    drawn = np.random.default_rng(total).multinomial(total, shares, size=runs)
    pooled = drawn @ numbers
    for side, sign in [("lower", 1), ("upper", -1)]:
        bounds = [mean_bound(np.repeat(numbers / CELLS, d), confidence, side) for d in drawn]
        assert np.mean(sign * np.array(bounds) <= sign * truth) >= allowed(confidence, runs)
        bounds = [proportion_bound(int(k), total * CELLS, confidence, side) for k in pooled]
        assert np.mean(sign * np.array(bounds) <= sign * truth) < 0.8


@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize("inside", [0.3, 0.97])
def test_bounds_of_means_cover_where_students_do_not(inside, confidence):
    """Images at 0, at 1, and at a level inside, 10 in all: skewed, nearly constant or alike."""
    total = 10
    ones, zeros = tables(total, total, total)
    rest = total - ones - zeros
    lower, upper, student = [], [], []
    for counts in zip(zeros.tolist(), rest.tolist(), ones.tolist(), strict=True):
        values = np.repeat([0.0, inside, 1.0], counts)
        lower.append(mean_bound(values, confidence, "lower"))
        upper.append(mean_bound(values, confidence, "upper"))
        error = values.std(ddof=1) / math.sqrt(total)
        student.append(values.mean() + special.stdtrit(total - 1, confidence) * error)
    missed = {"lower": [], "upper": [], "student": []}
    for ones_rate in (0, 0.002, 0.01, 0.04, 0.1, 0.3, 0.6, 0.9, 0.97, 1):
        for zeros_rate in (0, 0.002, 0.01, 0.04, 0.1, 0.3, 0.6, 0.9, 0.97):
            if ones_rate + zeros_rate > 1:
                continue
            likelihood = likelihood_of(ones, zeros, total, ones_rate, zeros_rate)
            truth = ones_rate + inside * (1 - ones_rate - zeros_rate)
            missed["lower"].append(likelihood[np.array(lower) > truth + 1e-9].sum())
            missed["upper"].append(likelihood[np.array(upper) < truth - 1e-9].sum())
            missed["student"].append(likelihood[np.array(student) < truth - 1e-9].sum())
    assert max(missed["lower"]) <= 1 - confidence + 1e-9
    assert max(missed["upper"]) <= 1 - confidence + 1e-9
    assert max(missed["student"]) > 0.5


# Breaking shifts


@pytest.mark.parametrize("total", [30, 128])
@pytest.mark.parametrize(
    ("side", "shares"),
    [
        # The hardest truths: just half are broken at 2 σ, and just not half one step before it.
        ("lower", [0, 0.1, 0.3, 0.45, 0.5, 0.51, 0.52, 0.53]),
        ("upper", [0, 0.4, 0.4999, 0.4999, 0.55, 0.9, 0.9, 1]),
    ],
)
def test_bounds_of_breaking_shifts_cover_and_claim_no_less_than_they_can(side, shares, total):
    runs, confidence, truth = 1000, 0.95, 2.0
    shifts = np.arange(len(shares)) / 2
    steps = np.append(np.diff(shares, prepend=0), 1 - shares[-1])
    counts = np.random.default_rng(total).multinomial(total, steps, size=runs)
    covered = 0
    for broken in counts.cumsum(axis=1)[:, :-1]:
        bound = breaking_shift_bound(shifts, broken, total, confidence, side)
        beyond = math.inf if bound is None else bound
        covered += beyond <= truth if side == "lower" else beyond >= truth
    assert covered / runs >= allowed(confidence, runs)
    assert covered / runs <= 0.99


# Distances of combinations


@pytest.mark.parametrize(
    ("unmoved", "broken", "side"),
    [(0.0, 0.5, "lower"), (0.3, 0.5, "upper"), (0.3, 0.9, "lower"), (0.0, 0.9, "upper")],
)
def test_bounds_of_combined_distances_cover(unmoved, broken, side):
    """Distances evenly on a scale of 0 to 1, some of them 0; the true one is where half are broken."""
    random, runs, total, confidence = np.random.default_rng(11), 200, 32, 0.95
    truth = (0.5 - unmoved) / (broken - unmoved)
    gate = GateSettings(metric="combined_distance", min=0.5)
    covered = 0
    for _ in range(runs):
        u = random.random(total)
        at = np.where(u < unmoved, 0.0, (u - unmoved) / (broken - unmoved))
        found = combined(CombinationKey(0), [float(d) if d <= 1 else None for d in at])
        case = Case(gate, found.key, lambda _, found=found: found, Settings(), ("a",))
        bound = METRICS["combined_distance"].compute(case).bound(confidence, side)
        beyond = math.inf if bound is None else bound
        covered += beyond <= truth + 1e-4 if side == "lower" else beyond >= truth - 1e-4
    assert covered / runs >= allowed(confidence, runs)
    assert covered / runs <= 0.995


# Valid ranges


def accepted_of(random, runs, shares, total, *, takes_back):
    """Images that a judge accepts at each shift: once lost, lost for good, or each shift by itself.

    Returns:
        the different curves, ``[K, T]``, and how many of the runs gave each, ``[K]``.
    """
    draws = random.random((runs, total, len(shares) if takes_back else 1), dtype=np.float32)
    return np.unique((draws < shares).sum(axis=1), axis=0, return_counts=True)


@pytest.mark.parametrize("takes_back", [False, True])
@pytest.mark.parametrize("total", [30, 128])
@pytest.mark.parametrize(
    ("side", "shares", "truth"),
    [
        # The hardest truths: just invalid at the first shift past the range, with no second chance,
        ("lower", [1, 1, 0.95, 0.7999, 0.7999, 0.7999], 1.0),
        ("lower", [1, 1, 1, 0.7999, 0.99, 0.99], 1.0),
        # and just valid at many shifts, each of which may seem not to be.
        ("upper", [1, *[0.8] * 15, 0.3], 7.5),
        ("upper", [1, 0.8, 0.1], 0.5),
    ],
)
def test_bounds_of_valid_ranges_cover(side, shares, truth, total, takes_back):
    if not takes_back:
        shares = np.minimum.accumulate(shares)
    random, runs, confidence = np.random.default_rng(total), 1000, 0.95
    shifts = np.arange(len(shares)) / 2
    covered = 0
    curves = accepted_of(random, runs, shares, total, takes_back=takes_back)
    for accepted, times in zip(*curves, strict=True):
        bound = valid_range_bound(shifts, accepted, total, confidence, side)
        covered += times * (bound <= truth if side == "lower" else bound >= truth)
    assert covered / runs >= allowed(confidence, runs)


def test_valid_ranges_need_the_error_shared_among_shifts_and_claim_what_they_can():
    random, runs, confidence, total = np.random.default_rng(3), 1000, 0.95, 128
    shares = np.array([1, *[0.8] * 15, 0.3])
    shifts = np.arange(len(shares)) / 2
    shared, single, lower = 0, 0, 0
    curves = accepted_of(random, runs, shares, total, takes_back=True)
    for accepted, times in zip(*curves, strict=True):
        shared += times * (valid_range_bound(shifts, accepted, total, confidence, "upper") >= 7.5)
        single += times * (proportion_bound(accepted[:16].min(), total, confidence, "upper") >= 0.8)
    curves = accepted_of(random, runs, [1, 1, 0.7999], total, takes_back=True)
    for accepted, times in zip(*curves, strict=True):
        bound = valid_range_bound([0, 0.5, 1.0], accepted, total, confidence, "lower")
        lower += times * (bound <= 0.5)
    assert shared / runs >= allowed(confidence, runs)
    assert single / runs < 0.8  # each shift at 95 %: one of fifteen errs far too often
    assert lower / runs < 0.98  # one shift decides, so that nothing is given away there


# Metrics against a baseline

GRID = {"names": ["contrast", "fog"], "severities": [1, 2, 3]}


def against_baseline(metric, then, now):
    """The value of a metric, as gates compute it, of right images by key, ``[N]`` each."""
    gate = GateSettings(metric=metric, max=0.5)
    settings = Settings(classifier="m:c", images="m:i", corruptions=GRID, gates=(gate,))

    def measure(rights):
        def of(key):
            labels = np.zeros(len(rights[key]), dtype=np.int64)
            return Measurement(key, 1 - rights[key].astype(np.int64), labels, "", 2)

        return of

    key = MeanKey() if metric.startswith("mean") else CleanKey()
    more = {"baseline": measure(then)}
    return METRICS[metric].compute(Case(gate, key, measure(now), settings, ("a", "b"), **more))


def test_bounds_of_mean_drops_cover_where_pooled_cells_do_not():
    """A new version that is worse in all cells, on images that are mostly easy or hard in all."""
    random, total, runs, confidence = np.random.default_rng(30), 80, 100, 0.95
    keys = compared_keys(
        GateSettings(metric="mean_regression_drop", max=0.5), Settings(corruptions=GRID)
    )
    before, truth = np.linspace(0.95, 0.6, len(keys)), 0.06
    covered = {(how, side): 0 for how in ("images", "pooled") for side in ("lower", "upper")}
    for _ in range(runs):
        ease, luck = random.random((total, 1)), random.random((total, 1))
        then = ease < before
        # A tenth as many as are lost come right; both hit an image in all its cells.
        lost = then & (luck < (truth + 0.006) / before)
        gained = ~then & (luck < 0.006 / (1 - before))
        now = (then & ~lost) | gained
        pair = (dict(zip(keys, rights.T, strict=True)) for rights in (then, now))
        found = against_baseline("mean_regression_drop", *pair)
        assert found.n == total
        table = paired_counts(then, now)
        for side, sign in (("lower", 1), ("upper", -1)):
            covered["images", side] += sign * found.bound(confidence, side) <= sign * truth
            pooled = paired_drop_bound(*table, confidence, side)
            covered["pooled", side] += sign * pooled <= sign * truth
    for side in ("lower", "upper"):
        assert covered["images", side] / runs >= allowed(confidence, runs)
    assert min(covered["pooled", side] for side in ("lower", "upper")) / runs < 0.85


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_bounds_of_negative_flips_cover_whatever_is_gained(confidence):
    total = 60
    counts = np.arange(total + 1)
    lower, upper = [], []
    for lost in counts:
        then = np.arange(total) < max(lost, 30)
        now = np.arange(total) >= lost  # all others are right now: gains do not count
        found = against_baseline("negative_flips", {"clean": then}, {"clean": now})
        assert found.value == lost / total
        lower.append(found.bound(confidence, "lower"))
        upper.append(found.bound(confidence, "upper"))
    for rate in (0.003, 0.02, 0.1, 0.3, 0.5, *(np.array(upper[:4]) - 1e-9)):
        likelihood = stats.binom.pmf(counts, total, rate)
        assert likelihood[np.array(lower) <= rate].sum() >= confidence - 1e-9
        assert likelihood[np.array(upper) >= rate].sum() >= confidence - 1e-9


# Several checks of the same images


def test_adjusted_bounds_hold_all_at_once_and_others_do_not():
    random, total, runs = np.random.default_rng(1), 500, 300
    held = dict.fromkeys(CONFIDENCES, 0)
    for _ in range(runs):
        correct = rights(random, total).sum(axis=0).tolist()
        for confidence in held:
            bounds = [proportion_bound(k, total, confidence, "lower") for k in correct]
            held[confidence] += bool((bounds <= ACCURACIES).all())
    once, several = CONFIDENCES
    assert held[several] / runs >= allowed(0.95, runs)
    assert held[once] / runs < 0.85

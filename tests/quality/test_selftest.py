"""The self-test of gates: the quick way equals the plain one, and planted cases have known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.direction.record import ClassRanking, Direction
from pytest_failcond.probes.keys import CombinationKey, MeanKey
from pytest_failcond.probes.registry import METRICS, PROBES
from pytest_failcond.probes.review.record import Reviewed
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.review.standing import Share, Standing
from pytest_failcond.runs.run import Run
from pytest_failcond.runs.selftest import selftest
from pytest_failcond.statistics.draws import drawn, generator, weights_of
from pytest_failcond.storage.packing import pack_bits
from pytest_failcond.verdicts.gates import GateResult, check
from pytest_failcond.verdicts.metrics import Case
from tests.combinations import anywhere, combined
from tests.runs import walked_direction

N, CLASSES = 1000, ("a", "b")
LABELS = np.arange(N) % 2
CELLS = [f"corruption:{name}:{s}" for name in ("contrast", "fog") for s in (1, 2)]
STARTS = "direction:0:7:+"
BIASED = "direction:0:8:+"
UNMOVED = "ranking:0"
SEARCH = "combination:0"


def measured(key: str, right: np.ndarray) -> Measurement:
    return Measurement(
        PROBES.about(key), np.where(right, LABELS, 1 - LABELS), LABELS, "sha256:0", 2
    )


def rights(accuracy: float, exact: bool = False, stream: str = "") -> np.ndarray:
    """Right images in a random order: about, or exactly, as many as the accuracy says."""
    order = np.random.default_rng(sum(map(ord, stream))).permutation(N)
    return order < round(accuracy * N) if exact else order < accuracy * N


def walked(judged: bool = True) -> Direction:
    """60 start images; each breaks somewhere up to 6 σ or not at all, and is lost from 2 σ on."""
    random = np.random.default_rng(5)
    shifts = np.arange(9) / 2
    at = np.round(np.ceil(random.uniform(0, 6, 60) * 64) / 64, 4)
    ends = random.uniform(2, 9, 60)
    breaks = [float(b) if b <= min(4.0, e) else None for b, e in zip(at, ends, strict=True)]
    accepted = shifts < (ends if judged else np.full(60, 99.0))[:, None]
    return walked_direction(breaks, accepted, shifts, judged)


def reviewed(some: int, total: int) -> Reviewed:
    """Corner cases that readers named, of those that they saw."""
    return Reviewed(Standing(version="m:c", same=True, breaks=Share(some=some, all=total)), 0.95)


def biased() -> Direction:
    """The same, but a fifth of the images are wrong before they are moved."""
    found = walked()
    breaks = [0.0 if i % 5 == 0 else b for i, b in enumerate(found.breaks)]
    again = walked_direction(breaks, found.valid.T, np.array(found.curve.shift))
    key = PROBES.about(BIASED)
    return replace(again, key=key, dimension=key.dimension, rank=2)


def unmoved(right: np.ndarray) -> ClassRanking:
    """A ranking of class 0 that knows which of its start images are right."""
    key = PROBES.about(UNMOVED)
    return ClassRanking(key, 0, 60, [], [], [], [], len(right), pack_bits(right))


MEASURED: dict[str, object] = {
    key: measured(key, rights(accuracy, stream=key))
    for key, accuracy in zip(["clean", *CELLS], (0.97, 0.93, 0.88, 0.95, 0.7), strict=True)
} | {
    STARTS: walked(),
    BIASED: biased(),
    UNMOVED: unmoved(np.arange(60) % 5 > 0),
    SEARCH: anywhere(CombinationKey(0), 60, 2),
    "corpus": measured("corpus", rights(0.8)),
    "review": reviewed(44, 50),
}
BASELINE = {
    key: measured(key, rights(accuracy, stream=f"then {key}"))
    for key, accuracy in zip(["clean", *CELLS], (0.98, 0.93, 0.93, 0.9, 0.8), strict=True)
}
GATES = [
    ("clean", {"metric": "clean_accuracy", "min": 0.97}),
    (CELLS[0], {"metric": "accuracy", "min": 0.9, "by_class": True}),
    (CELLS[1], {"metric": "accuracy_drop", "max": 0.05}),
    (MeanKey(), {"metric": "mean_corruption_accuracy", "min": 0.8, "classes": ["b"]}),
    (MeanKey(), {"metric": "mce", "max": 0.9}),
    (MeanKey(), {"metric": "relative_mce", "max": 0.9}),
    ("corruption:fog", {"metric": "crossing_severity", "min": 2, "at": 0.95}),
    (STARTS, {"metric": "breaking_shift", "min": 3.0}),
    (STARTS, {"metric": "broken_share", "max": 0.5, "at": 2.5}),
    (STARTS, {"metric": "valid_range", "min": 2.5}),
    (BIASED, {"metric": "newly_broken_share", "max": 0.5, "at": 2.5}),
    (UNMOVED, {"metric": "start_accuracy", "min": 0.5}),
    (SEARCH, {"metric": "combined_distance", "min": 3.0}),
    (SEARCH, {"metric": "combined_share", "max": 0.5, "at": 5.5}),
    (CELLS[2], {"metric": "regression_drop", "max": 0.0}),
    (MeanKey(), {"metric": "mean_regression_drop", "max": 0.0}),
    (CELLS[3], {"metric": "negative_flips", "max": 0.2}),
    ("corpus", {"metric": "corpus_accuracy", "min": 0.8}),
    ("review", {"metric": "reviewed_validity", "min": 0.8}),
]


def settings(*gates: dict) -> Settings:
    return Settings(
        classifier="m:c",
        images="m:i",
        classes=CLASSES,
        corruptions={
            "names": ["contrast", "fog"],
            "severities": [1, 2],
            "reference": "reference.json",
        },
        corpus="corpus",
        review="review.json",
        combinations={},
        gates=[GateSettings(**gate) for gate in gates],
    )


def make_run(found: dict, *gates: tuple[str, dict], baseline: dict | None = None) -> Run:
    """A run with these measurements, and the checks of these gates on these keys."""
    whole = settings(*(fields for _, fields in gates))
    results = []
    for gate, (key, _) in zip(whole.gates, gates, strict=True):
        checked = check(
            gate,
            PROBES.about(key),
            found.__getitem__,
            whole,
            CLASSES,
            class_index=0 if gate.by_class else None,
            baseline=None if baseline is None else baseline.__getitem__,
        )
        results.append(GateResult(gate.id, gate.metric, gate.level, (checked,)))
    records = [replayed(record) if key == "corpus" else record for key, record in found.items()]
    return Run(
        environment={},
        subjects={},
        settings=whole.model_dump(mode="json", exclude={"folder"}),
        classes=CLASSES,
        labels=LABELS,
        records={record.key: record for record in records},
        gates=tuple(results),
    )


def replayed(found: Measurement) -> Replay:
    """The same as images of a corpus."""
    pairs = zip(found.labels.tolist(), found.predicted.tolist(), strict=True)
    entries = (Replayed(f"a-{i}", "open", *pair, p=0.5) for i, pair in enumerate(pairs))
    return Replay(tuple(entries), found.pixels)


def odds(run: Run, baseline: object = None, **more):
    (gate,) = selftest(run, resamples=2000, baseline=baseline, **more)
    return gate.whole


# The quick way equals the plain one


def drawn_again(found: dict, rows: dict[str, np.ndarray]) -> dict:
    """Measurements of the images drawn: images copied, everything counted anew."""
    again: dict[str, object] = {}
    for key, one in found.items():
        if isinstance(one, Measurement):
            chosen = rows["corpus" if "corpus" in rows else "images"]
            again[key] = replace(one, predicted=one.predicted[chosen], labels=one.labels[chosen])
        elif isinstance(one, Reviewed):
            named = rows["review"] < one.standing.breaks.some
            again[key] = reviewed(int(named.sum()), len(named))
        elif isinstance(one, ClassRanking):
            again[key] = unmoved(one.right_unmoved[rows["starts:0"]])
        elif isinstance(one, Combined):
            again[key] = combined(one.key, [one.distances[i] for i in rows["starts:0"]])
        else:
            chosen = rows["starts:0"]
            breaks, shifts = [one.breaks[i] for i in chosen], np.array(one.curve.shift)
            judged = one.valid_range is not None
            again[key] = walked_direction(breaks, one.valid.T[chosen], shifts, judged)
    return again


@pytest.mark.parametrize("how", ["resample", "half"])
@pytest.mark.parametrize(("key", "fields"), GATES, ids=[f["metric"] for _, f in GATES])
def test_values_of_draws_are_those_of_the_images_drawn(key, fields, how):
    whole = settings(fields)
    about = whole.gates[0], PROBES.about(key)
    more = whole, CLASSES, 1 if whole.gates[0].by_class else None
    reference = BASELINE.__getitem__  # stays as it is
    trial = METRICS[fields["metric"]].try_out(
        Case(*about, MEASURED.__getitem__, *more, BASELINE.__getitem__, reference)
    )
    block = how, 3, trial.images, trial.size, 0, 30
    weights = weights_of(*block)
    values = trial.values(trial.sums(weights), 0.0, generator("none"))
    plain = []
    for chosen in drawn(*block):
        rows = {trial.images: chosen}
        mine, theirs = (drawn_again(_of(found, rows), rows) for found in (MEASURED, BASELINE))
        case = Case(*about, mine.__getitem__, *more, theirs.__getitem__, reference)
        value = METRICS[fields["metric"]].compute(case).value
        plain.append(np.inf if value is None else value)
    assert values == pytest.approx(plain)
    assert len(set(plain)) > 1  # a draw does make a difference


def _of(found: dict, rows: dict) -> dict:
    """Leave out what is not drawn."""
    kinds = {"starts:0": (Direction, ClassRanking, Combined), "review": Reviewed}
    kind = next((kinds[images] for images in rows if images in kinds), Measurement)
    return {key: one for key, one in found.items() if isinstance(one, kind)}


def test_every_metric_can_be_tried():
    assert all(metric.trial is not None for metric in METRICS.values())
    assert {fields["metric"] for _, fields in GATES} == METRICS.keys()


@pytest.mark.parametrize("judged", [True, False])
def test_the_walk_drawn_once_each_is_the_walk(judged):
    found = walked(judged)
    for metric, more in (
        ("breaking_shift", {"min": 1.0}),
        ("broken_share", {"max": 0.1, "at": 2.0}),
    ):
        whole = settings({"metric": metric, **more})
        case = Case(whole.gates[0], STARTS, {STARTS: found}.__getitem__, whole, CLASSES)
        trial = METRICS[metric].try_out(case)
        value = trial.values(trial.sums(np.ones((1, trial.size))), 0.0, generator("none"))[0]
        assert value == pytest.approx(METRICS[metric].compute(case).value or np.inf)


# Planted cases


def test_an_accuracy_fails_by_chance_as_often_as_the_binomial_distribution_says():
    found = {"clean": measured("clean", rights(0.9, exact=True))}
    run = make_run(found, ("clean", {"metric": "clean_accuracy", "min": 0.89}))
    got = odds(run)
    assert got.by_chance == pytest.approx(stats.binom.cdf(889, N, 0.9), abs=0.025)
    # Half of the images, without replacement: hypergeometric.
    assert got.on_half == pytest.approx(stats.hypergeom.cdf(444, N, 900, 500), abs=0.025)
    assert stats.binom.cdf(889, N, 0.9 - got.finds) == pytest.approx(0.95, abs=0.02)


def test_a_gate_on_its_own_threshold_fails_every_other_time():
    found = {"clean": measured("clean", rights(0.9, exact=True))}
    run = make_run(found, ("clean", {"metric": "clean_accuracy", "min": 0.9}))
    assert odds(run).by_chance == pytest.approx(stats.binom.cdf(899, N, 0.9), abs=0.035)


def test_a_gate_that_fails_as_it_is_finds_a_loss_of_nothing():
    found = {"clean": measured("clean", rights(0.5, exact=True))}
    run = make_run(found, ("clean", {"metric": "clean_accuracy", "min": 0.9}))
    assert (odds(run).by_chance, odds(run).finds) == (1.0, 0.0)


def test_a_paired_drop_knows_that_most_images_did_not_change():
    """20 of 1,000 images are lost and none gained: the drop is binomial, whatever the accuracy."""
    clean = rights(0.7, exact=True)
    lost = clean.copy()
    lost[np.flatnonzero(clean)[:20]] = False
    found = {"clean": measured("clean", clean), CELLS[0]: measured(CELLS[0], lost)}
    run = make_run(found, (CELLS[0], {"metric": "accuracy_drop", "max": 0.025}))
    got = odds(run)
    assert got.by_chance == pytest.approx(stats.binom.sf(25, N, 0.02), abs=0.025)
    # A further loss falls on right images alone, so that again only losses count.
    assert stats.binom.sf(25, N, 0.02 + got.finds) == pytest.approx(0.95, abs=0.02)


class Kept:
    """A baseline, as read from its file."""

    def __init__(self, found: dict) -> None:
        self.measure = found.__getitem__


def test_two_versions_are_drawn_on_the_same_images():
    """A version that is the same image by image never loses by chance, however few are right."""
    found = {"clean": measured("clean", rights(0.6))}
    run = make_run(found, ("clean", {"metric": "regression_drop", "max": 0.0}), baseline=found)
    got = odds(run, Kept(found))
    assert (got.by_chance, got.on_half) == (0.0, 0.0)
    assert stats.binom.sf(0, N, got.finds) == pytest.approx(0.95, abs=0.02)
    flips = make_run(found, ("clean", {"metric": "negative_flips", "max": 0.01}), baseline=found)
    got = odds(flips, Kept(found))
    assert stats.binom.sf(10, N, got.finds) == pytest.approx(0.95, abs=0.02)


def test_without_the_baseline_its_gates_are_named_and_not_tried():
    found = {"clean": measured("clean", rights(0.6))}
    run = make_run(found, ("clean", {"metric": "regression_drop", "max": 0.0}), baseline=found)
    (gate,) = selftest(run, resamples=10)
    assert "--baseline FILE" in gate.checks[0].reason
    assert gate.whole.by_chance is None


def test_a_newly_broken_share_has_a_binomial_answer_of_those_right_unmoved():
    """40 of 60 are right unmoved, and 10 of these are broken by 2 σ."""
    breaks = [*[0.0] * 20, *[1.0] * 10, *[None] * 30]
    found = {STARTS: walked_direction(breaks, np.ones((60, 9), dtype=bool), np.arange(9) / 2)}
    gate = {"metric": "newly_broken_share", "max": 0.3, "at": 2.0}
    got = odds(make_run(found, (STARTS, gate)))
    some = np.arange(61)
    chances = stats.binom.pmf(some, 60, 40 / 60)
    fails = stats.binom.sf(np.floor(0.3 * some + 1e-9), some, 0.25)
    few = some < 30  # no value: too few are right unmoved
    assert got.by_chance == pytest.approx((chances * np.where(few, 1, fails)).sum(), abs=0.035)
    # What is lost more is lost of those that are right at the shift: as a share of those right unmoved.
    worse = stats.binom.sf(np.floor(0.3 * some + 1e-9), some, 0.25 + got.finds)
    assert (chances * np.where(few, 1, worse)).sum() == pytest.approx(0.95, abs=0.03)


def test_a_broken_share_has_a_binomial_answer_too():
    """25 of 100 start images are broken by 2 σ; the other 75 stay right."""
    breaks = [1.25] * 25 + [None] * 75
    found = {STARTS: walked_direction(breaks, np.ones((100, 9), dtype=bool), np.arange(9) / 2)}
    run = make_run(found, (STARTS, {"metric": "broken_share", "max": 0.3, "at": 2.0}))
    got = odds(run)
    assert got.by_chance == pytest.approx(stats.binom.sf(30, 100, 0.25), abs=0.03)
    assert stats.binom.sf(30, 100, 0.25 + got.finds) == pytest.approx(0.95, abs=0.02)


def test_a_breaking_shift_is_found_when_breaks_move_near_enough():
    """All break at 3.25 σ, so at 3.5 σ on the grid: a gate of 3 σ sees it from 0.75 σ on."""
    found = {STARTS: walked_direction([3.25] * 50, np.ones((50, 9), dtype=bool), np.arange(9) / 2)}
    run = make_run(found, (STARTS, {"metric": "breaking_shift", "min": 3.0}))
    got = odds(run)
    assert (got.by_chance, got.on_half) == (0.0, 0.0)
    assert got.finds == pytest.approx(0.75, abs=0.001)


def test_a_combined_distance_is_found_when_all_breaks_come_nearer():
    found = {SEARCH: combined(CombinationKey(0), np.linspace(4.0, 5.0, 60).tolist())}
    got = odds(make_run(found, (SEARCH, {"metric": "combined_distance", "min": 3.0})))
    assert (got.by_chance, got.on_half) == (0, 0)
    # The median is 4.5 σ; on 95 % of the draws it is no more than 4.61 σ.
    assert got.finds == pytest.approx(1.6, abs=0.05)


def test_a_valid_range_is_found_when_it_ends_steps_earlier():
    """The judge accepts all up to 3.5 σ and none at 4: the range is 3.5 σ."""
    accepted = np.broadcast_to(np.arange(9) < 8, (50, 9))
    found = {STARTS: walked_direction([None] * 50, accepted, np.arange(9) / 2)}
    run = make_run(found, (STARTS, {"metric": "valid_range", "min": 3.0}))
    got = odds(run)
    assert (got.by_chance, got.finds) == (0.0, pytest.approx(0.5, abs=0.001))


def test_a_gate_fails_where_any_of_its_checks_does():
    """Two cells wrong on different images, each at its threshold: together they fail more often."""
    wrong = [np.arange(N) >= 100, np.arange(N)[::-1] >= 100]
    found = {key: measured(key, right) for key, right in zip(CELLS, wrong, strict=False)}
    alone = [make_run(found, (key, {"metric": "accuracy", "min": 0.89})) for key in found]
    first, second = (run.checks[0] for run in alone)
    together = replace(
        alone[0],
        gates=(replace(alone[0].gates[0], checks=(first, replace(second, gate=first.gate))),),
    )
    (gate,) = selftest(together, resamples=2000)
    each = [one.by_chance for one in gate.checks]
    assert max(each) < gate.whole.by_chance <= sum(each)
    # Alike in both cells, a loss is found sooner than in one alone.
    assert gate.whole.finds < min(one.finds for one in gate.checks)


def test_draws_are_keyed():
    found = {"clean": measured("clean", rights(0.9, exact=True))}
    run = make_run(found, ("clean", {"metric": "clean_accuracy", "min": 0.89}))
    results = [selftest(run, resamples=200, seed=seed) for seed in (0, 0, 1)]
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_a_run_without_gates_has_nothing_to_try():
    run = replace(make_run({"clean": measured("clean", rights(0.9))}), gates=())
    with pytest.raises(FailcondError, match="no checked gates"):
        selftest(run)

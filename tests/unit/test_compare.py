"""Two runs, image by image: counts, bounds, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction.fit import Fitness
from pytest_failcond.probes.keys import FitnessKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.regression import versus
from pytest_failcond.probes.regression import view as changes
from pytest_failcond.probes.regression.record import Comparison
from pytest_failcond.runs.compare import compare
from pytest_failcond.runs.other import Other
from pytest_failcond.statistics.paired import mcnemar_p, paired_drop_bound
from tests.runs import changed, make_direction, make_run

INPUTS = {"images": "sha256:i", "seed": 0, "max_images": None, "corruptions": "imagenet-c/1"}
KEY = "corruption:gaussian_noise:3"


def runs(**now_subjects):
    """A baseline, and a run in which images 0 to 4 of a cell are right and images 60 to 66 wrong."""
    then = replace(make_run(), subjects=INPUTS | {"classifier": "weights:1"})
    measured = then.measurements[KEY]
    predicted = measured.predicted.copy()
    predicted[:5] = measured.labels[:5]
    predicted[60:67] = (measured.labels[60:67] + 1) % measured.classes
    now = changed(
        then,
        subjects=then.subjects | {"classifier": "weights:2"} | now_subjects,
        measurements=then.measurements | {KEY: replace(measured, predicted=predicted)},
    )
    return then, now


def entry(comparison: Comparison, key: str):
    return next(found for found in comparison.keys if found.key == key)


def test_each_image_is_both_right_lost_gained_or_both_wrong():
    then, now = runs()
    comparison = compare(then, now, "old.json", confidence=0.95)
    found = entry(comparison, KEY)
    wrong_then = int((~then.measurements[KEY].right).sum())
    assert (found.right, found.lost, found.gained) == (200 - wrong_then - 7, 7, 5)
    assert found.wrong == wrong_then - 5
    assert found.drop == pytest.approx(2 / 200)
    counts = found.right, found.lost, found.gained, found.wrong
    assert found.bound == paired_drop_bound(*counts, 0.95, "upper")
    assert found.p == mcnemar_p(7, 5)
    assert found.p_holm == 1.0
    assert found.lost_images == tuple(range(60, 67))
    assert found.gained_images == tuple(range(5))
    same = entry(comparison, "clean")
    assert (same.lost, same.gained, same.drop, same.p) == (0, 0, 0.0, 1.0)
    assert comparison.same_model is False


def test_images_are_named_by_their_index_in_the_users_set():
    then, now = runs()
    kept = np.arange(200) * 3
    comparison = compare(replace(then, kept=kept), replace(now, kept=kept), "x", confidence=0.95)
    assert entry(comparison, KEY).gained_images == (0, 3, 6, 9, 12)


def test_changed_inputs_are_told_from_a_changed_model():
    then, now = runs()
    other = replace(now.measurements[KEY], pixels="sha256:other")
    now = changed(now, measurements=now.measurements | {KEY: other})
    comparison = compare(then, now, "old.json", confidence=0.95)
    found = entry(comparison, KEY)
    assert found.inputs_changed
    assert (found.lost, found.gained) == (0, 0)
    with pytest.raises(FailcondError, match=r"inputs changed since .*, not only the model"):
        make_other(then, now).measure(KEY)


def make_other(then, now):
    other = Other("old.json", now.subjects, now.measured)
    other.run = then
    return other


@pytest.mark.parametrize(
    ("what", "value"),
    [("images", "sha256:j"), ("seed", 1), ("max_images", 5), ("corruptions", "imagenet-c/2")],
)
def test_other_inputs_are_refused(what, value):
    then, now = runs(**{what: value})
    with pytest.raises(FailcondError, match=f"was made with other {what}"):
        compare(then, now, "old.json", confidence=0.95)


def test_p_values_are_adjusted_for_their_number():
    then, now = runs()
    measured = now.measurements["clean"]
    predicted = measured.predicted.copy()
    predicted[100:110] = (measured.labels[100:110] + 1) % measured.classes
    worse = now.measurements | {"clean": replace(measured, predicted=predicted)}
    comparison = compare(then, changed(now, measurements=worse), "old.json", confidence=0.95)
    found = entry(comparison, "clean")
    assert found.p == mcnemar_p(10, 0)
    assert found.p_holm == pytest.approx(found.p * len(comparison.keys))


def test_directions_are_compared_on_one_generator_only():
    then, now = runs()
    key = "direction:0:322:+"
    moved = make_direction(0, None, 322, 1, breaking_shift=3.0, valid_range=3.5)
    now = changed(now, directions={key: moved})
    comparison = compare(then, now, "old.json", confidence=0.95)
    (found,) = comparison.directions
    assert (found.breaking_shift_then, found.breaking_shift) == (2.0, 3.0)
    assert found.broken_share < found.broken_share_then
    assert set(comparison.only_then) == set(then.directions) - {key}
    another = replace(now, subjects=now.subjects | {"generator": "sha256:g"})
    comparison = compare(then, another, "old.json", confidence=0.95)
    assert comparison.directions == ()
    assert comparison.remark == "directions are not compared: another generator"


def test_a_comparison_is_kept_with_its_run(tmp_path):
    then, now = runs()
    now = replace(now, comparison=compare(then, now, "old.json", confidence=0.95))
    now.save(tmp_path / "run.json")
    assert type(now).load(tmp_path / "run.json").comparison == now.comparison


def same_weights(then, now, **fields):
    subjects = then.subjects | {"classifier": "model:1"}
    return compare(
        replace(then, subjects=subjects),
        changed(now, subjects=subjects, **fields),
        "old.json",
        confidence=0.95,
    )


def another_wrong_class(now):
    """Nothing is lost and nothing gained: an image that was wrong is taken for yet another class."""
    measured = now.measurements[KEY]
    predicted = measured.predicted.copy()
    row = np.flatnonzero(~measured.right)[0]
    predicted[row] = next(
        c for c in range(measured.classes) if c not in (measured.labels[row], predicted[row])
    )
    return {"measurements": now.measurements | {KEY: replace(measured, predicted=predicted)}}


def another_walk(now):
    key, direction = next(iter(now.directions.items()))
    moved = replace(direction, breaking_shift=0.5)
    return {"directions": now.directions | {key: moved}}


def test_equal_hashes_are_the_same_model_only_while_predictions_agree():
    then, lost_some = runs()
    comparison = same_weights(then, then)
    assert comparison.same_model is True
    assert not comparison.predictions_differ
    assert "the same model" in changes.headline(comparison)
    assert versus._MODELS[changes.model_of(comparison)] == "A and B are the same model"
    for now, fields in (
        (lost_some, {}),
        (then, another_wrong_class(then)),
        (then, another_walk(then)),
    ):
        comparison = same_weights(then, now, **fields)
        assert comparison.same_model is True
        assert comparison.predictions_differ
        for said in (changes.headline(comparison), versus._MODELS[changes.model_of(comparison)]):
            assert "same weights, different code" in said
            assert "same model" not in said


def test_pixels_that_changed_say_nothing_about_the_model():
    then, _ = runs()
    fields = another_wrong_class(then)
    fields["measurements"][KEY] = replace(fields["measurements"][KEY], pixels="sha256:other")
    assert not same_weights(then, then, **fields).predictions_differ


def test_a_hash_of_an_earlier_version_makes_no_other_model():
    then, now = runs(classifier="model:2", judge="model:3", generator="sha256:g")
    then = replace(then, subjects=now.subjects | {"classifier": "weights:1", "judge": "weights:2"})
    comparison = compare(then, now, "old.json", confidence=0.95)
    assert comparison.same_model is None
    assert "whether it is the same model is not known" in changes.headline(comparison)
    assert comparison.directions == ()
    assert comparison.remark == (
        "directions are not compared: another version of pytest-failcond hashed the judge, so it is "
        "not known whether it is the same; keep a new run"
    )
    now = replace(now, subjects=now.subjects | {"judge": None})
    assert "another judge" in compare(then, now, "old.json", confidence=0.95).remark


@pytest.mark.parametrize(
    ("judge", "accepted", "drawn", "said"),
    [
        (None, (190, 187), (200, 200), ""),
        (
            None,
            (190, 120),
            (200, 200),
            "another judge, which accepts 190 of 200 generated images of class",
        ),
        (None, (190, 120), (200, 150), ""),  # other images: nothing is known
        ("model:3", (190, 120), (200, 200), ""),  # its hash decides
    ],
)
def test_a_judge_without_a_hash_is_known_by_its_answers(judge, accepted, drawn, said):
    both = [
        replace(
            run,
            subjects=run.subjects | {"judge": judge},
            records=run.records | {FitnessKey(0): Fitness(FitnessKey(0), 0, some, of, 95, 100)},
        )
        for run, some, of in zip(runs(), accepted, drawn, strict=True)
    ]
    comparison = compare(*both, "old.json", confidence=0.95)
    assert (said in comparison.remark) if said else (comparison.remark == "")
    assert bool(comparison.directions) == (not said)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"least_p": 0.8}, "no least_p there and least_p = 0.8 here"),
        ({"least_p": 0.8}, {"least_p": 0.95}, "least_p = 0.8 there and least_p = 0.95 here"),
        ({}, {"least_p": None}, ""),
        ({"least_p": 0.5}, {"least_p": 0.5}, ""),
    ],
)
def test_directions_are_compared_under_one_acceptance_alone(before, after, said):
    """Runs of earlier versions have no least_p: their judge's label alone decided."""
    then, now = runs()
    then = replace(then, subjects=then.subjects | before)
    now = replace(now, subjects=now.subjects | after)
    comparison = compare(then, now, "old.json", confidence=0.95)
    remark = f"directions are not compared: another acceptance, {said}" if said else ""
    assert comparison.remark == remark
    assert bool(comparison.directions) == (not said)


def test_a_comparison_that_an_earlier_version_kept_is_read():
    then, now = runs()
    data = same_weights(then, now).to_json()
    del data["predictions_differ"]
    kept = Comparison.from_json(data, PROBES.parse)
    assert not kept.predictions_differ
    assert "same weights, different code" in changes.headline(kept)

"""A gate that its number of images cannot resolve is named before the run, with the number it needs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.verdicts.resolution import MOST, unresolved

CLASSES = ("a", "b", "c")
LABELS = np.repeat([0, 1, 2], [50, 20, 30])


def found(labels=LABELS, samples=20, max_shift=2.0, judge=None, **gate):
    settings = Settings(
        classifier="m:c",
        images="m:i",
        judge=judge,
        classes=CLASSES,
        corpus="corpus",
        corruptions={"names": ["contrast"], "severities": [1, 2], "reference": "r.json"},
        corner_cases={"samples": samples, "max_shift": max_shift},
        gates=[GateSettings(id="gate", **gate)],
    )
    return unresolved(settings, CLASSES, labels)


def right(n):
    """Clopper and Pearson's lower bound of n of n."""
    return 0.05 ** (1 / n)


@pytest.mark.parametrize("metric", ["clean_accuracy", "accuracy", "mean_corruption_accuracy"])
@pytest.mark.parametrize("least", [0.98, 0.9999])
def test_an_accuracy_needs_as_many_images_as_clopper_and_pearson_say(metric, least):
    (one,) = found(metric=metric, min=least)
    assert (one.gate, one.n) == ("gate", 100)
    assert one.needed == math.ceil(math.log(0.05) / math.log(least))
    assert right(one.needed - 1) < least <= right(one.needed)
    assert found(np.zeros(one.needed, dtype=int), metric=metric, min=least) == ()
    assert found(metric=metric, min=0.9) == ()


@pytest.mark.parametrize("metric", ["accuracy_drop", "regression_drop", "mean_regression_drop"])
def test_a_drop_is_bounded_by_what_no_change_allows(metric):
    (one,) = found(metric=metric, max=0.01)
    assert one.n == 100
    assert 100 < one.needed < 1000
    assert found(np.zeros(one.needed, dtype=int), metric=metric, max=0.01) == ()
    (short,) = found(np.zeros(one.needed - 1, dtype=int), metric=metric, max=0.01)
    assert short.needed == one.needed


@pytest.mark.parametrize(
    "gate",
    [
        {"metric": "accuracy_drop", "max": 0.0},
        {"metric": "regression_drop", "max": 0.0},
        {"metric": "negative_flips", "max": 0.0},
        {"metric": "clean_accuracy", "min": 1.0},
        {"metric": "broken_share", "max": 0.0, "at": 1.0},
        {"metric": "breaking_shift", "min": 3.0},  # walks end at 2 σ
    ],
)
def test_what_no_number_of_images_resolves_is_said(gate):
    (one,) = found(**gate)
    assert one.needed is None
    assert "no number of images is enough" in str(one)


def test_a_threshold_out_of_reach_of_the_search_is_said():
    (one,) = found(metric="clean_accuracy", min=1 - 1e-9)
    assert one.needed == MOST + 1
    assert "it needs more than 1,000,000" in str(one)


def test_shares_of_start_images_rest_on_the_samples():
    assert 1 - 0.05 ** (1 / 20) > 0.1
    (one,) = found(metric="broken_share", max=0.1, at=1.0)
    assert (one.n, one.needed) == (20, math.ceil(math.log(0.05) / math.log(0.9)))
    assert found(metric="broken_share", max=0.1, at=1.0, samples=one.needed) == ()
    assert found(metric="breaking_shift", min=2.0) == ()
    (few,) = found(metric="breaking_shift", min=2.0, samples=4)
    assert (few.n, few.needed) == (4, 5)
    (few,) = found(metric="valid_range", min=2.0, samples=4)
    assert few.needed == math.ceil(math.log(0.05) / math.log(0.8))


def test_the_smallest_class_of_several_is_named():
    (one,) = found(metric="accuracy", min=0.9, by_class=True)
    assert (one.class_name, one.n, one.needed) == ("b", 20, 29)
    assert "its 20 images of class 'b'" in str(one)
    (two,) = found(metric="accuracy", min=0.95, classes=["a"])
    assert (two.class_name, two.n, two.needed) == (None, 50, 59)


def test_a_minimum_of_images_that_are_not_there_is_named():
    (one,) = found(metric="clean_accuracy", min=0.5, min_n=150)
    assert (one.n, one.needed) == (100, 150)
    assert str(one).endswith("it needs 150 (its min_n is 150)")


def test_a_severity_that_is_crossed_needs_its_accuracy_to_be_resolved():
    (one,) = found(metric="crossing_severity", min=2, at=0.99)
    assert one.needed == math.ceil(math.log(0.05) / math.log(0.99))
    assert found(np.zeros(one.needed, dtype=int), metric="crossing_severity", min=2, at=0.99) == ()
    (far,) = found(metric="crossing_severity", min=5, at=0.5)
    assert far.needed is None
    assert "tested at severities 1, 2 only" in str(far)


def test_what_cannot_be_measured_at_all_is_left_to_its_check():
    assert found(np.zeros(0, dtype=int), metric="clean_accuracy", min=0.5, classes=["a"]) == ()
    assert found(metric="mce", max=1.0) == ()
    assert found(metric="corpus_accuracy", min=0.99) == ()


def test_a_gate_that_asks_for_a_gain_is_not_said_to_be_out_of_reach():
    """A perfect result gains nothing, but a classifier that is better on corrupted images does."""
    assert found(metric="accuracy_drop", max=-0.1) == ()

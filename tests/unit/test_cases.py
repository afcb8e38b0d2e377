"""Images that Hypothesis draws: what they shrink to, what is known of them, and the line that makes them again."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings, target

from pytest_failcond import Classifier, FailcondError, LabeledImages
from pytest_failcond.config.settings import Settings
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.plugin.cases import Cases
from pytest_failcond.probes.direction.record import ClassRanking
from pytest_failcond.probes.keys import DirectionKey, RankingKey
from pytest_failcond.strategies import (
    Case,
    Combination,
    Corrupted,
    combinations,
    corner_cases,
    corrupted_images,
)
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.images import as_8_bits
from tests.unit.linear import FAINT, LOST, Bright, linear_generator

QUICK = settings(derandomize=True, deadline=None, max_examples=200, database=None)


@pytest.fixture(scope="module")
def cases():
    """Class 0 is lost under 0.4 of brightness, by 0.1 for each σ of a dimension, or 0.02 of another."""
    images = LabeledImages(np.full((5, 8, 8, 1), 150, np.uint8), [0, 1, 2, 0, 0])
    configured = Settings.model_validate({"corner_cases": {"top": 1, "samples": 8}})
    laboratory = Laboratory(
        configured, Classifier(Bright(0.4).eval()), images, linear_generator(),
        Acceptance((Classifier(Bright(0.2, 1e4).eval()),)),
    )  # fmt: skip
    ranking = ClassRanking(
        RankingKey(0), 0, 8, [DirectionKey(0, LOST, 1)], [LOST, FAINT, 1], [0.1, 0.02, -0.001]
    )
    records = {
        RankingKey(0): ranking,
        **{key: SimpleNamespace(key=key) for key in ranking.directions},
    }
    return Cases(laboratory, ("circle", "square", "star"), records.__getitem__,
                 lambda label, rank: ranking.directions[rank - 1])  # fmt: skip


def test_combinations_shrink_to_the_fewest_dimensions_and_the_mildest_steps():
    def needs_two(case):
        steps = dict(case.moves)
        return steps.get(2, 0) >= 2 and steps.get(3, 0) <= -1

    found = find(combinations([4, 7], top=3, max_steps=4, starts=9), needs_two, settings=QUICK)
    assert found == Combination(4, ((2, 2), (3, -1)), 0)
    assert find(combinations(2), lambda case: True, settings=QUICK).moves == ()


def test_corrupted_images_shrink_to_the_first_corruption_and_the_mildest_severity():
    found = find(
        corrupted_images(["contrast", "fog"], images=9),
        lambda case: case.severity > 2,
        settings=QUICK,
    )
    assert found == Corrupted("contrast", 3, 0)


@settings(deadline=None, max_examples=50)
@given(combinations(3, top=4, most=2, max_steps=3, starts=5))
def test_combinations_are_what_was_asked_for(case):
    ranks = [rank for rank, _ in case.moves]
    assert ranks == sorted(set(ranks))
    assert len(ranks) <= 2
    assert set(ranks) <= {1, 2, 3, 4}
    assert all(0 < abs(steps) <= 3 for _, steps in case.moves)
    assert case.class_index in range(3)
    assert case.seed in range(5)


USUAL = {
    corner_cases: {"classes": 3}, combinations: {"classes": 3}, corrupted_images: {"names": ["fog"], "images": 3},
}  # fmt: skip
COUNTS = [
    (corner_cases, "top", 1), (corner_cases, "max_steps", 0), (corner_cases, "starts", 1),
    (combinations, "top", 1), (combinations, "most", 1), (combinations, "max_steps", 1),
    (combinations, "starts", 1), (corrupted_images, "images", 1), (corrupted_images, "max_severity", 1),
]  # fmt: skip


@pytest.mark.parametrize(("draw", "name", "least"), COUNTS)
@pytest.mark.parametrize("value", [-1, 2.5, "3", None, True, np.ones(2)])
def test_a_senseless_number_of_a_strategy_is_refused_by_its_own_name(draw, name, least, value):
    with pytest.raises(FailcondError) as refused:
        draw(**USUAL[draw] | {name: value})
    told = str(refused.value)
    assert told.startswith(f"{draw.__name__}: {name} = ")
    assert told.endswith(f"; give a whole number from {least} on")
    assert draw(**USUAL[draw] | {name: least}) is not None


@pytest.mark.parametrize("draw", [corner_cases, combinations])
@pytest.mark.parametrize("classes", [0, -1, [], "8", ["8"], [0, -1], None, 2.0, True])
def test_classes_of_a_strategy_that_are_no_indices_are_refused_by_name(draw, classes):
    with pytest.raises(FailcondError, match=rf"^{draw.__name__}: classes = .*; give the number of"):
        draw(classes)


def test_corruptions_of_a_strategy_are_refused_by_name():
    with pytest.raises(FailcondError, match=r"^corrupted_images: names is empty; give one"):
        corrupted_images([], images=3)
    with pytest.raises(FailcondError, match=r"^corrupted_images: max_severity = 6; give 1 to 5$"):
        corrupted_images(["fog"], images=3, max_severity=6)


def test_moves_add_up_and_go_either_way(cases):
    unmoved = cases.image(Combination(0, (), 3))
    both = cases.image(Combination(0, ((1, 2), (2, 6)), 3))
    back = cases.image(Combination(0, ((1, -2),), 3))
    level = unmoved.image.mean()  # images of combinations have 8 bits
    assert both.image.mean() == pytest.approx(level - 0.1 * 1 - 0.02 * 3, abs=1 / 255)
    assert back.image.mean() == pytest.approx(level + 0.1, abs=1 / 255)
    for image in (unmoved.image, both.image):
        assert np.array_equal(image, as_8_bits(image))
    assert both.distance == pytest.approx(math.hypot(1, 3))
    assert [key.sign for key in both.directions] == [1, 1]
    assert back.directions == (DirectionKey(0, LOST, -1),)
    single = cases.image(Case(0, 1, 2, 3))
    assert np.array_equal(single.image, cases.image(Combination(0, ((1, 2),), 3)).image)
    assert "failcond show ranking:0 --sample" in str(unmoved)
    assert f"failcond show direction:0:{LOST}:+ direction:0:{FAINT}:+ --shift 1,3 --sample" in repr(
        both
    )


def test_margins_are_differences_of_logits_and_negative_where_the_classifier_is_wrong(cases):
    for steps in range(-4, 17):
        image = cases.image(Combination(0, ((1, steps),) if steps else (), 0))
        level = image.image.mean()
        assert image.margin == pytest.approx(2 * 5.0 * (level - 0.4), abs=1e-3)
        assert (image.margin < 0) == (image.predicted != 0)
        assert image.broken == (0.2 < level < 0.4)


def test_targets_drive_towards_low_margins(cases):
    margins: list[float] = []

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=60,
        database=None,
        phases=[Phase.generate, Phase.target],
    )
    @given(combinations([0], top=3, most=1, max_steps=40))
    def look(case):
        margins.append(cases.image(case).margin)
        target(-margins[-1])

    look()
    drawn, driven = margins[: len(margins) // 2], margins[len(margins) // 2 :]
    assert np.median(driven) < np.median(drawn)
    assert min(driven) < 0


def test_corrupted_images_are_those_of_the_grid(cases):
    from pytest_failcond import corrupt

    image = cases.image(Corrupted("gaussian_noise", 3, 2))
    pixels = np.full((1, 8, 8, 1), 150, np.uint8)
    expected = corrupt(pixels, "gaussian_noise", 3, indices=[2])
    assert np.array_equal(np.rint(image.image[0] * 255), expected[0, ..., 0])
    assert image.label == 2
    assert "failcond show corruption:gaussian_noise:3 --image 2" in str(image)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            Combination(3, (), 0),
            "class_index = 3 is outside 0 to 2; in a strategy, change the argument classes$",
        ),
        (
            Combination(0, ((4, 1),), 0),
            "rank = 4 is outside 1 to 3; in a strategy, change the argument top$",
        ),
        (Combination(0, ((0, 1),), 0), "rank = 0 is outside 1"),
        (Combination(0, ((1, 1), (1, 2)), 0), "name rank 1 twice"),
        (Combination(0, ((1, 0.5),), 0), "Combination with steps = float"),
        (Combination(0, (1, 2), 0), "expected moves as pairs"),
        (Combination(0, None, 0), "expected moves as pairs"),
        (Combination(0, (), -1), "seed = -1 is outside 0"),
        (Corrupted("gaussian_noise", 6, 0), "severity = 6 is outside 1 to 5; .* max_severity$"),
        (Corrupted("gaussian_noise", 3, 5), "index = 5 is outside 0 to 4; .* images$"),
        (Corrupted("gaussian_nose", 3, 0), "gaussian_nose"),
        (Corrupted(3, 3, 0), "corruption"),
        ("8", "expected a Case, Combination or Corrupted"),
    ],
)
def test_a_case_of_something_that_is_not_there_is_one_sentence(cases, case, words):
    with pytest.raises(FailcondError, match=words) as caught:
        cases.image(case)
    assert "\n" not in str(caught.value)

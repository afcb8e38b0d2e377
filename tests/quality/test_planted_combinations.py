"""Combinations are found where they are planted: as near as they lie, and no further than they must be."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from pytest_failcond import Classifier, FailcondError, FailcondWarning, rank_dimensions
from pytest_failcond.probes.combination.finding import _EFFORT, combined_images, find_combinations
from pytest_failcond.probes.combination.problem import Problem
from pytest_failcond.subjects.acceptance import Acceptance
from tests.unit.linear import LinearGenerator

LEFT, RIGHT, FAINT = 1, 4, 2  # dimensions: darken one half, or hardly anything
STD = (1.0, 0.5, 1.0, 2.0, 1.0, 1.0)
DARKER = {LEFT: 0.2, RIGHT: 0.1}  # of the half, for each σ
LEVELS = (0.45, 0.3)  # under which a half is dark: the left one is class 1, the right one class 2
COUNT = 12


def planted() -> LinearGenerator:
    """Gray images whose halves get darker in a dimension each, and a little in another one."""
    weights = torch.zeros(len(STD), 1, 8, 8)
    weights[LEFT, :, :, :4] = -DARKER[LEFT] / STD[LEFT]
    weights[RIGHT, :, :, 4:] = DARKER[RIGHT] / STD[RIGHT]  # moved down
    weights[FAINT] = -0.002
    return LinearGenerator(weights, 0.6, STD)


class Halves(nn.Module):
    """Class 0 while both halves are bright; a judge has other levels, and may doubt all."""

    def __init__(self, levels=LEVELS, sharpness=60.0, doubt=0.0) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.tensor(levels))
        self.sharpness, self.doubt = sharpness, doubt
        self.eval()

    def forward(self, images):
        halves = torch.stack([images[..., :4].mean((1, 2, 3)), images[..., 4:].mean((1, 2, 3))], 1)
        dark = self.sharpness * (self.levels - halves)
        return torch.cat([torch.full_like(dark[:, :1], -self.doubt), dark], dim=1)


def plain_of(levels, images):
    """The same model, of NumPy arrays."""
    with torch.no_grad():
        return Halves(levels)(torch.from_numpy(images)).numpy()


def plain(images):
    return plain_of(LEVELS, images)


def in_steps(images):
    """The same model, whose answers are labels alone."""
    return np.eye(3, dtype=np.float32)[plain(images).argmax(axis=1)]


class Masked(Halves):
    """The same model, whose gradient is zero."""

    def forward(self, images):
        return super().forward((images * 255).round() / 255)


JUDGE = Acceptance.of(Classifier(Halves((0.1, 0.1)), name="judge"))
GUIDE = Classifier(Halves((0.1, 0.1)), name="guide")


@cache
def ranked():
    return rank_dimensions(planted(), Classifier(Halves()), 0, judge=JUDGE, samples=16)


@cache
def found(model=Halves, toward=None, judge=JUDGE, guides=GUIDE, batch=None, **options):
    given = model() if isinstance(model, type) else model
    chosen = {"dimensions": 4, "samples": COUNT, "truncation": 0.2, "ranking": ranked()} | options
    classifier = Classifier(given, batch_size=batch)
    return find_combinations(
        planted(), classifier, 0, toward=toward, judge=judge, guides=guides, **chosen
    )


def optimum(combinations, half):
    """How far each start image is from having a half of it dark: σ along one dimension, ``[N]``."""
    images = planted().synthesize(combinations.starts.styles)
    part = images[..., :4] if half == LEFT else images[..., 4:]
    level = LEVELS[(LEFT, RIGHT).index(half)]
    return ((part.mean((1, 2, 3)) - level) / DARKER[half]).numpy()


@pytest.mark.parametrize(
    ("model", "way"), [(Halves, None), (Halves, "evolution"), (plain, None), (Masked, None)]
)
def test_the_smallest_combination_is_found_in_the_planted_dimension_alone(model, way):
    combinations = found(model, way=way)
    assert combinations.way == ("gradient" if (model, way) == (Halves, None) else "evolution")
    np.testing.assert_allclose(combinations.distance, optimum(combinations, LEFT), rtol=0.05)
    moved = combinations.dimensions[(combinations.shifts != 0).any(axis=0)]
    assert moved.tolist() == [LEFT]
    assert (combinations.predicted == 1).all()


@pytest.mark.parametrize("model", [Masked, plain])
def test_nothing_needs_a_gradient_from_the_ranking_on(model):
    combinations = found(model, way="evolution", ranking=None, samples=6)
    np.testing.assert_allclose(combinations.distance, optimum(combinations, LEFT), rtol=0.05)


@pytest.mark.parametrize("model", [Halves, plain])
def test_a_wanted_prediction_is_reached_by_its_own_dimension(model):
    combinations = found(model, toward=2)
    assert (combinations.predicted == 2).all()
    np.testing.assert_allclose(combinations.distance, optimum(combinations, RIGHT), rtol=0.05)
    moved = combinations.dimensions[(combinations.shifts != 0).any(axis=0)]
    assert moved.tolist() == [RIGHT]
    assert (combinations.shifts <= 0).all()


def test_labels_alone_are_followed_along_the_ranking():
    with pytest.warns(FailcondWarning, match="returns probabilities"):
        combinations = found(in_steps)
    assert combinations.found.all()
    assert (combinations.distance < 2 * optimum(combinations, LEFT)).all()


def test_combinations_are_wrong_and_accepted_as_their_pictures_show():
    combinations = found()
    rows = np.arange(COUNT)
    images = combined_images(
        planted(), combinations.starts, combinations.dimensions, rows, combinations.shifts
    )
    levels = images.numpy() * 255
    np.testing.assert_allclose(levels, levels.round(), atol=1e-4)
    said = Classifier(Halves()).probabilities(images).argmax(axis=1)
    np.testing.assert_array_equal(said, combinations.predicted)
    judgement = JUDGE.see(images, among=3)
    assert judgement.accepted(0).all()
    np.testing.assert_allclose(judgement.level(0), combinations.level, rtol=1e-5)
    assert not combinations.guided_by_acceptors
    assert not combinations.rejected.any()


def test_images_that_are_wrong_before_they_are_moved_are_at_distance_0():
    always = Halves((0.9, 0.3))
    combinations = find_combinations(
        planted(), Classifier(always), 0, dimensions=4, samples=COUNT, judge=JUDGE,
        ranking=ranked(), truncation=0.2,
    )  # fmt: skip
    assert (combinations.distance == 0).all()
    assert (combinations.predicted == 1).all()
    assert (combinations.shifts == 0).all()
    assert combinations.level.min() >= JUDGE.least_p
    assert combinations.guided_by_acceptors


def test_what_acceptors_reject_is_not_found_and_counted():
    blind = Classifier(Halves((0.0, 0.0)), name="guide")
    strict = Acceptance.of(Classifier(Halves((0.48, 0.1)), name="judge"))
    combinations = found(judge=strict, guides=blind)
    assert combinations.rejected.all()
    assert np.isnan(combinations.distance).all()
    assert (combinations.predicted == 0).all()
    images = combined_images(
        planted(),
        combinations.starts,
        combinations.dimensions,
        np.arange(COUNT),
        combinations.shifts,
    )
    assert (Classifier(Halves()).probabilities(images).argmax(axis=1) == 1).all()
    assert not strict.accepts(images, 0, among=3).any()
    assert np.isnan(combinations.level).all()


def test_guides_lead_around_what_they_reject():
    strict = Acceptance.of(Classifier(Halves((0.48, 0.1)), name="judge"))
    combinations = found(judge=strict, guides=strict)
    assert combinations.found.all()
    assert (combinations.predicted == 2).all()
    np.testing.assert_allclose(combinations.distance, optimum(combinations, RIGHT), rtol=0.05)


def test_guides_that_accept_nothing_find_nothing():
    doubting = Classifier(Halves((0.1, 0.1), doubt=100.0), name="guide")
    combinations = found(guides=doubting)
    assert np.isnan(combinations.distance).all()
    assert not combinations.rejected.any()


def test_nothing_is_found_beyond_the_longest_distance():
    reachable = optimum(found(), LEFT)
    limit = float(np.median(reachable))
    combinations = found(max_distance=limit)
    assert combinations.distance[combinations.found].max() <= limit
    assert combinations.found[reachable < 0.95 * limit].all()
    assert not combinations.found[reachable > limit].any()


def test_without_a_judge_images_stay_within_the_range_of_the_generator():
    combinations = found(judge=None, guides=None, toward=2, truncation=0.5)
    assert not combinations.guided_by_acceptors
    space, chosen = planted().style_space, combinations.dimensions
    moved = combinations.starts.styles.numpy()[:, chosen] + combinations.shifts * combinations.std
    low, high = space.range[:, chosen]
    assert combinations.found.all()
    assert (moved >= low - 1e-5).all()
    assert (moved <= high + 1e-5).all()
    beyond = found(lambda images: plain_of((0.45, 0.27), images), judge=None, guides=None, toward=2)
    assert not beyond.found.any()  # 0.6 less 0.1 for each of 3.09 σ is still brighter


def same(one, other):
    for name in ("shifts", "distance", "predicted", "rejected", "level"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_same_is_found_again_whatever_the_batch():
    same(found(), found(batch=5))


def test_an_evolution_is_repeatable_and_bounded_and_leaves_numpys_own_numbers_alone(monkeypatch):
    looks, told, judged = [0], [], Problem.judged

    def counted(problem, rows, images):
        looks[0] += len(rows)
        return judged(problem, rows, images)

    monkeypatch.setattr(Problem, "judged", counted)
    np.random.seed(3)  # noqa: NPY002 - the user's
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    chosen = {"samples": 5, "way": "evolution", "max_distance": 7.5}
    one = found.__wrapped__(**chosen, tell=told.append)
    slopes, pruned, bisected = 4 + 1, 2, 7
    assert 300 < looks[0] / 5 <= _EFFORT.looks + slopes + pruned + bisected
    assert told[0] > told[-1]
    np.random.seed(4)  # noqa: NPY002
    same(one, found.__wrapped__(**chosen))
    np.random.seed(3)  # noqa: NPY002
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_an_evolution_moves_one_dimension_where_there_is_one():
    combinations = found(way="evolution", dimensions=1, samples=4)
    assert combinations.dimensions.tolist() == [LEFT]
    np.testing.assert_allclose(combinations.distance, optimum(combinations, LEFT), rtol=0.05)


def test_other_seeds_draw_other_start_images():
    assert (found(seed=1).starts.styles != found().starts.styles).any()
    assert found(seed=1).found.all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"toward": 0}, "toward: 'circle' is the class itself; name another"),
        ({"toward": 3}, "toward: 3 is not one of the 3 classes, 0 to 2"),
        ({"dimensions": 7}, "dimensions: 7 is not from 1 to 6, the generator's style dimensions"),
        ({"dimensions": 0}, "dimensions: 0 is not from 1 to 6, the generator's style dimensions"),
        ({"way": "guess"}, "way: 'guess' is none of gradient, evolution"),
    ],
)
def test_senseless_arguments_are_refused(options, sentence):
    with pytest.raises(FailcondError) as refused:
        found(**options)
    assert str(refused.value) == sentence

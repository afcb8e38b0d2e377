"""The dimensions that lose a class are found without a gradient, and as a whole synthesis shows them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pytest_failcond import Classifier, find_corner_cases, rank_dimensions
from pytest_failcond.generators.base import Batches
from pytest_failcond.probes.direction.pushing import Pushing
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.subjects.acceptance import EVERYTHING
from tests.unit.linear import LinearGenerator
from tests.unit.test_ranking import Model, at_the_first
from tests.unit.tiny import tiny_generator

SIZE, UP, DOWN = 28, 9, 20
STD = np.linspace(0.3, 1.2, SIZE)


def planted() -> LinearGenerator:
    """Gray images that get darker up one dimension, down another, and hardly along the others."""
    weights = torch.zeros(SIZE, 1, 8, 8)
    weights += torch.tensor(0.001 / STD, dtype=torch.float32)[:, None, None, None]
    weights[UP], weights[DOWN] = -0.1 / STD[UP], 0.07 / STD[DOWN]
    return LinearGenerator(weights, 0.8, STD.tolist())


class Bright(nn.Module):
    """Class 0 while an image is bright: what is done to its logits hides the gradient."""

    def __init__(self, after) -> None:
        super().__init__()
        self.after, self.level = after, nn.Parameter(torch.tensor(0.6))
        self.eval()

    def forward(self, images):
        margin = (images.mean(dim=(1, 2, 3)) - self.level) * 20
        return self.after(torch.stack([margin, -margin, torch.full_like(margin, -50.0)], dim=1))


def in_numpy(images):
    margin = (images.mean(axis=(1, 2, 3)) - 0.6) * 20
    return np.stack([margin, -margin, np.full_like(margin, -50)], axis=1)


CASES = {
    "a plain callable": lambda: in_numpy,
    "rounded": lambda: Bright(torch.round),
    "labels": lambda: Bright(lambda x: nn.functional.one_hot(x.argmax(1), 3) * 4.0),
    "detached": lambda: Bright(torch.Tensor.detach),
    "nan": lambda: Bright(at_the_first(float("nan"))),
    "saturated": lambda: Bright(lambda x: x * 1e6),
}


@pytest.mark.parametrize("case", CASES)
def test_what_loses_a_class_is_found_without_a_gradient(case):
    """One dimension up, another down; nothing else is worth a walk."""
    classifier = Classifier(CASES[case](), classes=3)
    found = find_corner_cases(planted(), classifier, 0, top=1, samples=64, max_shift=1.0)
    ranking = found.ranking
    assert ranking.way == "effect"
    assert ranking.dimensions[:2].tolist() == [UP, DOWN]
    assert (ranking.sign(0), ranking.sign(1)) == (1, -1)
    assert abs(ranking.scores[1]) > 5 * np.abs(ranking.scores[2:]).max()
    assert str(found.directions[0].key) == f"direction:0:{UP}:+"


def test_both_ways_agree_where_both_are_possible():
    classifier = Classifier(Bright(lambda x: x / 8), classes=3)
    ways = [rank_dimensions(planted(), classifier, 0, way=way) for way in ("gradient", "effect")]
    assert [ranking.way for ranking in ways] == ["gradient", "effect"]
    for ranking in ways:
        assert ranking.dimensions[:2].tolist() == [UP, DOWN]
        assert (ranking.sign(0), ranking.sign(1)) == (1, -1)


@pytest.mark.parametrize("name", ["linear", "RGB", "clamped"])
def test_a_push_is_the_fall_of_p_at_the_end_of_the_range(name):
    """Against whole syntheses, image by image, whatever is computed together."""
    generator = {
        "linear": planted,
        "RGB": lambda: tiny_generator(image_channels=3),
        "clamped": lambda: tiny_generator(clamp=3.0),
    }[name]()
    channels = generator.image_shape[2]
    classifier = Classifier(Model(before=lambda x: x[:, :1] * channels).eval(), batch_size=7)
    starts = start_images(generator, EVERYTHING, 1, 5)
    low, high = generator.style_space.range
    pushes = np.arange(2 * SIZE)

    def p_of(styles):
        return classifier.probabilities(generator.synthesize(styles))[:, 1].astype(np.float64)

    expected = np.empty((2 * SIZE, 5))
    for push in pushes:
        k, up = push % SIZE, push < SIZE
        styles = starts.styles.clone()
        styles[:, k] = styles[:, k].clamp(min=high[k]) if up else styles[:, k].clamp(max=low[k])
        expected[push] = p_of(starts.styles) - p_of(styles)
    for some in (pushes, pushes[::3], pushes[[40, 3, 7]]):
        falls = Pushing(generator, classifier, starts, 0).falls(some, 0, 5)
        order = Pushing(generator, classifier, starts, 0)._rows
        np.testing.assert_allclose(falls, expected[some][:, order], atol=2e-4)


def test_a_ranking_by_effect_does_not_depend_on_what_is_computed_together(monkeypatch):
    generator, batch = tiny_generator(), 7
    expected = rank_dimensions(generator, Classifier(Model().eval()), 1, way="effect")
    again = rank_dimensions(generator, Classifier(Model().eval()), 1, way="effect")
    assert np.array_equal(expected.scores, again.scores)
    monkeypatch.setattr(type(generator.config), "batches", Batches(batch, batch))
    found = rank_dimensions(
        generator, Classifier(Model().eval(), batch_size=batch), 1, way="effect"
    )
    assert np.array_equal(found.dimensions[:8], expected.dimensions[:8])
    np.testing.assert_allclose(np.sort(found.scores), np.sort(expected.scores), atol=1e-4)


def test_most_images_go_to_the_best_pushes():
    """As the docstring counts them, all in full batches but the last of each round."""
    generator, classifier = planted(), Classifier(in_numpy, classes=3)
    seen = []
    classifier.seen = seen.append
    rank_dimensions(generator, classifier, 0, samples=128)
    assert set(seen) == {256}
    images = 2 * SIZE * 2 + 8 * 4 + 8 * 10 + 8 * 16  # 1/24 of 56 pushes are fewer than 8
    assert sum(seen) <= images + 256 * 5

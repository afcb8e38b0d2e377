"""Faults are planted where only we know them: exactly those are found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pytest_failcond import Classifier, LabeledImages, find_corner_cases
from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import CornerCaseSettings, CorruptionSettings, Settings
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.corruption.measure import measure_corruption
from pytest_failcond.probes.direction.measure import find, measure_direction
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.probes.keys import CorruptionKey, DirectionKey, Key, RankingKey
from pytest_failcond.probes.registry import parse_key
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance
from pytest_failcond.verdicts.gates import check
from tests.unit.linear import LinearGenerator


def patterns(count: int = 300) -> LabeledImages:
    """Classes 0 and 1 are bright halves, class 2 a chequerboard: blur alone destroys it."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 3
    images = random.integers(0, 30, (count, 16, 16, 1))
    images[labels == 0, :8] += 180
    images[labels == 1, 8:] += 180
    images[labels == 2] += (np.indices((16, 16)).sum(axis=0) % 2 * 180)[..., None]
    return LabeledImages(images.astype(np.uint8), labels)


def blind_to_the_blurred_board(images):
    """Class 2 is what alternates from pixel to pixel; else the brighter half."""
    rough = np.abs(np.diff(images[:, 0], axis=2)).mean(axis=(1, 2))
    top, bottom = images[:, 0, :8].mean(axis=(1, 2)), images[:, 0, 8:].mean(axis=(1, 2))
    return 20 * np.stack([top - bottom, bottom - top, rough - 0.15], axis=1)


def test_a_class_that_is_lost_under_blur_is_the_one_that_is_found():
    names = ("gaussian_noise", "contrast", "gaussian_blur", "jpeg_compression")
    settings = Settings(
        classes=("top", "bottom", "board"),
        corruptions=CorruptionSettings(names=names, severities=(1,)),
        gates=tuple(
            GateSettings(id=name, metric="accuracy", min=0.9, classes=(name,))
            for name in ("top", "bottom", "board")
        ),
    )
    laboratory = Laboratory(settings, Classifier(blind_to_the_blurred_board), patterns())
    kept: dict[str, object] = {}

    def measure(key):
        if key not in kept:
            kept[key] = measure_corruption(laboratory, parse_key(key))
        return kept[key]

    failed = {
        (gate.id, name)
        for gate in settings.gates
        for name in names
        if check(gate, str(CorruptionKey(name, 1)), measure, settings, settings.classes).verdict
        == "failed"
    }
    assert failed == {("board", "gaussian_blur")}


class Threshold(nn.Module):
    """Class c of 3 while the image's mean stays above a level; beyond it the next class."""

    def __init__(self, level: float, sharpness: float = 200.0) -> None:
        super().__init__()
        self.level, self.sharpness = level, sharpness
        self.anchor = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        margin = (images.mean(dim=(1, 2, 3)) - self.level) * self.sharpness
        return torch.stack([margin, -margin, torch.full_like(margin, -50.0)], dim=1) + self.anchor


def planted_generator(dimension: int, per_sigma: float):
    """A generator whose images are 0.8 bright, less `per_sigma` for each σ of one dimension."""
    std = np.linspace(0.3, 1.2, 28)
    weights = torch.zeros(28, 1, 8, 8)
    weights[dimension] = -per_sigma / std[dimension]
    return LinearGenerator(weights, 0.8, std), 0.0, float(std[dimension])


@pytest.mark.parametrize("dimension", [1, 9])
def test_the_one_dimension_that_breaks_a_class_is_found_at_its_shift(dimension):
    """Brightness falls by 0.1 per σ from 0.8; the classifier gives up under 0.5: at 3 σ."""
    generator, center, sigma = planted_generator(dimension, 0.1)
    classifier = Classifier(Threshold(0.5, sharpness=5.0).eval(), classes=3)
    found = find_corner_cases(generator, classifier, 0, top=1, samples=64, max_shift=6.0)
    assert found.directions[0].key.dimension == dimension
    scores = found.ranking.scores
    assert found.ranking.dimensions[0] == dimension
    assert found.ranking.sign(0) == 1
    assert np.abs(scores[1:]).max() < 1e-6  # nothing else does anything
    judged = find_corner_cases(
        generator,
        classifier,
        0,
        top=1,
        samples=64,
        max_shift=6.0,
        judge=Classifier(Threshold(-9.0).eval(), classes=3),
    )
    (direction,) = judged.directions
    walk = direction.walk
    assert walk.breaking_shift == pytest.approx(3.0, abs=0.5)
    # Image by image: a start at z σ from the centre breaks (3 - z) σ further on.
    starts = start_images(generator, EVERYTHING, 0, 64)
    z = (starts.styles[:, dimension].double().numpy() - center) / sigma
    expected = np.maximum(3.0 - z, 0.0)
    seen = np.isfinite(walk.breaks)
    assert seen.sum() >= 60
    np.testing.assert_allclose(walk.breaks[seen], expected[seen], atol=0.5 / 2**5 + 1e-3)


def test_a_judge_that_is_lost_first_bounds_the_valid_range():
    """The judge gives up at 0.5, at 3 σ; the classifier at 0.3: nothing may be claimed of it."""
    generator, center, sigma = planted_generator(1, 0.1)
    classifier = Classifier(Threshold(0.3, sharpness=5.0).eval(), classes=3)
    judge = Classifier(Threshold(0.5, sharpness=5e3).eval(), classes=3)
    found = find_corner_cases(generator, classifier, 0, top=1, samples=64, judge=judge)
    (direction,) = found.directions
    assert direction.key.dimension == 1
    starts = start_images(generator, Acceptance.of(judge), 0, 64)
    room = 3.0 - (starts.styles[:, 1].double().numpy() - center) / sigma
    grid = np.arange(0, 8.5, 0.5)
    kept = [(room > t).sum() >= 0.8 * 64 for t in grid]
    assert direction.walk.valid_range == grid[kept.index(False) - 1]
    assert direction.walk.broken[-1] == 0
    assert direction.walk.breaking_shift is None


@pytest.mark.parametrize("gives_up", [0.3, 0.6])
def test_without_a_judge_nothing_is_claimed_beyond_the_generator_s_own_range(gives_up):
    """Brightness falls by 0.1 per σ from 0.8: the classifier gives up at 5 σ, or at 2 σ."""
    generator, _, sigma = planted_generator(1, 0.1)
    classifier = Classifier(Threshold(gives_up, sharpness=5.0).eval(), classes=3)
    found = find_corner_cases(generator, classifier, 0, top=1, samples=64)
    (walk,) = [direction.walk for direction in found.directions]
    starts = start_images(generator, EVERYTHING, 0, 64)
    room = (generator.style_space.range[1, 1] - starts.styles[:, 1].double().numpy()) / sigma
    told = [((room >= t) | (walk.breaks < t)).mean() >= 0.8 for t in np.arange(0, 8.5, 0.5)]
    last = len(walk.shifts) - 1
    assert all(told[: last + 1])
    assert not told[last + 1] or walk.broken[-1] == 64


def test_a_direction_that_the_judge_cannot_follow_is_passed_over_and_listed():
    """The judge gives up at 0.7, at 1 σ: under 1 σ for more than a fifth of the images."""
    generator, _, _ = planted_generator(1, 0.1)
    classifier = Classifier(Threshold(0.3, sharpness=5.0).eval(), classes=3)
    judge = Classifier(Threshold(0.7).eval(), classes=3)
    found = find_corner_cases(generator, classifier, 0, top=1, samples=64, judge=judge)
    (passed,) = found.passed_over
    assert passed.key.dimension == 1
    assert passed.valid_range < 1.0
    assert all(direction.key.dimension != 1 for direction in found.directions)


class HalfBlind(nn.Module):
    """Gives up where an image is dark; and wherever its corner is bright, however it is moved."""

    def __init__(self, level: float, corner: float) -> None:
        super().__init__()
        self.level, self.corner = level, corner
        self.anchor = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        margin = (images[:, 0, 2:, 2:].mean(dim=(1, 2)) - self.level) * 5
        blind = images[:, 0, :2, :2].mean(dim=(1, 2)) > self.corner
        margin = torch.where(blind, -margin.abs() - 1, margin)
        return torch.stack([margin, -margin, torch.full_like(margin, -50.0)], dim=1) + self.anchor


@pytest.mark.parametrize("corner", [0.83, 0.9, 0.95])
def test_start_errors_that_were_planted_do_not_count_as_a_directions(corner):
    """A part of the start images is wrong unmoved, whatever happens along the two directions.

    One direction breaks the others where it breaks all images of a classifier without that fault; the
    other breaks nothing. The share of start images that are broken blames both.
    """
    std = np.linspace(0.3, 1.2, 28)
    weights = torch.zeros(28, 1, 8, 8)
    weights[1, :, 2:, 2:] = -0.1 / std[1]
    weights[5, :, :2, :2] = 0.1 / std[5]
    generator = LinearGenerator(weights, 0.8, std)
    harmful, harmless = DirectionKey(0, 1, 1), DirectionKey(0, 9, 1)
    judge = Classifier(Threshold(-9.0).eval(), classes=3)

    def laboratory(model: nn.Module) -> Laboratory:
        settings = Settings(corner_cases=CornerCaseSettings(samples=128, max_shift=6.0, top=1))
        return Laboratory(settings, Classifier(model.eval()), None, generator, Acceptance.of(judge))

    records: dict[tuple[int, Key], object] = {}

    def record_of(of: Laboratory, key: Key) -> object:
        if (id(of), key) not in records:
            ranked = isinstance(key, RankingKey)
            found = (find if ranked else measure_direction)(of, key, lambda name, picture: name)
            records[id(of), key] = found[0] if ranked else found
        return records[id(of), key]

    def value(of: Laboratory, key: Key, **gate: object) -> float:
        settings, record = Settings(gates=(GateSettings(**gate),)), record_of(of, key)
        return check(settings.gates[0], key, lambda _: record, settings, generator.classes).value

    starts = start_images(generator, EVERYTHING, 0, 128)
    z = (starts.styles / torch.from_numpy(std)).numpy()
    bright = z[:, 1] < 3
    right = bright & ~(0.8 + 0.1 * z[:, 5] > corner)
    assert 0.5 < right.mean() < bright.mean()
    planted, sound = laboratory(HalfBlind(0.5, corner)), laboratory(HalfBlind(0.5, 9.0))
    start = {"metric": "start_accuracy", "min": 0.1}
    assert value(planted, RankingKey(0), **start) == right.mean()
    assert value(sound, RankingKey(0), **start) == bright.mean()
    for shift in (1.0, 2.5, 4.0):
        newly = {"metric": "newly_broken_share", "max": 0.9, "at": shift}
        share = {"metric": "broken_share", "max": 0.9, "at": shift}
        assert value(planted, harmless, **newly) == value(sound, harmless, **newly) == 0.0
        assert value(planted, harmless, **share) == 1 - right.mean()
        expected = (3 - z[right, 1] <= shift).mean()
        assert value(planted, harmful, **newly) == pytest.approx(expected, abs=0.02)
        assert value(planted, harmful, **share) > value(planted, harmful, **newly)

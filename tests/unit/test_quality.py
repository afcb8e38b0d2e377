"""The quality of generators that are known to be good, or bad in one respect."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.linalg import sqrtm
from tiny import NO_CORRUPTION, stripes, tiny_config
from torch import nn

from pytest_failcond.errors import FailcondError
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import LabeledImages, to_float
from pytest_failcond.training import fidelity
from pytest_failcond.training.data import CorruptionMix
from pytest_failcond.training.fidelity import frechet_distance, recall, see
from pytest_failcond.training.quality import Quality, measure_quality, render

MIX = CorruptionMix(("gaussian_noise",), (1, 2))


class Replay:
    """A generator whose images are given: those of the class, ``turn`` classes further on."""

    def __init__(self, data, *, turn=0, config=None):
        self.config = config or tiny_config()
        self.classes = self.config.classes
        self._images = torch.from_numpy(to_float(data.images))
        self._by_class = [np.flatnonzero(data.labels == c) for c in range(3)]
        self._turn = turn

    def sample(self, labels, seed, *, stream):
        random, numbers = np.random.default_rng(seed), []
        for label in labels:
            rows = self._by_class[(label + self._turn) % 3]
            numbers.append(rows[random.integers(len(rows))])
        return torch.tensor(numbers)[:, None]

    def synthesize(self, styles):
        return self._images[styles[:, 0]]


@pytest.fixture(scope="module")
def data():
    """Training images, test images, and more of the same for generators to replay."""
    return [stripes(240, seed=seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def judge():
    """A network that was trained on other images of the same kind."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 3))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    other = stripes(300, seed=9)
    images, labels = torch.from_numpy(to_float(other.images)), torch.from_numpy(other.labels)
    for _ in range(60):
        optimiser.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimiser.step()
    return model.eval()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(fidelity, "_PROBE_STEPS", 60)


def test_real_images_are_as_good_as_real_images(data, judge):
    train, test, more = data
    said = []
    quality = measure_quality(
        Replay(more), judge, train, test, MIX, per_class=70, report=said.append
    )
    assert quality.images_per_class == (70, 70, 70)
    assert len(said) == 5
    assert quality.judge_accuracy.generated > 0.95
    assert quality.judge_accuracy.real > 0.95
    assert quality.usefulness.generated == pytest.approx(quality.usefulness.real, abs=0.05)
    assert quality.recall.real > 0.7


def test_a_quality_is_the_same_again_and_another_by_another_seed(data, judge, monkeypatch):
    monkeypatch.setattr(fidelity, "_PROBE_STEPS", 5)
    train, test, more = data
    first, again, other = (
        measure_quality(Replay(more), judge, train, test, MIX, per_class=12, seed=seed)
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_clean_real_images_match_the_calibration(data, judge):
    train, test, _ = data
    quality = measure_quality(Replay(train), judge, train, test, NO_CORRUPTION)
    assert quality.images_per_class == (80, 80, 80)
    assert quality.frechet.generated == pytest.approx(quality.frechet.real, abs=0.3)
    # Drawn with replacement, the replayed images cover less than as many different ones.
    assert quality.recall.generated == pytest.approx(quality.recall.real, abs=0.2)
    exact = measure_quality(Replay(test), judge, test, test, NO_CORRUPTION)
    assert exact.frechet.real == pytest.approx(0, abs=1e-6)
    assert exact.recall.real == 1.0


def test_wrong_labels_lower_the_judges_accuracy(data, judge):
    train, test, more = data
    quality = measure_quality(Replay(more, turn=1), judge, train, test, NO_CORRUPTION)
    assert quality.judge_accuracy.generated < 0.05
    assert max(quality.judge_accuracy.generated_per_class) < 0.05
    assert quality.judge_accuracy.real > 0.95
    assert quality.recall.generated < 0.1
    assert quality.usefulness.generated < 0.1 < 0.9 < quality.usefulness.real
    assert quality.frechet.generated < 1  # all classes together, nothing is amiss


def test_one_image_per_class_lowers_recall_though_the_judge_is_content(data, judge):
    train, test, more = data
    single = LabeledImages(more.images[:3], more.labels[:3])
    quality = measure_quality(Replay(single), judge, train, test, NO_CORRUPTION)
    assert quality.judge_accuracy.generated == 1.0
    assert quality.recall.generated < 0.05
    assert quality.frechet.generated > 3 * quality.frechet.real


def test_one_spoiled_class_is_found(data, judge):
    train, test, more = data
    images = np.where(
        (more.labels == 1)[:, None, None, None], np.uint8(255) - more.images, more.images
    )
    quality = measure_quality(
        Replay(LabeledImages(images, more.labels)), judge, train, test, NO_CORRUPTION
    )
    zero, one, two = quality.judge_accuracy.generated_per_class
    assert one < 0.5 < 0.95 < min(zero, two)
    assert np.argmin(quality.recall.generated_per_class) == 1


def test_the_frechet_distance_is_that_of_the_definition():
    random = np.random.default_rng(0)
    a = (random.normal(size=(500, 6)) @ random.normal(size=(6, 6))).astype(np.float32)
    b = (random.normal(size=(400, 6)) @ random.normal(size=(6, 6)) + 1).astype(np.float32)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = ((a.mean(0, dtype=float) - b.mean(0, dtype=float)) ** 2).sum() + np.trace(
        cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real
    )
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, a + np.float32(2)) == pytest.approx(6 * 4, rel=1e-4)
    flat = np.concatenate([a, np.zeros((500, 4), np.float32)], axis=1)  # dead features
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a[:, :1], 2 * a[:, :1]) > 0


def test_recall_is_that_of_the_definition():
    random = np.random.default_rng(0)
    made = random.normal(size=(60, 4)).astype(np.float32)
    real = (random.normal(size=(50, 4)) + 0.7).astype(np.float32)
    between = np.linalg.norm(made[:, None] - made[None], axis=2)
    radii = np.sort(between, axis=1)[:, 3]  # the nearest is the point itself
    to_made = np.linalg.norm(real[:, None] - made[None], axis=2)
    expected = (to_made <= radii).any(axis=1).mean()
    assert 0.1 < expected < 0.9
    assert recall(made, real) == pytest.approx(expected)
    assert recall(made, made) == 1
    assert recall(made, real + 100) == 0


def test_features_are_the_input_of_the_last_linear_layer(data, judge):
    seen = see(Classifier(judge, name="judge"), data[0])
    images = torch.from_numpy(to_float(data[0].images))
    with torch.no_grad():
        np.testing.assert_allclose(seen.features, judge[:3](images), atol=1e-6)
        np.testing.assert_array_equal(
            seen.correct, judge(images).argmax(1) == torch.from_numpy(data[0].labels)
        )
    assert not any(module._forward_pre_hooks for module in judge.modules())


def test_what_cannot_be_measured_is_refused(data, judge):
    train, test, more = data
    flat = nn.Sequential(nn.Conv2d(1, 3, 8), nn.Flatten()).eval()
    with pytest.raises(FailcondError, match=r"expected a torch\.nn\.Linear"):
        measure_quality(Replay(more), flat, train, test)
    with pytest.raises(FailcondError, match=r"training images are \[10, 10, 1\]"):
        measure_quality(Replay(more), judge, stripes(side=10), test)
    with pytest.raises(FailcondError, match="labels up to 4"):
        measure_quality(Replay(more), judge, train, stripes(classes=5))
    with pytest.raises(FailcondError, match="class 'star' has 0 images"):
        measure_quality(Replay(more), judge, train, stripes(classes=2))
    with pytest.raises(FailcondError, match="3 images to compare"):
        measure_quality(Replay(more), judge, train, test, per_class=3)


def test_a_quality_survives_json_and_is_rendered(data, judge):
    train, test, more = data
    quality = measure_quality(Replay(more), judge, train, test, NO_CORRUPTION, per_class=20)
    back = Quality.from_json(json.loads(json.dumps(asdict(quality))))
    text = render(back)
    assert text == render(quality)
    lines = text.splitlines()
    assert lines[0].split("|")[1].strip() == "60 images of each kind"
    assert f" {quality.frechet.generated:.2f} |" in text
    assert [line.split()[1] for line in lines[-3:]] == ["circle", "square", "star"]
    tables = text.strip().split("\n\n")
    assert all(len({len(line) for line in table.splitlines()}) == 1 for table in tables)

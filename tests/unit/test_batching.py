"""Batches follow from sizes alone, and no more images than a batch are computed together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pytest_failcond import Classifier, Generator, find_corner_cases
from pytest_failcond.config.settings import Settings
from pytest_failcond.generators.base import batches_of
from pytest_failcond.generators.fitted import Fit, Fitted
from pytest_failcond.generators.stylegan2 import moving
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.laboratory.configured import wrapped
from pytest_failcond.process import batching
from pytest_failcond.process.batching import Batches, filled, fitting, slices

sizes = st.integers(1, 4096)
values = st.integers(0, 1 << 30)
HALF = (512, 512, 512, 512, 256, 128, 64, 32, 16)  # channels of NVIDIA's paper256, from 4 px on


def shape_of(size: int, channels: tuple[int, ...]) -> GeneratorConfig:
    return GeneratorConfig(("a", "b"), size, (size, size), 3, channels)


@pytest.mark.parametrize(
    ("config", "images", "gradients"),
    [
        (shape_of(32, (64, 64, 32, 16)), 64, 64),
        (shape_of(32, (512,) * 4), 64, 64),
        (shape_of(64, HALF[:5]), 32, 16),
        (shape_of(256, (64, 64, 32, 16, 16, 16, 16)), 16, 4),
        (shape_of(256, HALF[:7]), 8, 4),
        (shape_of(1024, HALF), 1, 1),
    ],
)
def test_large_images_and_large_networks_have_small_batches(config, images, gradients):
    assert config.batches == (images, gradients)


@given(st.integers(0, 50), st.integers(1, 20))
def test_every_row_is_in_one_batch_and_full_ones_repeat_the_last(count, size):
    rows = np.arange(count)
    cut = [rows[part] for part in slices(count, size)]
    np.testing.assert_array_equal(np.concatenate(cut), rows)
    assert [len(part) for part in cut[:-1]] == [size] * (len(cut) - 1)
    assert len(cut) == max(1, -(-count // size))
    full = [rows[part] for part in filled(count, size)]
    assert [len(part) for part in full] == [size] * -(-count // size)
    if count:
        np.testing.assert_array_equal(
            np.concatenate(full), np.minimum(np.arange(len(full) * size), count - 1)
        )


@pytest.mark.parametrize(("size", "most"), [(1, 256), (64, 256), (65, 128), (224, 16), (256, 16)])
def test_the_default_batch_of_a_classifier_follows_its_images(size, most):
    images = np.zeros((1, 3, size, size), np.float32)
    seen = []

    def model(batch):
        seen.append(len(batch))
        return np.ones((len(batch), 2))

    Classifier(model).probabilities(images)
    assert set(seen) == {most}


def test_a_configured_batch_is_kept_at_any_size():
    def size(**given: int) -> int:
        settings = Settings.model_validate({"classifier": "m:c", "images": "m:i", **given})
        return wrapped(lambda images: images, "classifier", settings).size_for(256, 256)

    assert (size(), size(batch_size=256), size(batch_size=3)) == (16, 256, 3)


@given(sizes, sizes, values, values, values, st.sampled_from(["images", "gradients"]))
def test_more_of_anything_never_makes_a_batch_larger(height, width, widest, kept, more, which):
    few = getattr(Batches.of(height, width, widest=widest, kept=kept), which)
    assert 1 <= few <= 64
    assert few.bit_count() == 1
    larger = [
        Batches.of(height + more, width, widest=widest, kept=kept),
        Batches.of(height, width, widest=widest + more, kept=kept),
        Batches.of(height, width, widest=widest, kept=kept + more),
    ]
    assert all(getattr(batches, which) <= few for batches in larger)


@given(st.integers(1, 1 << 30), st.integers(1, 1 << 30), st.sampled_from([64, 256]))
def test_a_batch_fits_and_twice_as_many_would_not(room, each, most):
    count = fitting(room, each, most)
    assert count == 1 or count * each <= room
    assert count == most or 2 * count * each > room


def test_a_generator_of_another_kind_has_the_batches_of_its_images():
    class Other:
        image_shape = (256, 256, 3)

    assert batches_of(Other()) == (16, 4)
    assert batches_of(Fitted(Other(), Fit(resize=(512, 512)))) == (4, 1)


def small() -> Generator:
    torch.manual_seed(3)
    config = GeneratorConfig(("a", "b"), 16, (16, 16), 1, (8, 8, 4), z_dim=8, w_dim=8)
    return Generator(config)


def brightness() -> Classifier:
    head = torch.nn.Linear(256, 2)
    return Classifier(torch.nn.Sequential(torch.nn.Flatten(), head).eval())


@pytest.mark.parametrize("layer", [0, 2, 4, 6, 7])
def test_moved_images_are_the_same_however_little_room_there_is(monkeypatch, layer):
    generator = small()
    styles = generator.sample([0] * 10)
    start = sum(width for _, width in generator.style_space.layers[:layer])
    rows, which, amounts = np.arange(10), np.zeros(10, np.int64), np.linspace(0, 3, 10)
    plenty = generator.mover(styles, [{start: 1.0}]).images(rows, which, amounts)
    whole = styles.clone()
    whole[:, start] += torch.from_numpy(amounts).float()
    monkeypatch.setattr(batching, "_WIDEST", 3 * 16 * 16 * 4)
    for room in (0, 2_000, 8_000, 1 << 20):
        monkeypatch.setattr(moving, "_KEPT", room)
        scarce = generator.mover(styles, [{start: 1.0}]).images(rows, which, amounts)
        torch.testing.assert_close(scarce, plenty, rtol=0, atol=1e-5)
        torch.testing.assert_close(scarce, generator.synthesize(whole), rtol=0, atol=1e-5)


def test_no_more_images_than_a_batch_are_computed_together(monkeypatch):
    """In the generator, and in the classifier that looks at its images."""
    monkeypatch.setattr(batching, "_WIDEST", 5 * 16 * 16 * 8)
    monkeypatch.setattr(batching, "_KEPT", 2 * 2 * (16 * 16 * 4 + 8 * 8 * 8 + 4 * 4 * 8))
    generator, classifier = small(), brightness()
    assert generator.batches == (8, 2)
    seen: set[tuple[int, bool]] = set()

    def note(module, given, made):
        seen.add(
            (len(made if isinstance(made, torch.Tensor) else made[0]), torch.is_grad_enabled())
        )

    for layer in (generator.network.synthesis.layers[-2], classifier.model):
        layer.register_forward_hook(note)
    find_corner_cases(generator, classifier, 0, top=2, samples=11)
    assert {count for count, gradients in seen if gradients} <= {1, 2}
    assert {count for count, gradients in seen if not gradients} == {8}

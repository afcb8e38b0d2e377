"""What the training shows the networks: keyed, balanced, corrupted, augmented."""

import numpy as np
import pytest
import torch
from tiny import NO_CORRUPTION, stripes, tiny_config

from pytest_failcond.errors import FailcondError
from pytest_failcond.training.augment import adjust, augment
from pytest_failcond.training.data import CorruptionMix, TrainingImages, balanced_labels


def test_balanced_labels_show_every_class_equally_often():
    random = np.random.default_rng(0)
    for classes, count in ((10, 64), (3, 9), (7, 2), (1, 5)):
        sizes = np.bincount(balanced_labels(classes, count, random), minlength=classes)
        assert sizes.sum() == count
        assert sizes.max() - sizes.min() <= 1
    odd = np.sum([np.bincount(balanced_labels(3, 4, random)) for _ in range(300)], axis=0)
    assert odd.min() > 350  # whose turn it is to be the odd one changes


def test_a_mix_corrupts_by_seed_and_index_alone():
    mix, images = CorruptionMix(), stripes(80, side=16).images
    indices = np.arange(1000, 1080)
    together = mix.apply(images, indices, seed=3)
    rows = np.random.default_rng(0).permutation(80)[:21]
    np.testing.assert_array_equal(mix.apply(images[rows], indices[rows], 3), together[rows])
    changed = (together != images).any(axis=(1, 2, 3)).mean()
    assert 0.3 < changed < 0.7
    assert (mix.apply(images, indices, 4) != together).any()
    assert (mix.apply(images, indices + 80, 3) != together).any()
    everything = CorruptionMix(probability=1.0).apply(images, indices, 3)
    assert (everything != images).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(CorruptionMix(()).apply(images, indices, 3), images)
    assert CorruptionMix.from_json({"severities": [2], "corruptions": []}) == CorruptionMix(
        (), (2,)
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"corruptions": ("gausian_blur",)}, "did you mean 'gaussian_blur'"),
        ({"corruptions": ("contrast", "contrast")}, "twice"),
        ({"severities": (1, 6)}, "from 1 to 5"),
        ({"severities": (1, 1)}, "twice"),
        ({"severities": ()}, "at least one"),
        ({"probability": 1.5}, "outside 0 to 1"),
    ],
)
def test_impossible_mixes_are_refused(wrong, message):
    with pytest.raises(FailcondError, match=message):
        CorruptionMix(**wrong)


def test_training_images_are_padded_keyed_and_of_their_class():
    data = stripes(90, side=10, channels=3)
    images = TrainingImages(data, 16, NO_CORRUPTION, seed=0)
    labels = np.array([2, 0, 1, 2])
    batch = images.batch(labels, step=4)
    assert batch.shape == (4, 3, 16, 16)
    inner = batch[:, :, 3:13, 3:13]
    outside = batch.sum() - inner.sum()
    assert outside.item() == pytest.approx(inner.numel() - batch.numel(), abs=0.1)  # black
    brightest = inner.mean(dim=(1, 3)).argmax(dim=1).numpy() * 3 // 10
    np.testing.assert_array_equal(brightest, labels)
    assert torch.equal(images.batch(labels, step=4), batch)
    assert not torch.equal(images.batch(labels, step=5), batch)


def test_images_that_do_not_fit_are_refused():
    data = stripes(side=10)
    with pytest.raises(FailcondError, match="do not fit a 8 px generator"):
        TrainingImages(data, 8, NO_CORRUPTION, 0)
    gap = type(data)(data.images, np.where(data.labels == 1, 2, data.labels))
    with pytest.raises(FailcondError, match="no image has label 1"):
        TrainingImages(gap, 16, NO_CORRUPTION, 0)
    images = TrainingImages(data, 16, NO_CORRUPTION, 0)
    right = {"resolution": 16, "channels": (2, 2, 2), "image_size": (10, 10)}
    images.check(tiny_config(**right))
    with pytest.raises(FailcondError, match="2 names, but the labels are 0 to 2"):
        images.check(tiny_config(**right, classes=("a", "b")))
    with pytest.raises(FailcondError, match="got 16 px and"):
        images.check(tiny_config(**(right | {"image_size": (10, 9)})))


def test_augmentation_leaves_alone_or_changes_differentiably():
    images = torch.rand(16, 3, 8, 8, requires_grad=True)
    random = torch.Generator().manual_seed(0)
    assert augment(images, 0.0, random) is images
    changed = augment(images, 1.0, random)
    assert changed.shape == images.shape
    assert (changed != images).flatten(1).any(dim=1).all()
    (gradient,) = torch.autograd.grad(changed.square().sum(), images)
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0


def test_augmentation_grows_with_overfitting_between_0_and_1():
    assert adjust(0.5, 0.9, 5000) == pytest.approx(0.51)
    assert adjust(0.5, 0.1, 5000) == pytest.approx(0.49)
    assert adjust(1.0, 0.9, 5000) == 1.0
    assert adjust(0.0, 0.1, 5000) == 0.0

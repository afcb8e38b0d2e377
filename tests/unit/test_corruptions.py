"""Corruptions: the same pixels whatever the batch, and those of imagecorruptions."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from benchmarks.imagecorruptions_adapter import corrupt_one
from pytest_failcond import FailcondError, corrupt
from pytest_failcond.corruptions import NAMES, SEVERITIES
from pytest_failcond.corruptions.constants import IMAGENET_C
from pytest_failcond.corruptions.noise import PROBABILITIES

NOISES = tuple(PROBABILITIES)


def probabilities(name: str, severity: int) -> np.ndarray:
    return PROBABILITIES[name](IMAGENET_C[name][severity - 1])


def photographs(count: int = 6, side: int = 32, channels: int = 1) -> np.ndarray:
    """Smooth images with an edge: neither constant nor noise."""
    random = np.random.default_rng(5)
    coarse = random.integers(0, 256, (count, 5, 5, channels))
    images = np.kron(coarse, np.ones((1, -(-side // 5), -(-side // 5), 1)))[:, :side, :side]
    return np.clip(images + random.integers(-9, 10, images.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_pixels_do_not_depend_on_batch_or_order(name, channels):
    images = photographs(channels=channels)
    whole = corrupt(images, name, 3, seed=1)
    order = [4, 0, 5]
    apart = corrupt(images[order], name, 3, seed=1, indices=order)
    np.testing.assert_array_equal(apart, whole[order])
    assert whole.shape == images.shape
    assert whole.dtype == np.uint8


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_keyed_by_seed_severity_and_image(name):
    image = np.full((2, 16, 16, 1), 128, dtype=np.uint8)
    first = corrupt(image, name, 3, seed=1)
    assert (first[0] != first[1]).any()
    assert (first != corrupt(image, name, 3, seed=2)).any()
    assert (first != corrupt(image, name, 4, seed=1)).any()


def test_pixels_are_those_of_the_specification():
    """Baselines rest on these: whoever changes them raises VERSION."""
    images = (np.arange(4 * 28 * 28) * 7919 % 256).astype(np.uint8).reshape(4, 28, 28, 1)
    found = {
        name: hashlib.sha256(corrupt(images, name, 3, seed=7).tobytes()).hexdigest()[:12]
        for name in PIXELS
    }
    assert found == PIXELS


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["contrast", "jpeg_compression", "gaussian_blur"])
def test_corruptions_without_randomness_are_those_of_imagecorruptions(name, channels, severity):
    images = photographs(channels=channels)
    ours = corrupt(images, name, severity).astype(int)
    for image, own in zip(images, ours, strict=True):
        theirs = corrupt_one(image, name, severity).astype(int)
        if name == "jpeg_compression" and channels == 1:
            # They compress a gray image as colour: the levels agree, up to the conversion's rounding.
            assert np.abs(own - theirs).max() <= 2
        else:
            assert np.abs(own - theirs).max() <= 1
        assert np.abs(own - theirs).mean() < 0.2


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", NOISES)
def test_noises_have_the_distribution_of_imagecorruptions(name, severity):
    """For each of three levels: the empirical distribution of theirs against our exact one."""
    from scipy import stats

    np.random.seed(severity)  # noqa: NPY002 - imagecorruptions draws from it
    p = probabilities(name, severity)
    for level in (20, 128, 230):
        flat = np.full((96, 96, 3), level, dtype=np.uint8)
        theirs = corrupt_one(flat, name, severity).ravel()
        counts = np.bincount(theirs, minlength=256)
        expected = p[level] * len(theirs)
        rare = expected < 5
        observed = np.append(counts[~rare], counts[rare].sum())
        wanted = np.append(expected[~rare], expected[rare].sum())
        keep = wanted > 0
        assert observed[~keep].sum() == 0
        test = stats.chisquare(
            observed[keep], wanted[keep] * observed[keep].sum() / wanted[keep].sum()
        )
        assert test.pvalue > 1e-4, (level, test)


@pytest.mark.parametrize("name", NOISES)
def test_our_draws_have_our_distribution(name):
    from scipy import stats

    level = 128
    images = np.full((20, 64, 64, 1), level, dtype=np.uint8)
    counts = np.bincount(corrupt(images, name, 2, seed=3).ravel(), minlength=256)
    expected = probabilities(name, 2)[level] * images.size
    keep = expected >= 5
    scale = counts[keep].sum() / expected[keep].sum()
    assert stats.chisquare(counts[keep], expected[keep] * scale).pvalue > 1e-4


def test_compositions_apply_one_after_the_other():
    images = photographs()
    both = corrupt(images, ["gaussian_blur", "contrast"], 2)
    np.testing.assert_array_equal(both, corrupt(corrupt(images, "gaussian_blur", 2), "contrast", 2))


def test_a_custom_corruption_gets_keyed_randomness_and_a_copy():
    images = photographs()
    before = images.copy()

    def speck(batch, severity, random):
        batch[:, 0, 0, 0] = random.integers(0, 256)
        return batch

    whole = corrupt(images, speck, 1, seed=2)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(
        corrupt(images[3:], speck, 1, seed=2, indices=[3, 4, 5]), whole[3:]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((photographs(), "gausian_noise", 1), "did you mean 'gaussian_noise'"),
        ((photographs(), "contrast", 6), "1 to 5"),
        ((photographs(), "contrast", True), "1 to 5"),
        ((photographs() / 255, "contrast", 1), "uint8"),
        ((photographs()[0], "contrast", 1), "[N, H, W, C]"),
        ((photographs(channels=3)[..., :2], "contrast", 1), "1 or 3 channels"),
        ((photographs(side=5), "contrast", 1), "8 x 8"),
        ((photographs(), [], 1), "empty"),
        ((photographs(), lambda images, severity, random: images[:1], 1), "it must return uint8"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(arguments, words):
    with pytest.raises(FailcondError) as caught:
        corrupt(*arguments)
    assert words in str(caught.value)


PIXELS = {
    "contrast": "05909a14d445",
    "gaussian_blur": "d5273a4a5e30",
    "gaussian_noise": "04c3706f2c1c",
    "impulse_noise": "ffbfb24c8576",
    "shot_noise": "f5ee79bf4568",
    "speckle_noise": "ebc7318eba74",
}

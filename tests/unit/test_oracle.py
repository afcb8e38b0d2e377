"""Our corruptions against imagecorruptions 1.1.2: by its committed statistics, and a slice live."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pytest_failcond import FailcondError, corrupt
from pytest_failcond.corruptions import SEVERITIES, KeyedRandom, specification
from pytest_failcond.corruptions.blur import smear
from pytest_failcond.corruptions.original import corrupt_one, corrupt_original, load
from tests.oracle.reference import (
    EXACT,
    FILE,
    KINDS,
    RANDOM,
    angles,
    motion_constants,
    photographs,
    signature,
    summarise,
    unpack,
)

ORACLE = json.loads(FILE.read_text())
# The most levels and the largest share of pixels that may differ. 0.001 of 800 pixels is none: a
# pixel of a cell may still be the one in a thousand.
EXACTNESS = {
    "contrast": (0, 0.0),
    "pixelate": (0, 0.0),
    "jpeg_compression": (0, 0.0),
    "brightness": (1, 0.02),
    **dict.fromkeys(
        ("gaussian_blur", "defocus_blur", "zoom_blur", "saturate", "motion_blur"), (1, 0.001)
    ),
}


def ours(name: str, severity: int, kind: str) -> np.ndarray:
    side, channels, count, _, _ = KINDS[kind]
    images = photographs(count, side, channels)
    if name == "motion_blur":
        radius, sigma = motion_constants(severity)
        return smear(images, radius, sigma, angles(count)).astype(np.uint8)
    return corrupt(images, name, severity)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EXACT)
def test_pixels_are_those_of_imagecorruptions(name, kind):
    most, share = EXACTNESS[name]
    different = total = 0
    for severity in SEVERITIES:
        theirs = unpack(ORACLE["exact"][f"{name} {severity} {kind}"]).astype(int)
        apart = np.abs(signature(ours(name, severity, kind)).astype(int) - theirs)
        assert apart.max() <= most, f"severity {severity}"
        different, total = different + int((apart > 0).sum()), total + apart.size
    assert different <= share * total


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", RANDOM)
def test_random_corruptions_have_the_statistics_of_imagecorruptions(name, severity, kind):
    cell = ORACLE["random"][f"{name} {severity} {kind}"]
    draws = KINDS[kind][4]

    def draw(images: np.ndarray, number: int) -> np.ndarray:
        indices = np.arange(len(images)) + 1000 * number
        return corrupt(images, name, severity, seed=11, indices=indices)

    mean, error = summarise(draw, kind, draws)
    # Levels to a tenth and powers of ten to a hundredth are noise of rounding, not of sampling.
    floor = np.array([0.1, 0.1, 0.1, *[0.01] * (len(mean) - 3)])
    width = np.sqrt(error**2 + np.square(cell["error"]) + floor**2)
    apart = np.abs(mean - cell["mean"]) / width
    assert apart.max() < 5, np.round(apart, 1)


@pytest.mark.parametrize("name", [name for name in EXACT if name != "motion_blur"])
def test_live_pixels_are_those_of_imagecorruptions(name):
    most, share = EXACTNESS[name]
    for side, channels in ((32, 1), (45, 3)):
        images = photographs(6, side, channels, seed=8)
        generator = np.random.default_rng(0)
        theirs = np.stack([corrupt_one(image, name, 2, generator) for image in images])
        apart = np.abs(corrupt(images, name, 2).astype(int) - theirs)
        assert apart.max() <= most
        assert (apart > 0).mean() <= share


def test_the_backend_is_keyed_and_leaves_global_randomness_alone():
    images = photographs(6, 32, 3)
    np.random.seed(3)  # noqa: NPY002 - to see that nobody draws from it
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for name in ("impulse_noise", "fog", "glass_blur", "frost"):
        whole = corrupt(images, name, 2, backend="imagecorruptions")
        order = [4, 1]
        part = corrupt(images[order], name, 2, indices=order, backend="imagecorruptions")
        np.testing.assert_array_equal(part, whole[order])
        assert (corrupt(images, name, 2, backend="imagecorruptions", seed=1) != whole).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_the_backend_names_itself_and_its_limits():
    assert specification("imagenet-c", "imagecorruptions") == ORACLE["oracle"]
    with pytest.raises(FailcondError, match=r"32 x 32 px or more.*native"):
        corrupt(photographs(1, 28, 1), "fog", 1, backend="imagecorruptions")
    with pytest.raises(FailcondError, match="ImageNet-C's constants only"):
        corrupt(photographs(1, 32, 1), "fog", 1, backend="imagecorruptions", constants="cifar-c")
    with pytest.raises(FailcondError, match="did you mean 'native'"):
        corrupt(photographs(1, 32, 1), "fog", 1, backend="nativ")


def test_a_missing_system_library_is_named_with_its_remedy(monkeypatch):
    def without(*_):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("pytest_failcond.corruptions.original._load", without)
    load.cache_clear()
    random = KeyedRandom("x", indices=[0])
    try:
        with pytest.raises(FailcondError, match=r"libGL.*opencv-python-headless.*native"):
            corrupt_original(photographs(1, 32, 1), "fog", 1, random)
    finally:
        load.cache_clear()


def test_without_imagecorruptions_only_frost_is_missing(monkeypatch):
    from pytest_failcond.corruptions import NAMES, weather

    monkeypatch.setattr(weather.importlib.util, "find_spec", lambda _: None)
    for cached in (weather._photograph, weather._scaled):
        cached.cache_clear()
    images = photographs(2, 32, 3)
    for name in NAMES:
        if name == "frost":
            with pytest.raises(FailcondError, match="pip install imagecorruptions"):
                corrupt(images, name, 1)
        else:
            corrupt(images, name, 1)

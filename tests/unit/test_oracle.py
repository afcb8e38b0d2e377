"""Our corruptions against imagecorruptions 1.1.2: by its committed statistics, and a slice live."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from pytest_failcond import FailcondError, corrupt
from pytest_failcond.corruptions import SEVERITIES, KeyedRandom, specification
from pytest_failcond.corruptions.constants import CIFAR_C, IMAGENET_C
from pytest_failcond.corruptions.digital import _nearest
from pytest_failcond.corruptions.original import corrupt_original, load
from tests.oracle.reference import (
    EXACT,
    EXACTNESS,
    FILE,
    KINDS,
    RANDOM,
    angles,
    photographs,
    signature,
    summarise,
    unpack,
)
from tests.oracle.sweep import Cell, native, original, some, sweep

ORACLE = json.loads(FILE.read_text())


def made(name: str, severity: int, kind: str) -> np.ndarray:
    side, channels, count, _, _ = KINDS[kind]
    return native(photographs(count, side, channels), name, severity, angles(count))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EXACT)
def test_pixels_are_those_of_imagecorruptions(name, kind):
    most, share = EXACTNESS[name]
    different = total = 0
    for severity in SEVERITIES:
        theirs = unpack(ORACLE["exact"][f"{name} {severity} {kind}"]).astype(int)
        apart = np.abs(signature(made(name, severity, kind)).astype(int) - theirs)
        assert apart.max() <= most, f"severity {severity}"
        different, total = different + int((apart > 0).sum()), total + apart.size
    assert different <= share * total


# Half of the cells, like one colour of a chessboard: any two of name, severity and kind together.
SOME_RANDOM = [
    (name, severity, kind)
    for row, name in enumerate(RANDOM)
    for severity in SEVERITIES
    for column, kind in enumerate(KINDS)
    if (row + severity + column) % 2
]


@pytest.mark.parametrize(("name", "severity", "kind"), SOME_RANDOM)
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


@pytest.mark.parametrize("name", EXACT)
def test_pixels_are_those_of_imagecorruptions_at_every_size(name):
    """Sides from 32 px, square or not, of every remainder by 16, the widest step of a codec.

    `python -m tests.oracle --sweep` tries all cells.
    """
    # The original's zoom and motion are slow.
    sides = range(32, 81, 3) if name in ("zoom_blur", "motion_blur") else range(32, 131, 5)
    found = sweep(some(name, sides))
    assert not found.beyond
    assert found.cells == len(sides)
    assert found.share <= EXACTNESS[name][1]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_pixelate_is_that_of_imagecorruptions_at_every_square_to_256_px(severity):
    """Each side at one or two severities; the next test tries the repetition at each."""
    sides = range(31 + severity, 257, 3)
    found = sweep(Cell("pixelate", severity, side, side, 1) for side in sides)
    assert not found.different


def test_pixelate_repeats_the_pixels_that_pillow_repeats():
    """Every size from 8 to 1,024 px; up to 64 px, whatever it is shrunk to."""
    shares = (*IMAGENET_C["pixelate"], *CIFAR_C["pixelate"])
    for size in range(8, 1025):
        smaller = range(1, size) if size <= 64 else {int(size * share) for share in shares}
        for small in smaller:
            ramp = Image.fromarray(np.arange(small, dtype=np.int32)[None])
            pillow = np.asarray(ramp.resize((size, 1), Image.Resampling.NEAREST))[0]
            assert (_nearest(size, small) == pillow).all(), (size, small)


def test_flat_areas_are_within_a_level_of_imagecorruptions():
    """White does not wrap around to black, whatever a kernel's weights sum to."""
    levels = np.arange(256, dtype=np.uint8)[:, None, None, None]
    gray = np.broadcast_to(levels, (256, 32, 32, 1))
    for name in EXACT:
        for severity in SEVERITIES:
            flat = gray[256 - severity :: -17]
            turns = np.linspace(-44, 44, len(flat))
            theirs = original(flat, name, severity, turns)
            apart = np.abs(native(flat, name, severity, turns).astype(int) - theirs)
            assert apart.max() <= EXACTNESS[name][0], (name, severity)


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

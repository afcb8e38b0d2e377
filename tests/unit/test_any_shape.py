"""An image's pixels depend on that image alone: whatever its shape, its company and its memory."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pytest_failcond import FailcondError, corrupt
from pytest_failcond.corruptions import NAMES, KeyedRandom, kernels
from pytest_failcond.corruptions.constants import IMAGENET_C

CONTENTS = ("photograph", "noise", "black", "white", "two levels", "rows")


@dataclasses.dataclass(frozen=True)
class Batch:
    """Six unlike images, and how one of them is looked at."""

    height: int
    width: int
    channels: int
    severity: int
    constants: str
    seed: int

    def images(self) -> np.ndarray:
        random = np.random.default_rng(self.seed)
        return np.stack([self._image(content, random) for content in CONTENTS])

    def _image(self, content: str, random: np.random.Generator) -> np.ndarray:
        shape = (self.height, self.width, self.channels)
        if content == "photograph":
            coarse = random.integers(0, 256, (-(-self.height // 6), -(-self.width // 6), shape[2]))
            large = np.kron(coarse, np.ones((6, 6, 1)))[: self.height, : self.width]
            image = np.clip(large + random.normal(0, 6, shape), 0, 255)
        elif content == "rows":
            image = np.broadcast_to(np.arange(self.height)[:, None, None] * 37 % 256, shape)
        elif content == "two levels":
            image = random.integers(0, 2, shape) * 255
        elif content == "noise":
            image = random.integers(0, 256, shape)
        else:
            image = np.full(shape, 255 * (content == "white"))
        return image.astype(np.uint8)

    def corrupt(self, images: np.ndarray, name: str, indices: list[int]) -> np.ndarray:
        return corrupt(
            images,
            name,
            self.severity,
            seed=self.seed,
            indices=indices,
            constants=self.constants,
        )


@st.composite
def batches(draw):
    long = draw(st.integers(8, 300))
    short = draw(st.integers(8, max(8, min(long, 6000 // long))))
    height, width = draw(st.permutations([long, short]))
    return Batch(
        height,
        width,
        channels=draw(st.sampled_from([1, 3])),
        severity=draw(st.integers(1, 5)),
        constants=draw(st.sampled_from(["imagenet-c", "cifar-c"])),
        seed=draw(st.integers(0, 99)),
    )


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(batch=batches(), number=st.integers(0, len(CONTENTS) - 1))
@example(batch=Batch(300, 8, 1, 5, "imagenet-c", 0), number=1)
@example(batch=Batch(300, 8, 3, 3, "cifar-c", 0), number=0)
@example(batch=Batch(8, 300, 3, 5, "imagenet-c", 0), number=3)
@example(batch=Batch(8, 8, 1, 5, "imagenet-c", 0), number=4)
@example(batch=Batch(9, 31, 3, 4, "imagenet-c", 0), number=2)
def test_an_image_alone_has_the_pixels_that_it_has_in_company(name, batch, number):
    images = batch.images()
    indices = [5, 6, 7, 1 << 40, 0, 9]
    before = images.copy()
    alone = batch.corrupt(images[number][None], name, [indices[number]])
    whole = batch.corrupt(images, name, indices)
    np.testing.assert_array_equal(whole[number], alone[0])
    # All elsewhere in the batch, beside other images, and on other sides of a call's boundary.
    order = [4, 1, 5, 3, 0, 2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "images_at_once", lambda name, shape: 4)
        there = batch.corrupt(images[order], name, [indices[i] for i in order])
    np.testing.assert_array_equal(there, whole[order])
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", NAMES)
def test_pixels_do_not_depend_on_how_an_image_lies_in_memory(name):
    for channels in (1, 3):
        images = Batch(26, 15, channels, 3, "imagenet-c", 4).images()
        images.flags.writeable = False
        expected = corrupt(images, name, 3)
        spread = np.zeros((12, 52, 15, channels), dtype=np.uint8)
        spread[::2, ::2] = images
        for other in (
            spread[::2, ::2],
            np.asfortranarray(images),
            images[::-1, ::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1, ::-1],
            np.ascontiguousarray(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1),
        ):
            before = other.copy()
            made = corrupt(other, name, 3)
            np.testing.assert_array_equal(made, expected)
            np.testing.assert_array_equal(other, before)
            assert made.flags.c_contiguous
            assert made.flags.writeable
            assert not np.shares_memory(made, other)


def test_clouds_of_narrow_images_are_made_few_at_once():
    """Clouds are square: of 8 x 300 px, each takes 110 times as much as the image."""
    images = np.full((24, 8, 300, 1), 90, dtype=np.uint8)
    tracemalloc.start()
    try:
        corrupt(images, "fog", 5)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 50e6


@pytest.mark.parametrize("name", sorted({*NAMES} - {"fog", "frost"}))
def test_a_long_image_takes_no_square_of_its_length(name):
    """A cloud of fog is square, and a photograph of frost covers the image; all else grows with it."""
    images = np.full((1, 8, 8000, 1), 90, dtype=np.uint8)
    tracemalloc.start()
    try:
        corrupt(images, name, 2)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 200e6


def test_an_image_that_is_too_long_for_jpeg_is_refused():
    with pytest.raises(FailcondError, match=r"at most 65493 px a side, got \[8, 70000\]"):
        corrupt(np.zeros((1, 8, 70_000, 1), dtype=np.uint8), "jpeg_compression", 1)
    corrupt(np.zeros((1, 8, 65_493, 1), dtype=np.uint8), "jpeg_compression", 1)


@pytest.mark.parametrize(
    ("height", "width"), [(300, 8), (300, 20), (8, 300), (8, 8), (9, 31), (64, 48)]
)
@pytest.mark.parametrize("severity", [1, 5])
def test_elastic_transform_is_what_scipy_makes_of_its_definition(height, width, severity):
    images = Batch(height, width, 1, severity, "imagenet-c", 3).images()
    made = corrupt(images, "elastic_transform", severity, seed=3)
    random = KeyedRandom("imagenet-c/1", 3, "elastic_transform", severity, indices=range(6))
    reach, sigma = 0.005 * height, (0.01 * height, 0.01 * width)
    across, down = (
        [
            ndimage.gaussian_filter(field, sigma, truncate=3)
            * IMAGENET_C["elastic_transform"][severity - 1][0]
            for field in reach * ((random.bits(height, width) + 0.5) / 32768 - 1)
        ]
        for _ in range(2)
    )
    rows, columns = np.mgrid[:height, :width]
    for image, ours, dx, dy in zip(images[..., 0], made[..., 0], across, down, strict=True):
        expected = ndimage.map_coordinates(
            image.astype(float), (rows + dy, columns + dx), order=1, mode="reflect"
        )
        assert np.abs(ours - expected).max() < 1.5  # a level, and what weights of 18 bits lose

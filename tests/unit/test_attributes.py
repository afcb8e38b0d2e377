"""Attributes of images: each against a value that is known, alone and in batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pytest_failcond.probes.direction import attributes
from pytest_failcond.probes.direction.attributes import (
    changes,
    changes_along,
    difference_along,
    difference_by_region,
    measure_attributes,
    natural_variation,
    variation_of,
)
from pytest_failcond.probes.direction.corner_cases import shifted_images
from pytest_failcond.probes.direction.place import LEAST_CHANGE, REGIONS, Where
from pytest_failcond.probes.direction.regions import mean_difference, pictured
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.probes.direction.strokes import figure_of
from pytest_failcond.probes.direction.tones import smoothed
from pytest_failcond.probes.direction.walking import walk
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.subjects.acceptance import EVERYTHING
from pytest_failcond.subjects.classifier import Classifier
from tests.unit.tiny import tiny_generator

ALWAYS = ["noise", "sharpness", "contrast", "brightness"]
SHAPES = [
    "stroke area",
    "stroke width",
    "slant",
    "position x",
    "position y",
    "size",
    "holes",
    "pieces",
    "ink evenness",
]
SIDE = 40
Y, X = np.mgrid[:SIDE, :SIDE]


def picture(*masks):
    """Images ``[N, SIDE, SIDE, 1]`` of bright figures on a dark ground."""
    return 0.1 + 0.8 * np.stack(masks).astype(np.float64)[..., None]


def box(left, top, right, bottom):
    """Pixels from left and top on, up to but without right and bottom."""
    return (left <= X) & (right > X) & (top <= Y) & (bottom > Y)


def measured(name, *masks):
    return measure_attributes(picture(*masks), "bright")[name]


def random_images(count=20, side=16, channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels), dtype=np.uint8)


def test_noise_is_its_standard_deviation():
    noise = np.random.default_rng(0).normal(size=(30, 64, 64, 3))
    for std in (0.02, 0.1):
        found = measure_attributes(0.5 + std * noise, None)["noise"]
        assert found.mean() == pytest.approx(std, rel=0.05)


def test_edges_are_no_noise():
    assert measured("noise", box(10, 10, 30, 30)) == pytest.approx(0, abs=1e-6)


def test_sharpness_does_not_depend_on_contrast_nor_contrast_on_sharpness():
    ramps = [np.clip((X - 20) / width + 0.5, 0, 1) for width in (1, 3, 6, 12)]
    found = measure_attributes(0.1 + 0.8 * np.stack(ramps)[..., None], None)
    paler = measure_attributes(0.3 + 0.2 * np.stack(ramps)[..., None], None)
    assert (np.diff(found["sharpness"]) < -0.2).all()
    np.testing.assert_allclose(found["sharpness"], paler["sharpness"], atol=1e-3)
    np.testing.assert_allclose(found["contrast"], 0.8, atol=1e-3)
    np.testing.assert_allclose(paler["contrast"], 0.2, atol=1e-3)


def test_brightness_is_the_median_so_that_strokes_do_not_enter():
    assert measured("brightness", box(10, 10, 30, 30), box(5, 5, 8, 30)) == pytest.approx(0.1)


def test_colourfulness_is_as_published():
    images = np.zeros((2, 32, 32, 3))
    images[:, :, :16, 0] = images[:, :, 16:, 2] = 0.5  # red beside blue
    images[1] = images[1].mean(axis=2, keepdims=True)
    found = measure_attributes(images, None)
    # rg is ±0.5 and 0, yb 0.25 and -0.5: spreads 0.25 and 0.375, means 0.25 and -0.125
    expected = np.hypot(0.25, 0.375) + 0.3 * np.hypot(0.25, 0.125)
    assert found["colourfulness"] == pytest.approx([expected, 0], rel=0.05, abs=1e-6)
    assert found["saturation"] == pytest.approx([1, 0], rel=0.1, abs=1e-6)


@pytest.mark.parametrize("width", [2, 3, 4, 6, 9])
def test_stroke_width(width):
    upright = box(15, 4, 15 + width, 36)
    assert measured("stroke width", upright, upright.T) == pytest.approx(
        width, abs=0.3 + 0.05 * width
    )


def test_stroke_area_is_relative_to_size_and_size_is_not_the_strokes():
    frames = [box(20 - r, 20 - r, 20 + r, 20 + r) for r in (8, 16)]
    hollow = [frames[0] & ~box(14, 14, 26, 26), frames[1] & ~box(8, 8, 32, 32)]
    areas, sizes = measured("stroke area", *hollow), measured("size", *hollow)
    assert areas[0] == pytest.approx(areas[1], rel=0.05)
    assert sizes[1] / sizes[0] == pytest.approx(2, rel=0.05)
    assert (measured("stroke area", *frames) > areas).all()


def test_slant_is_the_shear_to_the_right():
    lines = [np.abs(X - 20 + shear * (Y - 20)) < 2 for shear in (-0.5, 0, 0.5)]
    lines = [line & (np.abs(Y - 20) < 14) for line in lines]
    assert measured("slant", *lines) == pytest.approx([-0.5, 0, 0.5], abs=0.03)


def test_position_is_that_of_the_center():
    found = measure_attributes(picture(box(4, 20, 12, 36), box(20, 4, 28, 12)), "bright")
    assert found["position x"] * SIDE == pytest.approx([7.5, 23.5], abs=0.1)
    assert found["position y"] * SIDE == pytest.approx([27.5, 7.5], abs=0.1)


def test_holes_are_counted_image_by_image():
    full = box(8, 4, 32, 36)
    one, two = full & ~box(14, 10, 26, 30), full & ~box(14, 8, 26, 18) & ~box(14, 22, 26, 32)
    torn = one & ~box(18, 0, 22, 12)
    at_border = box(0, 0, 12, 12) & ~box(0, 4, 8, 8)
    masks = (full, two, one, torn, at_border, two)
    assert measured("holes", *masks).tolist() == [0, 2, 1, 0, 0, 2]


def test_pieces_are_counted_image_by_image_without_specks():
    whole = box(8, 4, 12, 36)
    cut = whole & ~box(0, 18, 40, 21)
    corners = box(4, 4, 10, 10) | box(10, 10, 16, 16)  # joined by a corner
    speck = whole | box(30, 20, 32, 22)
    three = box(4, 4, 8, 36) | box(14, 4, 18, 36) | box(24, 4, 28, 36)
    nothing = box(0, 0, 0, 0)
    masks = (three, whole, nothing, cut, corners, speck, three)
    np.testing.assert_equal(measured("pieces", *masks), [3, 1, np.nan, 2, 1, 1, 3])


@pytest.mark.parametrize("pale", [0.8, 0.5, 0.3])
def test_evenness_is_the_logarithm_of_the_palest_ink_as_a_share_of_the_darkest(pale):
    stroke = box(8, 4, 14, 36)
    images = picture(stroke, stroke, stroke)
    images[1, :20] = 0.1 + pale * (images[1, :20] - 0.1)
    images[2] = 0.1 + pale * (images[2] - 0.1)
    found = measure_attributes(images, "bright")["ink evenness"]
    assert found == pytest.approx([0, np.log(pale), 0], abs=0.05), "all of it pale is even"
    dark = measure_attributes(1 - images, "dark")["ink evenness"]
    np.testing.assert_allclose(dark, found, atol=1e-5)


def test_soft_edges_are_even_ink():
    stroke = picture(box(8, 4, 18, 36), box(8, 4, 18, 36))
    stroke[1] = smoothed(stroke[1:], 1.5)[0]
    even = measure_attributes(stroke, "bright")["ink evenness"]
    assert even == pytest.approx([0, 0], abs=0.15)


def test_dark_figures_are_measured_as_bright_ones():
    images = picture(box(10, 6, 16, 34), box(6, 20, 34, 25))
    bright, dark = measure_attributes(images, "bright"), measure_attributes(1 - images, "dark")
    for name in SHAPES:
        np.testing.assert_allclose(bright[name], dark[name], atol=1e-5)


def test_what_applies():
    strokes = picture(*(box(x, 6, x + 4, 34) for x in range(8, 28)))
    assert list(variation_of(strokes).std) == [*ALWAYS, *SHAPES]
    assert list(variation_of(random_images(channels=1)).std) == ALWAYS
    assert list(variation_of(random_images()).std) == [*ALWAYS, "colourfulness", "saturation"]
    assert list(variation_of(np.repeat(strokes, 3, axis=3)).std)[4:] == [
        "colourfulness",
        "saturation",
    ]


def test_which_figures_are_strokes():
    strokes = picture(*(box(x, 6, x + 4, 34) for x in range(8, 28)))
    assert figure_of(strokes) == "bright"
    assert figure_of(1 - strokes) == "dark"
    assert figure_of((255 * strokes).astype(np.uint8)) == "bright"
    assert figure_of(random_images(channels=1)) is None
    assert figure_of(picture(*[box(8, 8, 32, 32)] * 5)) is None, "a patch is no stroke"
    assert figure_of(picture(*[box(0, 0, 8, 40)] * 5)) is None, "nor is a bar at the border"
    assert figure_of(np.full((5, 16, 16, 1), 0.5)) is None


def test_bytes_and_floats_agree_and_images_are_independent():
    images = random_images(channels=3)
    together = measure_attributes(images, "bright")
    floats = measure_attributes(images / 255, "bright")
    for name, values in together.items():
        assert values.shape == (len(images),)
        np.testing.assert_allclose(values, floats[name], rtol=1e-4, atol=1e-5)
        alone = [measure_attributes(image[None], "bright")[name][0] for image in images[:5]]
        np.testing.assert_allclose(values[:5], alone, rtol=1e-5, atol=1e-6)


def test_an_image_without_figure_has_no_shape_and_no_warning():
    found = measure_attributes(np.full((2, 16, 16, 1), 0.5), "bright")
    assert all(np.isnan(found[name]).all() for name in SHAPES)
    assert all(np.isfinite(found[name]).all() for name in ALWAYS)


def test_shapes_that_most_images_lack_are_left_out():
    strokes = picture(*(box(x, 6, x + 4, 34) for x in range(8, 28)))
    faded = strokes.copy()
    faded[:11] = 0.5
    found = {change.name for change in changes(strokes, faded, variation_of(strokes))}
    assert found == set(ALWAYS)
    faded[:10] = strokes[:10]
    found = {change.name for change in changes(strokes, faded, variation_of(strokes))}
    assert found == {*ALWAYS, *SHAPES}


def test_nothing_changes_where_nothing_moves():
    images = random_images()
    found = changes(images, images, variation_of(images))
    assert {(c.change, c.low, c.high) for c in found} == {(0, 0, 0)}
    assert not any(c.stands_out for c in found)


@pytest.mark.parametrize("side", [8, 28, 40])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_change_is_by_ninth_and_in_sigmas_of_its_pixels(side, channels):
    images = np.random.default_rng(0).normal(0.5, 0.2, (300, side, side, channels))
    moved = images.copy()
    thirds = np.array_split(np.arange(side), 3)
    moved[:, : len(thirds[0]), -len(thirds[2]) :] += np.where(np.arange(300) % 2, 0.1, -0.1)[
        :, None, None, None
    ]
    variation = variation_of(images)
    found = difference_by_region(mean_difference(images, moved), variation)
    assert np.round(found, 1)[[0, 1, 3, 4, 6, 7]] == pytest.approx(0, abs=0.11)
    assert Where("", 0.1, found).places == ("top right",)
    np.testing.assert_allclose(variation.regions, 0.2, rtol=0.1)


def test_where_images_never_differ_a_tenth_of_the_range_is_the_unit():
    same = np.full((4, 9, 9, 1), 0.5)
    assert variation_of(same).regions == [0.1] * 9
    assert difference_by_region(mean_difference(same, same + 0.05), variation_of(same)) == (
        pytest.approx([0.5] * 9)
    )


def test_the_picture_of_a_difference_is_brightest_where_it_is_largest():
    difference = np.array([[0.0, 0.1], [0.2, 0.05]])
    picture_of, most = pictured(difference)
    assert picture_of[..., 0].tolist() == [[0, 128], [255, 64]]
    assert most == 0.2
    assert not pictured(np.zeros((3, 3)))[0].any()


@given(st.lists(st.floats(0, 10), min_size=9, max_size=9))
def test_places_are_ninths_that_change_more_than_others(regions):
    where = Where("", 1.0, regions)
    if max(regions) < LEAST_CHANGE:
        assert where.places == ()
    for name, change in zip(REGIONS, regions, strict=True):
        if name in where.places:
            assert change >= 1.499 * np.mean(regions)
    if where.all_over:
        assert where.change == pytest.approx(np.mean(regions))
        assert where.places in ((), ("all over",))
    else:
        assert where.change >= 1.499 * np.mean(regions)


@pytest.mark.parametrize(
    ("changing", "places"),
    [
        ([0], ("top left",)),
        ([4, 5], ("centre", "right")),
        ([0, 1, 2], ("upper third",)),
        ([1, 4, 7], ("middle columns",)),
        ([4, 5, 7, 8], ("lower right",)),
        ([0, 2, 6, 8], ("corners",)),
        ([0, 4, 8], ("top left", "centre", "bottom right")),
        (range(9), ("all over",)),
        ([], ()),
    ],
)
def test_places_have_names(changing, places):
    assert Where("", 1.0, [0.3 if i in changing else 0.0 for i in range(9)]).places == places


def test_a_change_is_in_natural_sigmas_and_its_interval_holds_the_truth():
    random = np.random.default_rng(0)
    levels = random.uniform(0.3, 0.5, (200, 1, 1, 1))
    images = np.broadcast_to(levels, (200, 8, 8, 1))
    variation = variation_of(images)
    std = 0.2 / np.sqrt(12)
    assert variation.std["brightness"] == pytest.approx(std, rel=0.1)
    assert variation.std["noise"] == 0.01, "no image differs in it: the least counts"
    moved = images + 0.1 + random.normal(0, 0.05, (200, 1, 1, 1))
    change = changes(images, moved, variation)[0]
    assert change.name == "brightness"
    assert change.low < 0.1 / variation.std["brightness"] < change.high
    # t quantile of 95 %, shared by the four attributes: 2.52 standard errors
    assert change.high - change.low == pytest.approx(
        2 * 2.52 * 0.05 / np.sqrt(200) / variation.std["brightness"], rel=0.1
    )


def brightness_classifier(threshold):
    def logits(images):
        mean = images.mean(axis=(1, 2, 3))
        over = 1e4 * (mean - threshold)
        return np.stack([-over, over, np.full(len(mean), -9.0)], axis=1)

    return Classifier(logits, name="judge")


@pytest.mark.parametrize("judged", [True, False])
@pytest.mark.parametrize("dimension", [3, 13, 20, 25])
def test_a_walk_keeps_the_images_at_the_end_of_what_was_tested(dimension, judged):
    generator = tiny_generator()
    starts = start_images(generator, EVERYTHING, 0, 20)
    mean = generator.synthesize(starts.styles).mean(dim=(1, 2, 3))
    judge = brightness_classifier(float(mean.max()) + 0.002) if judged else None
    key = DirectionKey(0, dimension, 1)
    walked = walk(generator, brightness_classifier(0.7), [key], starts, judge=judge, max_shift=4.0)[
        0
    ]
    end = walked.shifts[-1] if walked.valid_range is None else walked.valid_range
    rows = np.arange(20)
    moved = np.full(20, end)
    if not judged:
        space = generator.style_space
        room = space.range[1, dimension] - starts.styles[:, dimension].double().numpy()
        moved = np.minimum(end, np.maximum(room / space.std[dimension], 0))
    expected = shifted_images(generator, starts, key, rows, moved)
    torch.testing.assert_close(walked.moved, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        walked.unmoved, generator.synthesize(starts.styles), atol=1e-5, rtol=0
    )
    difference = (walked.moved - walked.unmoved).abs().mean(dim=(0, 1))
    np.testing.assert_allclose(difference_along(walked), difference, atol=1e-6)
    found = changes_along(walked, natural_variation(generator, samples=32))
    assert {c.name for c in found} >= set(ALWAYS)
    assert found == sorted(found, key=lambda c: -abs(c.change))


def test_natural_variation_covers_the_classes_and_is_the_generators():
    generator = tiny_generator()
    seen = []
    original = generator.sample
    generator.sample = lambda labels, *a, **k: seen.append(labels) or original(labels, *a, **k)
    assert natural_variation(generator, samples=30) == natural_variation(generator, samples=30)
    assert np.bincount(seen[0]).tolist() == [10, 10, 10]
    assert set(attributes._LEAST_STD) >= set(natural_variation(generator).std)

"""Generators whose images are not of the test images' size or channels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_failcond import FailcondError
from pytest_failcond.config.generator_settings import GeneratorImages
from pytest_failcond.config.settings import Settings, load_settings
from pytest_failcond.generators.fitted import Fit, Fitted, fit_for
from pytest_failcond.laboratory.configured import build_laboratory, load_generator
from pytest_failcond.laboratory.suiting import remarks_on
from pytest_failcond.subjects.acceptance import EVERYTHING
from tests.unit.tiny import stripes, tiny_generator

SIDE = st.integers(1, 40)
CHANNELS = st.sampled_from([1, 3])
SHAPE = st.tuples(SIDE, SIDE, CHANNELS)


@settings(deadline=None)
@given(made=SHAPE, wanted=SHAPE, data=st.data())
def test_images_get_the_shape_of_the_test_images(made, wanted, data):
    """Whatever both shapes are, and whatever centre is chosen; levels stay in their range."""
    crop = None
    if data.draw(st.booleans()):
        crop = tuple(data.draw(st.integers(1, side)) for side in made[:2])
    fit = fit_for(made, wanted, crop=crop)
    images = torch.rand(2, made[2], *made[:2], generator=torch.Generator().manual_seed(0))
    found = fit.apply(images)
    assert found.shape == (2, wanted[2], *wanted[:2])
    assert 0 <= found.min() <= found.max() <= 1
    assert bool(fit.words) == (made != wanted or crop not in (None, made[:2]))
    constant = fit.apply(torch.full_like(images, 0.25))
    torch.testing.assert_close(constant, torch.full_like(constant, 0.25))


def test_only_what_was_chosen_is_done_without_test_images():
    assert fit_for((32, 32, 3), None) == Fit()
    assert fit_for((32, 32, 3), None, resize=(8, 8)) == Fit(resize=(8, 8))
    assert fit_for((32, 32, 3), None, channels=3) == Fit()
    with pytest.raises(
        FailcondError, match=r"^generator\.crop: 33 x 2 px is larger than .* 32 x 32"
    ):
        fit_for((32, 32, 3), None, crop=(33, 2))


def test_other_proportions_lose_what_is_too_wide():
    assert fit_for((32, 32, 3), (16, 24, 3)) == Fit(crop=(21, 32), resize=(16, 24))
    assert fit_for((32, 32, 3), (16, 24, 3), resize=(16, 24)) == Fit(resize=(16, 24))
    assert fit_for((32, 32, 1), (28, 28, 1), crop=(28, 28)) == Fit(crop=(28, 28))
    assert fit_for((32, 32, 3), (28, 28, 1)).words == "resized to 28 x 28 px and made gray"
    whole = Fit((9, 8), (3, 3), 3).words
    assert whole == "cropped to 9 x 8 px, resized to 3 x 3 px and given three equal channels"


def test_the_centre_is_kept_and_gray_is_luma():
    images = torch.rand(1, 3, 6, 7)
    assert torch.equal(Fit(crop=(4, 3)).apply(images), images[:, :, 1:5, 2:5])
    levels = (images[0] * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
    gray = np.asarray(Image.fromarray(levels).convert("L"))
    found = Fit(channels=1).apply(torch.from_numpy(levels / 255.0).permute(2, 0, 1)[None].float())
    assert np.abs(found[0, 0].numpy() * 255 - gray).max() <= 1
    three = Fit(channels=3).apply(images[:, :1])
    assert torch.equal(three[:, 2], images[:, 0])


def test_shrinking_is_antialiased():
    """Stripes of one pixel become even gray, as in Pillow, and no pattern."""
    fine = torch.zeros(1, 1, 64, 64)
    fine[..., ::2] = 1
    found = Fit(resize=(16, 16)).apply(fine)
    assert (found - 0.5).abs().max() < 0.07
    pillow = Image.fromarray(np.uint8(fine[0, 0] * 255)).resize((16, 16), Image.Resampling.BILINEAR)
    assert np.abs(found[0, 0].numpy() * 255 - np.asarray(pillow)).max() <= 1


def test_a_fitted_generator_has_the_same_samples_and_another_hash():
    base = tiny_generator(image_channels=3)
    base.training = {"mix": {"corruptions": []}, "fitness": {"of": 1}}
    fitted = Fitted(base, Fit(resize=(5, 6), channels=1))
    assert fitted.image_shape == (5, 6, 1)
    styles = base.sample(np.arange(70) % 3, seed=4)
    assert torch.equal(fitted.sample(np.arange(70) % 3, seed=4), styles)
    images = fitted.synthesize(styles)
    assert images.shape == (70, 1, 5, 6)
    assert torch.equal(images, fitted.fit.apply(base.synthesize(styles)))
    assert torch.equal(images[:9], fitted.synthesize(styles[:9]))
    assert fitted.synthesize(styles[:0]).shape == (0, 1, 5, 6)
    assert fitted.hash == f"{base.hash}, resized to 5 x 6 px and made gray"
    assert fitted.training == {"mix": {"corruptions": []}}  # figures were of the images as they are
    assert fitted.style_space is base.style_space


def laboratory(generator, images, **options):
    chosen = Settings(generator_images=GeneratorImages(**options))
    count = images.images[0].size
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(count, 3)).eval()
    return build_laboratory(chosen, model, images, generator, None)


def test_the_default_follows_the_test_images_and_says_so():
    made = tiny_generator(image_channels=3, resolution=16, image_size=(16, 16), channels=(4, 3, 2))
    found = laboratory(made, stripes(side=9))
    assert found.generator.image_shape == (9, 9, 1)
    (remark,) = [
        r for r in remarks_on(found.images, found.generator, found.settings) if r.what == "fitted"
    ]
    assert remark.text.startswith(
        "generator: its images are resized to 9 x 9 px and made gray, to be like the test images;"
    )
    cropped = laboratory(made, stripes(side=8), crop=(8, 8)).generator
    styles = made.sample([0, 1])
    gray = Fit(channels=1).apply(made.synthesize(styles)[:, :, 4:12, 4:12])
    assert torch.equal(cropped.synthesize(styles), gray)
    same = tiny_generator()
    found = laboratory(same, stripes())
    assert found.generator is same
    remarks = remarks_on(found.images, found.generator, found.settings)
    assert not [r for r in remarks if r.what == "fitted"]


@pytest.mark.parametrize("options", [{"resize": (7, 7)}, {"channels": 3}])
def test_a_choice_that_does_not_give_the_test_images_is_refused(options):
    with pytest.raises(
        FailcondError, match=r"correct or leave out crop, resize and channels in \["
    ):
        laboratory(tiny_generator(), stripes(), **options)


TABLES = {
    "a file by name": ({"generator": "g"}, ("g", GeneratorImages())),
    "a table": ({"generator": {"file": "g"}}, ("g", GeneratorImages())),
    "all of it": (
        {"generator": {"file": "g", "crop": [5, 4], "resize": [3, 2], "channels": 1}},
        ("g", GeneratorImages(crop=(5, 4), resize=(3, 2), channels=1)),
    ),
}


@pytest.mark.parametrize("kind", TABLES)
def test_the_generator_is_a_name_or_a_table(kind, tmp_path):
    table, expected = TABLES[kind]
    found = load_settings(tmp_path / "x.toml", table)
    assert (found.generator, found.generator_images) == expected
    other = load_settings(tmp_path / "x.toml", table, generator="other")
    assert (other.generator, other.generator_images) == ("other", expected[1])


WRONG = {
    "no file": ({"crop": [1, 1]}, "generator.file is missing: name the generator's file there"),
    "a mistyped key": ({"file": "g", "size": [1, 1]}, "generator: unknown key 'size'"),
    "one side": ({"file": "g", "crop": [28]}, "generator.crop: [28]: give height and width"),
    "no pixel": (
        {"file": "g", "resize": [0, 5]},
        "generator.resize: [0, 5]: give height and width",
    ),
    "a number": ({"file": "g", "resize": 28}, "generator.resize: input should be a valid list"),
    "RGBA": ({"file": "g", "channels": 4}, "generator.channels: 4: give 1 for gray or 3 for RGB"),
    "text": ({"file": "g", "channels": "1"}, "generator.channels: input should be a valid integer"),
    "a list": (["g"], "generator: input should be a valid string"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_table_is_one_sentence(kind, tmp_path):
    given_, words = WRONG[kind]
    with pytest.raises(FailcondError) as caught:
        load_settings(tmp_path / "x.toml", {"generator": given_})
    assert str(caught.value).startswith(f"{tmp_path / 'x.toml'}: {words}")
    with pytest.raises(FailcondError, match="unknown key 'generator_images'"):
        load_settings(tmp_path / "x.toml", {"generator_images": {"channels": 1}})


def test_a_command_loads_the_generator_as_a_session_does(tmp_path, monkeypatch):
    tiny_generator().save(tmp_path / "g.safetensors")
    (tmp_path / "fit_images.py").write_text(
        "from tests.unit.tiny import stripes\n\n\ndef images():\n    return stripes(side=9, channels=3)\n"
    )
    monkeypatch.chdir(tmp_path)
    table = {"generator": "g.safetensors", "images": "fit_images:images"}
    found = load_generator(load_settings(tmp_path / "x.toml", table), EVERYTHING)
    assert found.image_shape == (9, 9, 3)
    with pytest.raises(FailcondError, match="generator: none is configured"):
        load_generator(Settings(), EVERYTHING)

"""Networks as other programs train them: with a clamp, without classes."""

import json

import numpy as np
import pytest
import torch
from tiny import raw, tiny_config, tiny_generator, tiny_trainer

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.checkpoint import read_config
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.generators.stylegan2.network import ToImage

THREE = {"resolution": 16, "image_size": (16, 16), "channels": (6, 5, 4)}


@pytest.mark.parametrize("clamp", [0.4, 1e6])
def test_a_clamp_bounds_the_output_of_every_layer(clamp):
    """Each layer's own output, the image layers' before they are added, is clamped, and no more."""
    free, clamped = (tiny_generator(**THREE, clamp=c).network.synthesis for c in (None, clamp))
    styles = tiny_generator(**THREE).sample([0, 1, 2], seed=1)
    state, acted = clamped.start(3), []
    with torch.no_grad():
        for layer, twin, style in zip(
            clamped.layers, free.layers, torch.split(styles, clamped.widths, dim=1), strict=True
        ):
            before, state = state, layer(state, style, None)
            alone = twin(before._replace(image=None), style, None)
            if isinstance(layer, ToImage):
                under = twin(before, style, None).image - alone.image  # the upsampled image so far
                torch.testing.assert_close(state.image, alone.image.clamp(-clamp, clamp) + under)
                acted.append((alone.image.abs() > clamp).any() and "image")
            else:
                assert torch.equal(state.features, alone.features.clamp(-clamp, clamp))
                acted.append((alone.features.abs() > clamp).any() and "features")
    assert len({kind for kind in acted if kind}) == (2 if clamp == 0.4 else 0)


def test_the_room_before_a_clamp_is_the_largest_shift_that_it_leaves_alone():
    clamped, free = tiny_generator(**THREE, clamp=20.0), tiny_generator(**THREE)
    space, styles = clamped.style_space, clamped.sample([0, 1], seed=1)
    shifts = torch.zeros(2, styles.shape[1])
    shifts[0, space.index("b4.torgb[0]")], shifts[1, space.index("b16.torgb[1]")] = 1.0, -2.0
    synthesis, first = clamped.network.synthesis, 1
    with torch.no_grad():
        _, _, room = synthesis.linear(synthesis.prefix(styles, first), styles, shifts, first)
        other = free.network.synthesis
        _, _, boundless = other.linear(other.prefix(styles, first), styles, shifts, first)
        assert torch.isinf(boundless).all()
    assert room.shape == (2, 2)
    assert ((room > 1) & room.isfinite()).all()
    for n, image in enumerate(styles):
        for shift, times in zip(shifts, room[:, n], strict=True):
            inside = torch.stack([image + s * 0.99 * times * shift for s in (-1, 1)])
            beyond = torch.stack([image + s * 3 * times * shift for s in (-1, 1)])
            assert torch.allclose(raw(clamped, inside), raw(free, inside), atol=1e-5)
            assert not torch.allclose(raw(clamped, beyond), raw(free, beyond), atol=1e-3)


def test_an_unconditional_generator_is_saved_and_loaded(tmp_path):
    generator = tiny_generator(classes=(), clamp=256.0)
    generator.network.mapping.mean += torch.arange(4.0)
    generator.save(tmp_path / "g.safetensors")
    loaded = Generator.load(tmp_path / "g.safetensors")
    config, _ = read_config(tmp_path / "g.safetensors")
    assert loaded.config == config == tiny_config(classes=(), clamp=256.0)
    assert loaded.classes == ()
    styles = generator.sample([0, 0, 0], seed=3, truncation=0.5)
    assert torch.equal(loaded.sample(np.zeros(3, int), seed=3, truncation=0.5), styles)
    assert torch.equal(loaded.synthesize(styles), generator.synthesize(styles))
    assert loaded.style_space.std.shape == (28,)
    with pytest.raises(
        FailcondError, match=r"^labels: this generator has no classes, so each label"
    ):
        loaded.sample([0, 1])


def test_without_classes_truncation_goes_to_the_mean_of_the_file():
    """All layers are affine in w, so the styles say how far w moved."""
    generator = tiny_generator(classes=())
    generator.network.mapping.mean += torch.arange(4.0)
    mean = generator.network.synthesis.styles(generator.network.mapping.mean[None])
    whole, half = (generator.sample([0] * 5, seed=1, truncation=t) for t in (1.0, 0.5))
    torch.testing.assert_close(half, (whole + mean) / 2)


def test_a_training_needs_classes():
    with pytest.raises(FailcondError, match="a generator without classes cannot be trained on"):
        tiny_trainer(tiny_config(classes=()))


@pytest.mark.parametrize("clamp", [0.0, -1.0, float("nan"), float("inf"), "256", True])
def test_a_clamp_that_is_no_limit_is_refused(clamp):
    shape = json.loads(json.dumps(tiny_config().to_json()))
    assert GeneratorConfig.from_json(shape) == tiny_config()
    with pytest.raises(FailcondError, match="clamp"):
        GeneratorConfig.from_json(shape | {"clamp": clamp})

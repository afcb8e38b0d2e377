"""Generators of other programs: converted, they draw the same pixels; others are refused."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.generators.stylegan2.layouts.converted import Converted, read_generator
from pytest_failcond.generators.stylegan2.network import Network
from tests.unit.foreign_generators import (
    FILTER,
    Made,
    Persistent,
    latents,
    make,
    modules,
    pickled,
    rosinalitys,
    saved,
)

NVIDIA, STUDIOGAN, ROSINALITY = "NVIDIA's", "PyTorch-StudioGAN", "rosinality's"


def network_of(converted: Converted) -> Network:
    network = Network(converted.config)
    network.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in converted.weights.items()})
    return network.eval()


def drawn(converted: Converted, z: Tensor, labels: Tensor) -> Tensor:
    """The images of the converted generator."""
    network = network_of(converted)
    with torch.no_grad():
        return network.synthesis(network.synthesis.styles(network.mapping(z, labels)))


def as_state(made: Made) -> dict[str, Any]:
    return {"state_dict": made.state, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}


def as_training(made: Made) -> dict[str, Any]:
    other = copy.deepcopy(made.state)
    other["synthesis.b4.const"] += 1
    discriminator = Persistent("Discriminator", {"_parameters": {}, "_buffers": {}, "_modules": {}})
    nets = {"G": modules(Made(other, made.channels, made.classes)), "D": discriminator}
    return {**nets, "G_ema": modules(made), "augment_pipe": None, "training_set_kwargs": {"x": 1}}


def as_rosinality(made: Made, **beside: Any) -> dict[str, Any]:
    return {"g_ema": rosinalitys(made), **beside}


FILES: dict[str, tuple[str, Callable[[Made], bytes]]] = {
    "NVIDIA's snapshot": (NVIDIA, lambda made: pickled(as_training(made))),
    "NVIDIA's G_ema": (NVIDIA, lambda made: pickled({"G_ema": modules(made)})),
    "NVIDIA's generator alone": (NVIDIA, lambda made: pickled(modules(made))),
    "StudioGAN's": (STUDIOGAN, lambda made: saved(as_state(made))),
    "StudioGAN's, of several GPUs": (
        STUDIOGAN,
        lambda made: saved({"state_dict": {f"module.{k}": v for k, v in made.state.items()}}),
    ),
    "a state dict, legacy": (
        STUDIOGAN,
        lambda made: saved(made.state, _use_new_zipfile_serialization=False),
    ),
    "rosinality's training": (
        ROSINALITY,
        lambda made: saved(
            as_rosinality(
                made,
                g={"input.input": torch.zeros(1)},
                d={"final_linear.0.weight": torch.zeros(1)},
                g_optim={"state": {}},
                args=argparse.Namespace(size=16, latent=7, n_mlp=2, lr=0.002),
                ada_aug_p=0.0,
            )
        ),
    ),
    "rosinality's converted": (
        ROSINALITY,
        lambda made: saved(as_rosinality(made, latent_avg=made.state["mapping.w_avg"])),
    ),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("classes", [0, 3])
def test_a_converted_generator_draws_the_same_pixels(name, classes, tmp_path):
    title, write = FILES[name]
    if title == ROSINALITY:
        classes, z = 0, {"z": 7}  # z and w are one size there
    else:
        z = {}
    made = make(classes=classes, **z)
    (tmp_path / "file").write_bytes(write(made))
    converted = read_generator(tmp_path / "file")
    assert title in converted.title
    config = converted.config
    assert (config.resolution, config.channels, config.image_channels) == (16, (5, 4, 3), 3)
    assert config.classes == tuple("012")[:classes]
    assert (config.z_dim, config.w_dim, config.mapping_layers) == (z.get("z", 6), 7, 2)
    expected = made.draw(*latents(made))
    found = drawn(converted, *latents(made)).double()
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@settings(max_examples=15, deadline=None)
@given(
    blocks=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    classes=st.sampled_from([0, 1, 4]),
    mapping=st.integers(1, 8),
    image=st.sampled_from([1, 3]),
    rate=st.sampled_from([0.01, 0.1, 1.0]),
    clamp=st.sampled_from([None, 256, 0.7]),
    noise=st.booleans(),
    whole=st.booleans(),
)
def test_any_size_is_read_from_the_tensors(
    tmp_path_factory, blocks, classes, mapping, image, rate, clamp, noise, whole
):
    made = make(
        channels=tuple(blocks),
        classes=classes,
        mapping=mapping,
        image=image,
        rate=rate if whole else 0.01,  # a file of tensors cannot tell another
        clamp=clamp,
        noise=noise,
    )
    path = tmp_path_factory.mktemp("made") / "file"
    path.write_bytes(pickled(as_training(made)) if whole else saved(as_state(made)))
    converted = read_generator(path, clamp=None if whole else clamp)
    assert converted.config.clamp == clamp
    assert converted.config.channels == tuple(blocks)
    expected = made.draw(*latents(made))
    found = drawn(converted, *latents(made)).double()
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert converted.noise.startswith("constant noise of the file" if noise else "none")


def test_a_file_that_needs_no_folding_keeps_every_bit(tmp_path):
    made = make()
    (tmp_path / "file").write_bytes(pickled(modules(made)))
    weights = read_generator(tmp_path / "file").weights
    assert torch.equal(
        torch.from_numpy(weights["mapping.layers.0.weight"].copy()),
        made.state["mapping.fc0.weight"],
    )
    assert weights["synthesis.layers.0.weight"].dtype == np.float32


def test_half_precision_is_widened(tmp_path):
    made = make()
    half = {name: value.half() for name, value in made.state.items()}
    (tmp_path / "file").write_bytes(saved({"state_dict": half}))
    widened = Made({k: v.float() for k, v in half.items()}, made.channels, made.classes)
    found = drawn(read_generator(tmp_path / "file"), *latents(made)).double()
    expected = widened.draw(*latents(made))
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_mean_of_w_is_the_files_or_that_of_many_samples(tmp_path):
    made = make(classes=0, z=7)
    for name, content in (
        ("given", as_rosinality(made, latent_avg=made.state["mapping.w_avg"])),
        ("taken", as_rosinality(made)),
    ):
        (tmp_path / name).write_bytes(saved(content))
    given_, taken = (read_generator(tmp_path / name) for name in ("given", "taken"))
    assert torch.equal(
        torch.from_numpy(given_.weights["mapping.mean"]), made.state["mapping.w_avg"]
    )
    assert given_.mean == "the mean w of the file, latent_avg"
    assert "taken here" in taken.mean
    w = made.w(torch.randn(20_000, 7, generator=torch.Generator().manual_seed(2)), torch.zeros(0))
    error = 5 * w.std(dim=0) * (1 / 10_000 + 1 / 20_000) ** 0.5
    assert ((w.mean(dim=0) - torch.from_numpy(taken.weights["mapping.mean"])).abs() < error).all()


def test_missing_noise_is_drawn_the_same_each_time_and_said(tmp_path):
    state = rosinalitys(make(classes=0, z=7))
    without = {name: value for name, value in state.items() if not name.startswith("noises.")}
    (tmp_path / "file").write_bytes(saved({"g_ema": without}))
    first, again = (read_generator(tmp_path / "file") for _ in range(2))
    assert "drawn here" in first.noise
    assert any("fine texture" in note for note in first.notes)
    noise = first.weights["synthesis.layers.2.noise"]
    assert noise.shape == (8, 8)
    assert 0.5 < noise.std() < 1.5
    assert all(np.array_equal(v, again.weights[k]) for k, v in first.weights.items())
    whole = read_with(tmp_path, saved({"g_ema": state}))
    strength = "synthesis.layers.2.noise_strength"
    assert first.weights[strength] == whole.weights[strength] != 0
    part = {name: value for name, value in state.items() if name != "noises.noise_1"}
    with pytest.raises(FailcondError, match=r"noises\.noise_1 is missing"):
        read_with(tmp_path, saved({"g_ema": part}))


def test_names_of_classes_are_as_many_as_its_classes(tmp_path):
    content = pickled(modules(make()))
    assert read_with(tmp_path, content, classes=("a", "b", "c")).config.classes == ("a", "b", "c")
    with pytest.raises(FailcondError, match="--classes names 2, but the generator has 3 classes"):
        read_with(tmp_path, content, classes=("a", "b"))
    with pytest.raises(FailcondError, match="names 1, but the generator has no classes"):
        read_with(tmp_path, pickled(modules(make(classes=0))), classes=("a",))


def test_a_clamp_is_the_files_or_the_users(tmp_path):
    with pytest.raises(FailcondError, match="it has a clamp of 256; leave out --clamp"):
        read_with(tmp_path, pickled(modules(make(clamp=256))), clamp=256)
    with pytest.raises(FailcondError, match="it has no clamp; leave out --clamp"):
        read_with(tmp_path, pickled(modules(make())), clamp=256)
    content = saved(as_state(make()))
    assert any("--clamp 256" in note for note in read_with(tmp_path, content).notes)
    assert not read_with(tmp_path, content, clamp=256).notes


def read_with(folder, content, **options):
    (folder / "other").write_bytes(content)
    return read_generator(folder / "other", **options)


def refusal(folder, content):
    """The one sentence, which names the file."""
    with pytest.raises(FailcondError) as caught:
        read_with(folder, content)
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder / 'other'}: ")
    assert "\n" not in sentence
    return sentence.removeprefix(f"{folder / 'other'}: ")


STATES = {
    STUDIOGAN: lambda: make(channels=(5, 4)).state,
    "unconditional": lambda: make(channels=(5, 4), classes=0).state,
    ROSINALITY: lambda: rosinalitys(make(channels=(5, 4), classes=0, z=7)),
}
FREE = {("mapping.fc0.weight", 1), ("style.1.weight", 1), ("mapping.embed.weight", 1)}
"""A wider z, and more classes: no other tensor contradicts them. A conditional one's w_avg is not read."""
ALLOWED_TO_LACK = ("w_avg", "resample_filter", ".kernel")


@pytest.mark.parametrize("layout", STATES)
def test_a_tensor_of_another_shape_is_refused_and_named(layout, tmp_path):
    """Whichever axis of whichever tensor grows: the sentence names it, or two that it contradicts."""
    whole = STATES[layout]()
    for name, value in whole.items():
        for axis in range(value.ndim):
            state = dict(whole)
            state[name] = torch.cat([value, value.narrow(axis, 0, 1)], dim=axis)
            if (name, axis) in FREE or (name == "mapping.w_avg" and layout == STUDIOGAN):
                continue
            sentence = refusal(tmp_path, saved({"g_ema": state}))
            assert name in sentence, (name, axis, sentence)


@pytest.mark.parametrize("layout", STATES)
def test_a_missing_tensor_is_refused_and_a_foreign_one_too(layout, tmp_path):
    whole = STATES[layout]()
    for name in whole:
        state = {other: value for other, value in whole.items() if other != name}
        if not name.endswith(ALLOWED_TO_LACK):
            refusal(tmp_path, saved({"g_ema": state}))
        else:
            read_with(tmp_path, saved({"g_ema": state}))
    state = whole | {"extra.weight": torch.zeros(2)}
    assert "extra.weight" in refusal(tmp_path, saved({"g_ema": state}))


@pytest.mark.parametrize("layout", STATES)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(layout, value, tmp_path):
    whole = STATES[layout]()
    names = [n for n in whole if not n.endswith(ALLOWED_TO_LACK)]
    for name in names[:: len(names) // 6]:
        state = whole | {name: whole[name].clone()}
        state[name].view(-1)[-1] = value
        assert refusal(tmp_path, saved({"g_ema": state})).startswith(f"{name} is not finite")


def changed(path: str, **attributes: Any) -> Callable[[], bytes]:
    """NVIDIA's file, with other attributes of a module."""

    def write() -> bytes:
        root = modules(make())
        at = root
        for part in path.split(".") if path else ():
            at = at.state["_modules"][part]
        at.state.update(attributes)
        return pickled({"G_ema": root})

    return write


def with_filter(taps: list[int], kind: str) -> Callable[[], bytes]:
    def write() -> bytes:
        kernel = torch.tensor(np.outer(taps, taps) / np.sum(taps) ** 2).float()
        state = STATES[kind]()
        name = next(n for n in state if n.endswith(("resample_filter", "kernel")))
        return saved({"g_ema": state | {name: kernel}})

    return write


def state_with(kind: str, **tensors: Any) -> Callable[[], bytes]:
    renamed = {name.replace("__", "."): value for name, value in tensors.items()}
    return lambda: saved({"g_ema": STATES[kind]() | renamed})


D = {"b4.fc.weight": torch.zeros(2, 2), "b8.fromrgb.weight": torch.zeros(2, 3, 1, 1)}
SG3 = {"synthesis.input.freqs": torch.zeros(2, 2), "synthesis.L0_36_4.weight": torch.zeros(1)}
BIG = {"linear0.weight": torch.zeros(2, 2), "blocks.0.0.conv2d1.weight": torch.zeros(1)}
ORIG = {k: v for k, v in make().state.items() if "torgb" not in k or "b16" in k}
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "another resolution": (
        changed("", img_resolution=32),
        "it says img_resolution = 32, but its tensors have resolution = 16",
    ),
    "another z": (changed("", z_dim=5), "it says z_dim = 5, but its tensors have z = 6"),
    "another w": (changed("", w_dim=5), "it says w_dim = 5, but its tensors have w = 7"),
    "other classes": (changed("", c_dim=0), "it says c_dim = 0, but its tensors have classes = 3"),
    "gray": (changed("", img_channels=1), "it says img_channels = 1, but its tensors have image"),
    "a residual block": (
        changed("synthesis.b8", architecture="resnet"),
        "its block of 8 px has the architecture 'resnet', and only 'skip' is read",
    ),
    "no image outputs": (lambda: saved({"g_ema": ORIG}), "it has the architecture 'orig' or"),
    "another activation": (
        changed("synthesis.b8.conv0", activation="relu"),
        "synthesis.b8.conv0 has the activation 'relu', and only 'lrelu' is read there",
    ),
    "two clamps": (
        changed("synthesis.b16.torgb", conv_clamp=128),
        "synthesis.b4.conv1 has conv_clamp = None, but synthesis.b16.torgb has 128",
    ),
    "a gain that is no number": (
        changed("mapping.fc0", bias_gain="0.01"),
        "mapping.fc0 has the gain '0.01', where a number belongs",
    ),
    "another filter": (with_filter([1, 2, 2, 1], STUDIOGAN), "is another filter than 1, 3, 3, 1"),
    "another blur": (with_filter([1, 2, 2, 1], ROSINALITY), "is another filter than 1, 3, 3, 1"),
    "a short filter": (with_filter([1, 2, 1], ROSINALITY), "is another filter than 1, 3, 3, 1"),
    "whole numbers": (
        state_with(STUDIOGAN, synthesis__b8__conv1__bias=torch.zeros(4, dtype=torch.int64)),
        "synthesis.b8.conv1.bias has numbers of the type int64, not floats",
    ),
    "four axes where five belong": (
        state_with(ROSINALITY, convs__0__conv__weight=torch.zeros(4, 5, 3, 3)),
        "convs.0.conv.weight is 4 x 5 x 3 x 3, where the size in place 1 is 1",
    ),
    "RGBA": (lambda: saved(as_state(make(image=4))), "image_channels 4 must be 1 or 3"),
    "another size than the options say": (
        lambda: saved(as_rosinality(make(classes=0, z=7), args=argparse.Namespace(size=256))),
        "it says args.size = 256, but its tensors have resolution = 16",
    ),
    "a mean of another width": (
        lambda: saved(as_rosinality(make(classes=0, z=7), latent_avg=torch.zeros(8))),
        "latent_avg is no mean of w: 7 finite numbers belong there",
    ),
    "StyleGAN3": (lambda: saved({"G_ema": SG3}), "it is a generator of StyleGAN3"),
    "a discriminator": (lambda: saved({"state_dict": D}), "it is a discriminator, not a generator"),
    "a discriminator alone": (lambda: saved({"D": D}), "its 'D' is a discriminator"),
    "rosinality's discriminator": (
        lambda: saved({"d": {"final_linear.0.weight": torch.zeros(1)}}),
        "its 'd' is a discriminator",
    ),
    "BigGAN": (lambda: saved({"state_dict": BIG}), "it is a network of BigGAN's kind"),
    "a classifier": (
        lambda: saved({"conv1.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}),
        "it has 'conv1.weight', 'fc.bias', and no StyleGAN2 generator",
    ),
    "a list": (lambda: saved([1, 2]), "it has a list, and no generator"),
    "nothing": (lambda: saved({}), "it has nothing, and no generator"),
    "an optimiser": (lambda: saved({"g_optim": {"state": {}}}), "it has 'g_optim', and no"),
    "an empty network": (lambda: saved({"g_ema": {}}), "it has no tensors, and no StyleGAN2"),
    "a part of a network": (
        changed("mapping", _parameters=5),
        "mapping is a module whose _parameters are no dictionary",
    ),
    "a module that is a number": (changed("", _modules={"mapping": 3}), "mapping is no module of"),
    "a tensor that is text": (
        changed("mapping.fc0", _parameters={"weight": "w"}),
        "mapping.fc0.weight is no tensor",
    ),
    "another class": (
        lambda: pickled({"G_ema": Persistent("Encoder", {"_parameters": {"a": torch.zeros(1)}})}),
        "it is a network of the class 'Encoder' and no StyleGAN2 generator",
    ),
    "no state": (
        lambda: pickled({"G_ema": Persistent("Generator", None)}),
        "the network is a module without a state",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_read_is_refused_in_one_sentence(kind, tmp_path):
    write, words = REFUSED[kind]
    assert words in refusal(tmp_path, write())


def test_a_generator_that_is_not_averaged_is_read_and_said(tmp_path):
    converted = read_with(tmp_path, pickled({"G": modules(make())}))
    assert any("not the averaged" in note for note in converted.notes)
    assert not Generator(converted.config, network_of(converted)).training
    assert FILTER.sum() == 1

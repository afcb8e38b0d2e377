"""Generators in the files of other programs, written here in their layouts, and what they would draw.

Nothing of the product is used: names, shapes and arithmetic are written down a second time, so that both
must be wrong in the same way to agree. docs/convert.md tells how they were compared with the programs.
"""

from __future__ import annotations

import contextlib
import io
import math
import pickle
import sys
import types
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

FILTER = torch.tensor(np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64)


@dataclass(frozen=True)
class Made:
    """A generator as NVIDIA's programs name it.

    Attributes:
        state: its tensors.
        channels: of its blocks at 4, 8, … px.
        classes: how many; 0: it is unconditional.
        rate: learning-rate multiplier of the mapping network.
        clamp: of the outputs of its layers.
    """

    state: dict[str, Tensor]
    channels: tuple[int, ...]
    classes: int
    rate: float = 0.01
    clamp: float | None = None

    def draw(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return its images before they are clamped to [0, 1], in double precision."""
        return self._synthesis(self.w(z, labels))

    def w(self, z: Tensor, labels: Tensor) -> Tensor:
        x = _normal(z.double())
        if self.classes:
            embed = self._dense("mapping.embed", F.one_hot(labels, self.classes).double(), 1.0)
            x = torch.cat([x, _normal(embed)], dim=1)
        number = 0
        while f"mapping.fc{number}.weight" in self.state:
            x = F.leaky_relu(self._dense(f"mapping.fc{number}", x, self.rate), 0.2) * math.sqrt(2)
            number += 1
        return x

    def _synthesis(self, w: Tensor) -> Tensor:
        x = self.state["synthesis.b4.const"].double().expand(len(w), -1, -1, -1)
        image = None
        for number in range(len(self.channels)):
            block = f"synthesis.b{4 << number}"
            for layer in ("conv0", "conv1")[number == 0 :]:
                x = self._styled(f"{block}.{layer}", x, w, up=layer == "conv0")
            own = self._weighted(f"{block}.torgb", x, w)
            own = self._clamped(own + self.state[f"{block}.torgb.bias"].double()[:, None, None])
            image = own if image is None else own + _smooth(_spread(image), 2, 1)
        assert image is not None
        return image

    def _styled(self, name: str, x: Tensor, w: Tensor, *, up: bool) -> Tensor:
        style = self._dense(f"{name}.affine", w, 1.0)
        weight = self.state[f"{name}.weight"].double()
        weight = weight[None] * style[:, None, :, None, None] / math.sqrt(weight[0].numel())
        weight = weight / (weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
        if up:  # zeros between the pixels, the turned kernel, the filter
            turned = weight.flip(3, 4)
            parts = [
                F.conv2d(_spread(a)[None], b, padding=2) for a, b in zip(x, turned, strict=True)
            ]
            x = _smooth(torch.cat(parts)[:, :, :-1, :-1], 1, 1)
        else:
            x = torch.cat([F.conv2d(a[None], b, padding=1) for a, b in zip(x, weight, strict=True)])
        if f"{name}.noise_const" in self.state:
            x = x + self.state[f"{name}.noise_const"] * self.state[f"{name}.noise_strength"]
        x = x + self.state[f"{name}.bias"].double()[:, None, None]
        return self._clamped(F.leaky_relu(x, 0.2) * math.sqrt(2))

    def _weighted(self, name: str, x: Tensor, w: Tensor) -> Tensor:
        style = self._dense(f"{name}.affine", w, 1.0)
        weight = self.state[f"{name}.weight"].double()[:, :, 0, 0]
        return torch.einsum("nchw,nc,oc->nohw", x, style / math.sqrt(len(style[0])), weight)

    def _dense(self, name: str, x: Tensor, rate: float) -> Tensor:
        weight, bias = (self.state[f"{name}.{part}"].double() for part in ("weight", "bias"))
        return x @ weight.T * (rate / math.sqrt(weight.shape[1])) + rate * bias

    def _clamped(self, x: Tensor) -> Tensor:
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)


def make(
    *,
    channels: tuple[int, ...] = (5, 4, 3),
    classes: int = 3,
    mapping: int = 2,
    z: int = 6,
    w: int = 7,
    image: int = 3,
    rate: float = 0.01,
    clamp: float | None = None,
    noise: bool = True,
    seed: int = 0,
) -> Made:
    """Draw the weights of a generator, all of them far from where a training starts."""
    random = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def draw(name: str, *shape: int, around: float = 0.0) -> None:
        state[name] = around + torch.randn(shape, generator=random)

    def dense(name: str, outputs: int, inputs: int, rate: float, around: float = 0.0) -> None:
        draw(f"{name}.weight", outputs, inputs)
        draw(f"{name}.bias", outputs, around=around)
        for part in ("weight", "bias"):
            state[f"{name}.{part}"] /= rate

    if classes:
        dense("mapping.embed", w, classes, 1.0)
    for number in range(mapping):
        inputs = w if number else z + (w if classes else 0)
        dense(f"mapping.fc{number}", w, inputs, rate)
    draw("mapping.w_avg", w)
    draw("synthesis.b4.const", channels[0], 4, 4)
    before = channels[0]
    for number, width in enumerate(channels):
        side = 4 << number
        block = f"synthesis.b{side}"
        for layer, inputs in (("conv0", before), ("conv1", width))[number == 0 :]:
            dense(f"{block}.{layer}.affine", inputs, w, 1.0, around=1.0)
            draw(f"{block}.{layer}.weight", width, inputs, 3, 3)
            draw(f"{block}.{layer}.bias", width)
            if noise:
                draw(f"{block}.{layer}.noise_const", side, side)
                draw(f"{block}.{layer}.noise_strength")
            state[f"{block}.{layer}.resample_filter"] = FILTER.float()
        dense(f"{block}.torgb.affine", width, w, 1.0, around=1.0)
        draw(f"{block}.torgb.weight", image, width, 1, 1)
        draw(f"{block}.torgb.bias", image)
        state[f"{block}.resample_filter"] = FILTER.float()
        before = width
    return Made(state, channels, classes, rate, clamp)


def latents(made: Made, count: int = 4) -> tuple[Tensor, Tensor]:
    """Draw z and labels."""
    z = made.state["mapping.fc0.weight"].shape[1] - (
        made.state["mapping.embed.bias"].shape[0] if made.classes else 0
    )
    drawn = torch.randn(count, z, generator=torch.Generator().manual_seed(1))
    return drawn, torch.arange(count) % max(made.classes, 1)


def rosinalitys(made: Made) -> dict[str, Tensor]:
    """Return an unconditional generator under rosinality's names and shapes."""
    state: dict[str, Tensor] = {}
    number = 0
    while f"mapping.fc{number}.weight" in made.state:
        for part in ("weight", "bias"):
            state[f"style.{number + 1}.{part}"] = made.state[f"mapping.fc{number}.{part}"]
        number += 1
    state["input.input"] = made.state["synthesis.b4.const"][None]
    convolutions, outputs = ["conv1"], ["to_rgb1"]
    convolutions += [f"convs.{n}" for n in range(2 * len(made.channels) - 2)]
    outputs += [f"to_rgbs.{n}" for n in range(len(made.channels) - 1)]
    ours = ["b4.conv1"]
    ours += [f"b{8 << n}.conv{k}" for n in range(len(made.channels) - 1) for k in (0, 1)]
    for n, (name, layer) in enumerate(zip(convolutions, ours, strict=True)):
        old = f"synthesis.{layer}"
        state[f"{name}.conv.weight"] = made.state[f"{old}.weight"][None]
        for part in ("weight", "bias"):
            state[f"{name}.conv.modulation.{part}"] = made.state[f"{old}.affine.{part}"]
        state[f"{name}.noise.weight"] = made.state[f"{old}.noise_strength"][None]
        state[f"{name}.activate.bias"] = made.state[f"{old}.bias"]
        state[f"noises.noise_{n}"] = made.state[f"{old}.noise_const"][None, None]
        if layer.endswith("conv0"):
            state[f"{name}.conv.blur.kernel"] = 4 * FILTER.float()
    for n, name in enumerate(outputs):
        old = f"synthesis.b{4 << n}.torgb"
        state[f"{name}.conv.weight"] = made.state[f"{old}.weight"][None]
        for part in ("weight", "bias"):
            state[f"{name}.conv.modulation.{part}"] = made.state[f"{old}.affine.{part}"]
        state[f"{name}.bias"] = made.state[f"{old}.bias"][None, :, None, None]
        if n:
            state[f"{name}.upsample.kernel"] = 4 * FILTER.float()
    return state


class Persistent:
    """A module of NVIDIA's: pickled as a call with its source text, its class and its state."""

    def __init__(self, class_name: str, state: dict[str, Any]) -> None:
        self.class_name, self.state = class_name, state

    def __reduce__(self) -> Any:
        meta = {"type": "class", "version": 6, "module_src": "raise SystemExit('executed')\n"}
        meta |= {"class_name": self.class_name, "state": self.state}
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (meta,)


def modules(made: Made, **root: Any) -> Persistent:
    """Return a generator as NVIDIA's tree of modules.

    Args:
        made: the generator.
        root: attributes of the generator that differ.
    """
    tree: dict[str, Any] = {}
    for name, value in made.state.items():
        *path, last = name.split(".")
        here = tree
        for part in path:
            here = here.setdefault(part, {})
        here[last] = value
    mapping = made.state["mapping.fc0.weight"]
    z, _ = latents(made)
    own = {
        "z_dim": z.shape[1],
        "c_dim": made.classes,
        "w_dim": len(mapping),
        "img_resolution": 4 << (len(made.channels) - 1),
        "img_channels": len(made.state["synthesis.b4.torgb.bias"]),
        "num_ws": 2 * len(made.channels),
        "_init_kwargs": {"z_dim": -1, "synthesis_kwargs": {"channel_base": -1}},
    }
    return _module(made, "", tree, own | root)


def _module(made: Made, path: str, tree: dict[str, Any], more: dict[str, Any]) -> Persistent:
    parameters, buffers, children = OrderedDict(), OrderedDict(), OrderedDict()
    for name, value in tree.items():
        if isinstance(value, dict):
            child = f"{path}.{name}".removeprefix(".")
            children[name] = _module(made, child, value, attributes(made, child, value))
        elif name in ("noise_const", "resample_filter", "w_avg"):
            buffers[name] = value
        else:
            parameters[name] = torch.nn.Parameter(value)
    state = {
        "training": False,
        "_parameters": parameters,
        "_buffers": buffers,
        "_modules": children,
    }
    state |= {"_backward_hooks": OrderedDict(), "_non_persistent_buffers_set": set()}
    return Persistent(more.pop("class_name", "Generator"), state | more)


def attributes(made: Made, path: str, tree: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a module, as NVIDIA's classes set them."""
    last = path.rpartition(".")[2]
    if last == "embed" or last == "affine" or last.startswith("fc"):
        rate = made.rate if last.startswith("fc") else 1
        kind = {"class_name": "FullyConnectedLayer", "bias_gain": rate}
        kind["weight_gain"] = rate / np.sqrt(tree["weight"].shape[1])
        return kind | {"activation": "lrelu" if last.startswith("fc") else "linear"}
    if last in ("conv0", "conv1"):
        kind = {"class_name": "SynthesisLayer", "activation": "lrelu", "up": 1 + (last == "conv0")}
        return kind | {"conv_clamp": made.clamp, "use_noise": "noise_const" in tree}
    if last == "torgb":
        return {"class_name": "ToRGBLayer", "conv_clamp": made.clamp}
    if last.startswith("b"):
        kind = {"class_name": "SynthesisBlock", "architecture": "skip", "use_fp16": last != "b4"}
        return kind | {"resolution": int(last[1:])}
    return {"class_name": {"mapping": "MappingNetwork"}.get(last, "SynthesisNetwork")}


def pickled(root: Any) -> bytes:
    """Return a pickle of something with `Persistent` in it, as NVIDIA's programs write it."""
    package, module = types.ModuleType("torch_utils"), types.ModuleType("torch_utils.persistence")

    def _reconstruct_persistent_obj(meta: Any) -> Any:
        raise AssertionError("a file was executed")

    _reconstruct_persistent_obj.__module__ = module.__name__
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]
    names = {package.__name__: package, module.__name__: module}
    with contextlib.ExitStack() as stack:
        for name, value in names.items():
            sys.modules[name] = value
            stack.callback(sys.modules.pop, name)
        return pickle.dumps(root)


def saved(root: Any, **options: Any) -> bytes:
    """Return what torch.save writes."""
    stream = io.BytesIO()
    torch.save(root, stream, **options)
    return stream.getvalue()


def _normal(x: Tensor) -> Tensor:
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()


def _spread(x: Tensor) -> Tensor:
    """Put zeros behind every pixel and under every row."""
    out = x.new_zeros(*x.shape[:-2], 2 * x.shape[-2], 2 * x.shape[-1])
    out[..., ::2, ::2] = x
    return out


def _smooth(x: Tensor, before: int, after: int) -> Tensor:
    """Filter at gain 4, with zeros before and after rows and columns."""
    kernel = (4 * FILTER).to(x).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, after, before, after)), kernel, groups=x.shape[1])

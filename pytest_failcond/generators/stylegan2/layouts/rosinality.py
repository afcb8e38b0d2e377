"""The layout of rosinality's stylegan2-pytorch: never conditional, RGB, with fixed gains.

A checkpoint of its training has ``g_ema`` among other networks; one that its convert_weight.py made of a
TensorFlow file has the mean of w beside it, ``latent_avg``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_failcond.generators.stylegan2.layouts.layout import Found, Layout, Tensors

_PARTS = {
    "affine.weight": "conv.modulation.weight",
    "affine.bias": "conv.modulation.bias",
    "weight": "conv.weight",
    "noise_strength": "noise.weight",
}
_UNIT_AXES = {"weight": (0,), "noise_strength": (0,), "noise": (0, 1)}
_CLAIMS = {
    "size": "resolution",
    "latent": "w",
    "n_mlp": "layers of the mapping network",
}


def is_one(tensors: Tensors) -> bool:
    """Whether the tensors of a file are named in this way."""
    return "conv1.conv.modulation.weight" in tensors and "input.input" in tensors


def found_in(root: Mapping[Any, Any], tensors: Tensors, arguments: Mapping[str, Any]) -> Found:
    """Return the generator.

    Args:
        root: of the file.
        tensors: of the generator.
        arguments: of the training, if the file has them.
    """
    claims = {
        what: (f"args.{word}", arguments[word])
        for word, what in _CLAIMS.items()
        if word in arguments
    }
    mean = root.get("latent_avg")
    return Found(
        LAYOUT, tensors, mean=None if mean is None else ("latent_avg", mean), claims=claims
    )


def _place(name: str) -> str:
    if name == "constant":
        return "input.input"
    if name.startswith("mapping."):
        _, layer, part = f"{name}.".split(".")[:3]
        return f"style.{int(layer) + 1}.{part}" if layer.isdigit() else name
    block, kind, part = name.split(".", 2)
    number = int(block.removeprefix("b")).bit_length() - 3  # 0 at 4 px, 1 at 8 px
    if part == "noise":
        return f"noises.noise_{2 * number - (kind == 'conv0')}"
    if kind == "torgb":
        layer = f"to_rgbs.{number - 1}" if number else "to_rgb1"
        return f"{layer}.{_PARTS.get(part, part)}"
    layer = f"convs.{2 * number - 2 + (kind == 'conv1')}" if number else "conv1"
    return f"{layer}.{_PARTS.get(part, 'activate.bias')}"


def _unit_axes(name: str) -> tuple[int, ...]:
    if name == "constant":
        return (0,)
    if name.startswith("mapping."):
        return ()
    _, kind, part = name.split(".", 2)
    return (0, 2, 3) if (kind, part) == ("torgb", "bias") else _UNIT_AXES.get(part, ())


LAYOUT = Layout(
    title="a generator of rosinality's stylegan2-pytorch",
    place=_place,
    unit_axes=_unit_axes,
    filters=re.compile(r"\.(?:blur|upsample)\.kernel$"),
)

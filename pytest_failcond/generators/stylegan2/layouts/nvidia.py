"""The layout of NVIDIA's stylegan2-ada-pytorch and stylegan3 repositories, and of PyTorch-StudioGAN.

NVIDIA's pickles have whole modules: their tensors, and attributes that say how these are used.
PyTorch-StudioGAN's have the same tensors alone, under ``state_dict``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.layouts.layout import Found, Layout, Tensors
from pytest_failcond.storage.reading import shown

_MAPPING_RATE = 0.01  # learning-rate multiplier of our mapping layers; all other layers have 1
_CLOSE = 1e-6  # relative
_CLAIMS = {
    "img_resolution": "resolution",
    "img_channels": "image channels",
    "w_dim": "w",
    "z_dim": "z",
    "c_dim": "classes",
}
_ACTIVATIONS = {
    "lrelu": r"mapping\.fc\d+|synthesis\.b\d+\.conv[01]",
    "linear": r"mapping\.embed|.*\.affine",
}


@dataclass
class Modules:
    """A tree of modules, flat.

    Attributes:
        tensors: parameters and buffers, by their full names.
        attributes: plain values, by the module's full name; that of the root is empty.
        classes: the modules' classes, by their full names.
    """

    tensors: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)


def is_one(tensors: Tensors) -> bool:
    """Whether the tensors of a file are named in this way."""
    return "synthesis.b4.const" in tensors and "mapping.fc0.weight" in tensors


def found_in_state(tensors: Tensors) -> Found:
    """Return the generator that a file has as tensors alone."""
    return Found(STUDIOGAN, tensors, mean=_mean(tensors), tells_clamp=False)


def found_in_modules(modules: Modules) -> Found:
    """Return the generator that a file has as modules.

    Raises:
        FailcondError: an attribute asks for a computation that our network does not do.
    """
    own = modules.attributes.get("", {})
    _check_architecture(modules)
    _check_activations(modules)
    halves = [int(side) for side, used in _sides(modules, "use_fp16").items() if used]
    notes = [
        f"blocks from {side} px on, in half precision, run in float32"
        for side in sorted(halves)[:1]
    ]
    return Found(
        NVIDIA,
        modules.tensors,
        mean=_mean(modules.tensors),
        claims={what: (word, own[word]) for word, what in _CLAIMS.items() if word in own},
        gains=dict(_gains(modules)),
        clamp=_clamp(modules),
        notes=tuple(notes),
    )


def _mean(tensors: Tensors) -> tuple[str, Any] | None:
    values = tensors.get("mapping.w_avg")
    return None if values is None else ("mapping.w_avg", values)


def _sides(modules: Modules, attribute: str) -> dict[str, Any]:
    """Return an attribute of all blocks, by the block's side."""
    found = {}
    for name, values in modules.attributes.items():
        match = re.fullmatch(r"synthesis\.b(\d+)", name)
        if match and attribute in values:
            found[match[1]] = values[attribute]
    return found


def _check_architecture(modules: Modules) -> None:
    for side, architecture in _sides(modules, "architecture").items():
        if architecture != "skip":
            raise FailcondError(
                f"its block of {side} px has the architecture {shown(architecture)}, and only 'skip' is "
                "read"
            )


def _check_activations(modules: Modules) -> None:
    for expected, names in _ACTIVATIONS.items():
        for name, values in modules.attributes.items():
            if re.fullmatch(names, name) and values.get("activation", expected) != expected:
                raise FailcondError(
                    f"{name} has the activation {shown(values['activation'])}, and only {expected!r} is "
                    "read there"
                )


def _clamp(modules: Modules) -> float | None:
    """Return the clamp, one for all layers."""
    found = {
        name: values["conv_clamp"]
        for name, values in modules.attributes.items()
        if re.fullmatch(r"synthesis\.b\d+\.(?:conv[01]|torgb)", name) and "conv_clamp" in values
    }
    first = next(iter(found), "")
    for name, value in found.items():
        if value != found[first]:
            raise FailcondError(
                f"{first} has conv_clamp = {shown(found[first])}, but {name} has {shown(value)}: one for "
                "all layers is read"
            )
    clamp = found.get(first)
    if clamp is None:
        return None
    if not isinstance(clamp, int | float) or not 0 < clamp < math.inf:
        raise FailcondError(
            f"{first} has conv_clamp = {shown(clamp)}, where a number above 0 belongs"
        )
    return float(clamp)


def _gains(modules: Modules) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the multipliers by which weight and bias of fully connected layers differ from ours."""
    for name, values in modules.attributes.items():
        weight = modules.tensors.get(f"{name}.weight")
        if not {"weight_gain", "bias_gain"} <= values.keys() or weight is None or weight.ndim != 2:
            continue
        match = re.fullmatch(r"mapping\.fc(\d+)", name)
        ours = f"mapping.{match[1]}" if match else name.removeprefix("synthesis.")
        rate = _MAPPING_RATE if match else 1.0
        gains = [values["weight_gain"], values["bias_gain"]]
        for gain in gains:
            if not isinstance(gain, int | float | np.floating) or not math.isfinite(gain):
                raise FailcondError(f"{name} has the gain {shown(gain)}, where a number belongs")
        factors = gains[0] * math.sqrt(weight.shape[1]) / rate, gains[1] / rate
        yield ours, (_one(factors[0]), _one(factors[1]))


def _one(factor: float) -> float:
    return 1.0 if math.isclose(factor, 1.0, rel_tol=_CLOSE) else float(factor)


def _place(name: str) -> str:
    if name == "constant":
        return "synthesis.b4.const"
    if name == "mapping.mean":
        return "mapping.w_avg"
    if name.startswith("mapping."):
        return re.sub(r"^mapping\.(\d+)", r"mapping.fc\1", name)
    return re.sub(r"\.noise$", ".noise_const", f"synthesis.{name}")


def _no_axes(name: str) -> tuple[int, ...]:
    return ()


_FILTERS = re.compile(r"\.resample_filter$")
NVIDIA = Layout("a generator of NVIDIA's StyleGAN2 in PyTorch", _place, _no_axes, _FILTERS)
STUDIOGAN = Layout("a StyleGAN2 of PyTorch-StudioGAN", _place, _no_axes, _FILTERS)

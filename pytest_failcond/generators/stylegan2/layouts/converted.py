"""A foreign generator as ours: the same images, from the same z, class and constant noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.errors import FailcondError
from pytest_failcond.foreign.opened import read_foreign
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.layouts.layout import Floats, Found
from pytest_failcond.generators.stylegan2.layouts.recognised import find_generator
from pytest_failcond.generators.stylegan2.layouts.shapes import NOISE, read_sizes

_MEAN_OF = 10_000  # samples that the mean of w is taken over
_BATCH = 1_000


@dataclass(frozen=True)
class Converted:
    """A foreign generator, converted.

    Attributes:
        title: the kind of file that it was read from.
        config: its shape.
        weights: its tensors, by our names.
        noise: where its constant noise comes from, in words.
        mean: towards which truncation goes, in words.
        notes: what else a user should know, in sentences.
    """

    title: str
    config: GeneratorConfig
    weights: dict[str, Floats]
    noise: str
    mean: str
    notes: tuple[str, ...]


def read_generator(
    path: Path, classes: Sequence[str] | None = None, clamp: float | None = None
) -> Converted:
    """Read a generator that another program has written. No code of the file runs.

    Args:
        path: of the file.
        classes: the names of its classes, in its order; default "0", "1", ….
        clamp: of the layers' outputs, for a file that cannot tell.

    Raises:
        FailcondError: the file cannot be read, has no StyleGAN2 generator, or contradicts itself.
    """
    root = read_foreign(path).root
    try:
        return convert(find_generator(root), classes, clamp)
    except FailcondError as error:
        raise FailcondError(f"{path}: {error}") from error


def convert(found: Found, classes: Sequence[str] | None, clamp: float | None) -> Converted:
    """Convert a generator that was found in a file.

    Raises:
        FailcondError: its tensors do not make a generator, or an argument contradicts it.
    """
    sizes = read_sizes(found)
    found.check_filters()
    if clamp is not None and found.tells_clamp:
        states = "no clamp" if found.clamp is None else f"a clamp of {found.clamp:g}"
        raise FailcondError(f"it says itself that it has {states}; leave out --clamp")
    config = sizes.config(classes, found.clamp if found.tells_clamp else clamp)
    weights: dict[str, Floats] = {}
    for number in range(config.mapping_layers):
        _dense(found, f"mapping.{number}", f"mapping.layers.{number}", weights)
    weights["synthesis.constant"] = _floats(found, "constant")
    noise = _noise_kind(found, config)
    for number, (name, _) in enumerate(config.style_layers):
        layer = f"synthesis.layers.{number}"
        _dense(found, f"{name}.affine", f"{layer}.affine", weights)
        for part in ("weight", "bias"):
            weights[f"{layer}.{part}"] = _floats(found, f"{name}.{part}")
        if not name.endswith("torgb"):
            side = int(name.partition(".")[0].removeprefix("b"))
            strength, pixels = _noise(found, name, noise, side)
            weights |= {f"{layer}.noise_strength": strength, f"{layer}.noise": pixels}
    if config.classes:
        _dense(found, "mapping.embed", "mapping.embed", weights)
        mean = "the mean w of each class"
    elif found.mean is not None:
        mean = f"the mean w of the file, {found.mean[0]}"
        weights["mapping.mean"] = _given_mean(found, config)
    else:
        mean = f"a mean w of {_MEAN_OF:,} samples, taken here, because the file has none"
        weights["mapping.mean"] = mean_of_w(weights, config)
    notes = list(found.notes)
    if not found.tells_clamp and clamp is None:
        notes.append(
            "the file cannot tell whether the outputs of layers are clamped, and none are; after a "
            "training in mixed precision give --clamp 256"
        )
    if noise == _DRAWN:
        notes.append(
            "constant noise was drawn here: fine texture differs from that of other programs"
        )
    return Converted(found.layout.title, config, weights, noise, mean, tuple(notes))


_GIVEN = "constant noise of the file"
_DRAWN = "constant noise drawn here, keyed, because the file has none"
_NONE = "none: the generator has no noise inputs"


def _noise_kind(found: Found, config: GeneratorConfig) -> str:
    """Say where the noise comes from: the same for all layers."""
    layers = [name for name, _ in config.style_layers if not name.endswith("torgb")]
    has = {part: [found.has(f"{layer}.{part}") for layer in layers] for part in NOISE}
    if not any(has["noise_strength"]) and not any(has["noise"]):
        return _NONE
    if not any(has["noise"]):
        return _DRAWN
    return _GIVEN  # one that is missing in some layers is found missing when it is read


def _noise(found: Found, layer: str, kind: str, side: int) -> tuple[Floats, Floats]:
    """Return strength and constant noise of a layer."""
    if kind == _NONE:
        return np.zeros((), np.float32), np.zeros((side, side), np.float32)
    strength = _floats(found, f"{layer}.noise_strength")
    if kind == _GIVEN:
        return strength, _floats(found, f"{layer}.noise")
    drawn = KeyedRandom("noise", 0, layer, indices=np.arange(side)).normal(side)
    return strength, drawn.astype(np.float32)


def _dense(found: Found, name: str, ours: str, weights: dict[str, Floats]) -> None:
    """Take over a fully connected layer; its gains become part of its weights."""
    gains = found.gains.get(name, (1.0, 1.0))
    for part, gain in zip(("weight", "bias"), gains, strict=True):
        values = _floats(found, f"{name}.{part}")
        weights[f"{ours}.{part}"] = values if gain == 1 else (values * gain).astype(np.float32)


def _floats(found: Found, name: str) -> Floats:
    """Return a tensor by our name.

    Raises:
        FailcondError: it is missing, or a number in it is not finite.
    """
    values: Floats = np.ascontiguousarray(found.values(name), dtype=np.float32)
    if not np.isfinite(values).all():
        raise FailcondError(f"{found.layout.place(name)} is not finite: its training diverged")
    return values.reshape(found.values(name).shape)


def _given_mean(found: Found, config: GeneratorConfig) -> Floats:
    assert found.mean is not None
    name, given = found.mean
    values = np.asarray(given)
    if values.dtype.kind != "f" or values.size != config.w_dim or not np.isfinite(values).all():
        raise FailcondError(f"{name} is no mean of w: {config.w_dim} finite numbers belong there")
    return values.astype(np.float32).reshape(config.w_dim)


def mean_of_w(weights: dict[str, Floats], config: GeneratorConfig) -> Floats:
    """Return the mean of w over samples of an unconditional generator, ``[w_dim]``."""
    total = np.zeros(config.w_dim)
    for first in range(0, _MEAN_OF, _BATCH):
        numbers = np.arange(first, first + _BATCH)
        x = KeyedRandom("z", 0, "mean", indices=numbers).normal(config.z_dim).astype(np.float32)
        x /= np.sqrt(np.square(x).mean(axis=1, keepdims=True) + 1e-8)
        for layer in range(config.mapping_layers):
            weight = weights[f"mapping.layers.{layer}.weight"]
            scale = np.float32(0.01 / math.sqrt(weight.shape[1]))
            x = x @ (weight.T * scale) + np.float32(0.01) * weights[f"mapping.layers.{layer}.bias"]
            x = np.where(x > 0, x, np.float32(0.2) * x) * np.float32(math.sqrt(2))
        total += x.sum(axis=0, dtype=np.float64)
    return (total / _MEAN_OF).astype(np.float32)

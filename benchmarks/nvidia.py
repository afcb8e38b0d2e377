"""Synthesis and gradients against NVIDIA's own StyleGAN2, with the same random weights, in one run.

It needs a copy of NVIDIA's stylegan2-ada-pytorch or stylegan3 repository: ``--nvidia FOLDER``, or the
environment variable FAILCOND_NVIDIA. Their code is not part of this repository. Without a GPU it computes by
its reference operations. Both sides compute in float32, with constant noise, from the same w to an image;
gradients are those of the image's sum at w.
"""

from __future__ import annotations

import os
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from packaging.version import parse
from torch import Tensor

from benchmarks.large import CONFIG
from benchmarks.timing import seconds
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.layouts.converted import read_generator
from pytest_failcond.generators.stylegan2.network import Network

FOLDER = "FAILCOND_NVIDIA"
LARGEST = 1e-4  # difference of a pixel, of the largest value
SQUARE = 1024  # side of the matrices whose product is the limit

PAPER = replace(
    CONFIG,
    classes=tuple("0123456789"),
    resolution=32,
    image_size=(32, 32),
    image_channels=1,
    channels=(512,) * 4,
    mapping_layers=2,
)
"""The generator of the paper (arXiv 2410.12814): 5632 style dimensions."""


class Both(NamedTuple):
    """The two networks with the same weights."""

    theirs: Any
    ours: Network


def run() -> None:
    """Print seconds and ratios at 32 and at 256 px."""
    if not (name := os.environ.get(FOLDER)):
        print(f"not run: it needs NVIDIA's code; give --nvidia FOLDER, or set {FOLDER}")
        return
    make = _theirs(Path(name))
    limit = _limit()
    print(f"a product of matrices of {SQUARE} x {SQUARE}: {limit / 1e9:.0f} GFLOP/s")
    for title, config, batch in (
        ("32 px, 512 channels, as in the paper", PAPER, 8),
        ("256 px, full size", CONFIG, 4),
    ):
        torch.manual_seed(0)
        both = _both(make, config)
        print(f"{title}, {batch} images:")
        _compare(both, config, batch, limit)


def _theirs(folder: Path) -> Callable[..., Any]:
    """Return NVIDIA's class of generators.

    Raises:
        SystemExit: the folder has no copy of the code.
    """
    networks = ("networks", "networks_stylegan2")  # of the two repositories
    found = [name for name in networks if (folder / "training" / f"{name}.py").is_file()]
    if not found:
        raise SystemExit(
            f"{folder} has no training/{networks[0]}.py or training/{networks[1]}.py; name a copy of "
            "NVIDIA's stylegan2-ada-pytorch or stylegan3 repository"
        )
    sys.path.insert(0, str(folder))
    sys.modules.setdefault("requests", types.ModuleType("requests"))  # for downloads alone
    if find_spec("pkg_resources") is None:  # of older setuptools; one function is used
        sys.modules["pkg_resources"] = resources = types.ModuleType("pkg_resources")
        resources.parse_version = parse  # type: ignore[attr-defined]
    generator: Callable[..., Any] = import_module(f"training.{found[0]}").Generator
    if found[0] == networks[0]:
        return lambda synthesis, **others: generator(synthesis_kwargs=synthesis, **others)
    return lambda synthesis, **others: generator(**others, **synthesis)


def _both(make: Callable[..., Any], config: GeneratorConfig) -> Both:
    """Make NVIDIA's network with random weights, and ours by the way of `failcond convert`."""
    base, most = config.resolution * config.channels[-1], max(config.channels)
    theirs = make(
        {"channel_base": base, "channel_max": most, "num_fp16_res": 0, "conv_clamp": None},
        z_dim=config.z_dim,
        w_dim=config.w_dim,
        c_dim=len(config.classes),
        img_resolution=config.resolution,
        img_channels=config.image_channels,
        mapping_kwargs={"num_layers": config.mapping_layers},
    )
    theirs.eval().requires_grad_(False)
    for name, values in theirs.named_parameters():
        if name.endswith("noise_strength"):
            values.fill_(0.1)
    with tempfile.TemporaryDirectory(prefix="failcond-nvidia-") as folder:
        path = Path(folder) / "generator.pth"
        torch.save({"state_dict": theirs.state_dict()}, path)
        converted = read_generator(path, config.classes)
    assert converted.config == config, converted.config
    ours = Network(config)
    ours.load_state_dict({name: torch.tensor(v) for name, v in converted.weights.items()})
    return Both(theirs, ours.eval().requires_grad_(False))


def _compare(both: Both, config: GeneratorConfig, batch: int, limit: float) -> None:
    z = torch.randn(batch, config.z_dim)
    labels = torch.arange(batch) % len(config.classes)
    w = both.ours.mapping(z, labels)
    one_hot = torch.nn.functional.one_hot(labels, len(config.classes)).float()
    their_w = both.theirs.mapping(z, one_hot)[:, 0]
    copies = both.theirs.num_ws

    def theirs(w: Tensor) -> Tensor:
        layers = w[:, None].expand(-1, copies, -1)
        images: Tensor = both.theirs.synthesis(layers, noise_mode="const", force_fp32=True)
        return images

    def ours(w: Tensor) -> Tensor:
        images: Tensor = both.ours.synthesis(both.ours.synthesis.styles(w))
        return images

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what their code says of newer torch
        expected, made = theirs(their_w), ours(w)
        off = float((made - expected).abs().max() / expected.abs().max())
        if not off <= LARGEST:
            raise SystemExit(f"the pixels differ by {off:.1e} of the largest value")
        print(f"  pixels differ by {off:.1e} of the largest value")
        work = 2.0 * batch * sum(config.products)  # multiplications and additions
        for step, times in (
            ("synthesis", seconds(lambda: theirs(w), lambda: ours(w))),
            ("with gradients", seconds(lambda: _gradient(theirs, w), lambda: _gradient(ours, w))),
        ):
            line = f"  {step}: theirs {times[0]:.2f} s, ours {times[1]:.2f} s"
            line += f"; {times[0] / times[1]:.1f} x"
            if step == "synthesis":
                line += f"; {work / times[1] / limit:.2f} of the products' speed"
            print(line, flush=True)


def _gradient(synthesis: Callable[[Tensor], Tensor], w: Tensor) -> None:
    at = w.clone().requires_grad_()
    torch.autograd.grad(synthesis(at).sum(), at)


def _limit() -> float:
    """Return the speed of a matrix product, operations a second."""
    one, other = torch.randn(2, SQUARE, SQUARE).unbind()
    (spent,) = seconds(lambda: one @ other, rounds=10)
    return 2 * SQUARE**3 / spent

"""Generators, images and trainers that are small enough to test with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.generators.stylegan2.network import Network
from pytest_failcond.subjects.images import LabeledImages, png
from pytest_failcond.training.data import CorruptionMix, TrainingImages
from pytest_failcond.training.recipe import Recipe
from pytest_failcond.training.trainer import Trainer

NO_CORRUPTION = CorruptionMix(corruptions=())


def tiny_config(**changes: Any) -> GeneratorConfig:
    """Three classes, 8 px, gray, S = 6 + 6 + 6 + 5 + 5."""
    shape: dict[str, Any] = {
        "classes": ("circle", "square", "star"),
        "resolution": 8,
        "image_size": (8, 8),
        "image_channels": 1,
        "channels": (6, 5),
        "z_dim": 7,
        "w_dim": 4,
        "mapping_layers": 2,
    }
    return GeneratorConfig(**(shape | changes))


def tiny_generator(**changes: Any) -> Generator:
    """Random weights, with the noise strengths and biases that start at 0 in use, too."""
    config = tiny_config(**changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(config)
        for parameter in network.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return Generator(config, network)


def raw(generator: Generator, styles: Tensor) -> Tensor:
    """What the synthesis gives before it is clamped and cropped."""
    with torch.no_grad():
        return generator.network.synthesis(styles)


def stripes(
    count: int = 60, *, side: int = 8, channels: int = 1, classes: int = 3, seed: int = 0
) -> LabeledImages:
    """Noisy images whose brightest rows tell the class."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = random.integers(0, 90, (count, side, side, channels))
    rows = np.arange(side)[None, :] * classes // side == labels[:, None]
    images += rows[:, :, None, None] * 150
    return LabeledImages(images.astype(np.uint8), labels)


def tiny_trainer(
    config: GeneratorConfig | None = None,
    *,
    mix: CorruptionMix = NO_CORRUPTION,
    seed: int = 0,
    device: str = "cpu",
    **recipe: Any,
) -> Trainer:
    """Train on `stripes` in float32, eight at a time."""
    config = config or tiny_config()
    images = TrainingImages(stripes(), config.resolution, mix, seed)
    chosen = Recipe(**({"batch": 8, "bf16": False} | recipe))
    return Trainer(config, images, chosen, device=device)


def folder_of_stripes(place, count, names, seed=0):
    """Write a class-folder of stripes, the folders named by class index."""
    images = stripes(count, seed=seed)
    for number, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
        path = place / names[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(image))

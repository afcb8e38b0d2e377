"""The recipe of a training, as plain data, without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_failcond.errors import FailcondError


@dataclass(frozen=True)
class Recipe:
    """The recipe of a training; the defaults are those of the example's generator.

    Attributes:
        batch: images per step.
        learning_rate: Adam's, with β (0, 0.99), for both networks.
        warm_up: first images, from which only the discriminator learns, for a start from a trained
            generator.
        cooldown: further images, over which the learning rate falls to 0, along half a cosine; 0
            keeps it constant.
        r1_gamma, r1_every: weight of the R1 penalty, and the steps between two.
        class_weight: weight of the class head's losses.
        path_weight: weight of the path-length penalty; 0 leaves it out.
        ema_images, ema_ramp: half-life of the weight average, images, and the share of the images
            seen so far that bounds it.
        deviation_group: group of the minibatch standard deviation.
        adaptive_augmentation: see `pytest_failcond.training.augment`.
        bf16: compute convolutions in half precision: bfloat16, or float16 on a GPU without it; a CPU
            without it computes in float32.
        seed: keys all randomness.

    Raises:
        FailcondError: a number makes no sense.
    """

    batch: int = 64
    learning_rate: float = 0.0025
    warm_up: int = 0
    cooldown: int = 0
    r1_gamma: float = 0.01
    r1_every: int = 16
    class_weight: float = 1.0
    path_weight: float = 0.0
    ema_images: int = 100_000
    ema_ramp: float = 0.05
    deviation_group: int = 32
    adaptive_augmentation: bool = False
    bf16: bool = True
    seed: int = 0

    def rate(self, images: int) -> float:
        """Return the learning rate after so many images."""
        if not self.cooldown:
            return self.learning_rate
        done = min(max(images - self.warm_up, 0) / self.cooldown, 1.0)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))

    def __post_init__(self) -> None:
        for name in ("batch", "r1_every", "deviation_group"):
            if getattr(self, name) < 1:
                raise FailcondError(f"{name} {getattr(self, name)} must be 1 or more")
        for name in ("learning_rate", "ema_images", "ema_ramp"):
            if not getattr(self, name) > 0:
                raise FailcondError(f"{name} {getattr(self, name)} must be more than 0")
        for name in ("warm_up", "cooldown", "r1_gamma", "class_weight", "path_weight"):
            if not getattr(self, name) >= 0:
                raise FailcondError(f"{name} {getattr(self, name)} must be 0 or more")

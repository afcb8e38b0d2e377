"""Training of a generator on a device, in half precision and in float32: ``python -m benchmarks.training``.

The networks and the recipe are the example's, the images its 10,000 test digits, corrupted as in its training.
Images a second of each precision, the share of the time in which a batch was waited for, and the last losses.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import torch

from benchmarks.example import EXAMPLE
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.training.data import CorruptionMix, TrainingImages
from pytest_failcond.training.recipe import Recipe
from pytest_failcond.training.trainer import Trainer

_WARM_UP = 16  # steps, one with the R1 penalty among them


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each precision (10)")
    parser.add_argument("--batch", type=int, default=Recipe().batch)
    options = parser.parse_args()
    sys.path.insert(0, str(EXAMPLE))
    import digits

    images = TrainingImages(digits.load_test_images(), 32, CorruptionMix(), 0)
    classes = tuple("0123456789")
    config = GeneratorConfig(classes, 32, (28, 28), 1, (64, 64, 32, 16))
    for half in (True, False):
        recipe = Recipe(batch=options.batch, bf16=half)
        trainer = Trainer(config, images, recipe, device=options.device)
        _measure(trainer, options.seconds)
        trainer.close()


def _measure(trainer: Trainer, seconds: float) -> None:
    for _ in range(_WARM_UP):
        trainer.advance()
    waited, get = [0.0], trainer._loader.at

    def at(step: int) -> tuple[torch.Tensor, ...]:
        asked = time.perf_counter()
        batch = get(step)
        waited[0] += time.perf_counter() - asked
        return batch

    trainer._loader.at = at  # type: ignore[method-assign]
    first, start = trainer.images_seen, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        losses = trainer.advance()  # reads its losses, and so waits for the device
    speed = (trainer.images_seen - first) / spent
    said = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
    assert all(map(math.isfinite, losses.values()))
    print(
        f"{str(trainer._dtype).removeprefix('torch.')}: {speed:,.0f} images/s, "
        f"{waited[0] / spent:.1%} of the time for batches; after {trainer.images_seen:,} images: {said}",
        flush=True,
    )


if __name__ == "__main__":
    main()

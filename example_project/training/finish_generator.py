"""Finish the example's generator: go on from a first one, and average three states of the way.

A new discriminator learns alone for 64,000 images; then both learn, at a learning rate that falls along
half a cosine. The weights kept are the mean of the (moving-averaged) generators at 320, 384 and 448
thousand images: before the rate has fallen to nothing, because the images are sharpest there.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from training.images import load_training_images

from pytest_failcond import Generator
from pytest_failcond.training.data import CorruptionMix, TrainingImages
from pytest_failcond.training.recipe import Recipe
from pytest_failcond.training.trainer import Trainer

SEED = 1
WARM_UP, STATES = 64_000, (320_000, 384_000, 448_000)
RECIPE = Recipe(
    learning_rate=0.0015, warm_up=WARM_UP, cooldown=536_000, ema_images=30_000, seed=SEED
)
STATE_EVERY = 64_000  # images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path, help="the generator to go on from")
    parser.add_argument("output", type=Path, help="file to write")
    options = parser.parse_args()
    torch.set_num_threads(2)  # more threads, other last bits
    first = Generator.load(options.first)
    mix = CorruptionMix.from_json(first.training["mix"])
    images = TrainingImages(load_training_images(), first.config.resolution, mix, SEED)
    trainer = Trainer(first.config, images, RECIPE, first)
    state = options.output.with_name(options.output.name + ".training") / "state.safetensors"
    if state.exists():
        trainer.resume(state)

    def kept(seen: int) -> Path:
        return state.with_name(f"generator-{seen // 1000}k.safetensors")

    while trainer.images_seen < STATES[-1]:
        alone = trainer.images_seen < WARM_UP  # at the full rate
        trainer.recipe = replace(RECIPE, learning_rate=0.0025) if alone else RECIPE
        losses = trainer.advance()
        trainer.recipe = RECIPE
        if trainer.step % 200 == 0:
            print(f"{trainer.images_seen:,} of {STATES[-1]:,} images", losses, flush=True)
        if trainer.images_seen % STATE_EVERY == 0:
            trainer.generator().save(kept(trainer.images_seen))
            trainer.save(state)
    finished = trainer.generator()
    states = [Generator.load(kept(seen)).network.state_dict() for seen in STATES]
    finished.network.load_state_dict(
        {name: sum(other[name] for other in states) / len(states) for name in states[0]}
    )
    record = finished.training | {"averaged": list(STATES)}
    Generator(finished.config, finished.network, training=record).save(options.output)
    print(f"wrote {options.output}")


if __name__ == "__main__":
    main()

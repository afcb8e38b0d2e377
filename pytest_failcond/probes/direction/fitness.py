"""The fitness of a generator, measured: judges look at its images of a class, and at real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.generators.base import BATCH, Generator
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.direction.fit import Fitness, Likeness, reason
from pytest_failcond.probes.keys import FitnessKey
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.images import LabeledImages, to_float, to_uint8
from pytest_failcond.training.data import CorruptionMix
from pytest_failcond.training.fidelity import coverage, features_of, frechet_distance, spread

LEAST_DRAWN = 128
"""Generated images, however few start images are needed."""
MOST_REAL = 256
"""Real images of a class that the judges are shown."""
LEAST_REAL = 20
"""Real images without which two halves of them say nothing about features."""
_DIGITS = 4  # of a figure that is kept

Pixels = npt.NDArray[np.uint8]


def measure_fitness(laboratory: Laboratory, key: FitnessKey) -> Fitness:
    """Judge the generator's images of a class as they are judged for start images, beside real ones.

    Real images are corrupted like those of the generator's training, if its file says how: else a
    generator that was taught to show noise would be held against images without any.
    """
    settings, generator = laboratory.settings, laboratory.generator
    assert generator is not None
    options, index = settings.corner_cases, key.class_index
    drawn = _drawn(
        generator, index, max(options.samples, LEAST_DRAWN), settings.seed, options.truncation
    )
    real = _real(laboratory, generator, index)
    acceptance, among = laboratory.acceptance, len(generator.classes)
    found = compare(key, drawn, real, acceptance, among)
    name = generator.classes[index]
    why, remedy = reason(found, settings.fitness, name, acceptance.who)
    return replace(found, why=why, remedy=remedy)


def compare(
    key: FitnessKey, drawn: Pixels, real: Pixels, acceptance: Acceptance, among: int
) -> Fitness:
    """Hold generated images of a class, ``[N, H, W, C]``, against real ones, ``[M, H, W, C]``."""
    index = key.class_index

    def accepted(images: Pixels) -> int:
        seen = acceptance.accepts(to_float(images), index, among=among, batch=BATCH)
        return int(seen.sum())

    likeness = _likeness(drawn, real, acceptance, index)
    return Fitness(
        key=key,
        class_index=index,
        accepted=accepted(drawn),
        drawn=len(drawn),
        real_accepted=accepted(real),
        real=len(real),
        likeness=likeness[0],
        real_likeness=likeness[1],
    )


@ours()
def _drawn(
    generator: Generator, class_index: int, count: int, seed: int, truncation: float
) -> Pixels:
    """Draw the images that start images are drawn from."""
    labels = torch.full((count,), class_index)
    stream = f"measure/{class_index}"
    styles = generator.sample(labels, seed, stream=stream, truncation=truncation)
    images = generator.synthesize(styles)
    return to_uint8(images.numpy())


def _real(laboratory: Laboratory, generator: Generator, class_index: int) -> Pixels:
    """Return test images of a class, corrupted as in the generator's training."""
    test = laboratory.test_images
    order = laboratory.picture_order
    rows = order[test.labels[order] == class_index][:MOST_REAL]
    pixels: Pixels = test.images[rows]
    training: dict[str, Any] = getattr(generator, "training", {})
    if "mix" not in training:
        return pixels
    key = int(stream_key("fitness", laboratory.settings.seed)[0] >> np.uint64(1))
    mix = CorruptionMix.from_json(training["mix"])
    return mix.apply(pixels, laboratory.indices[rows], key)


def _likeness(
    drawn: Pixels, real: Pixels, acceptance: Acceptance, class_index: int
) -> tuple[Likeness, Likeness] | tuple[None, None]:
    """Return how generated images, and one part of the real ones, resemble the other part.

    Both have the same number of images, because a Fréchet distance depends on it.
    """
    count = min(len(real) // 2, len(drawn))
    if len(real) < LEAST_REAL:
        return None, None
    for judge in acceptance.judges:
        one, other, made = (
            features_of(judge, LabeledImages(some, np.full(len(some), class_index)))
            for some in (real[:count], real[count:], drawn[:count])
        )
        if one is None or other is None or made is None or not (unit := spread(other)):
            continue
        return _alike(made, other, unit), _alike(one, other, unit)
    return None, None


def _alike(made: npt.NDArray[np.float32], real: npt.NDArray[np.float32], unit: float) -> Likeness:
    return Likeness(
        distance=round(frechet_distance(made, real) / unit, _DIGITS),
        coverage=round(coverage(made, real), _DIGITS),
    )

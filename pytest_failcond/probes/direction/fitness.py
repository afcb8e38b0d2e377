"""The measurement of a generator's fitness: judges look at its images of a class, and at real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.errors import NO_GENERATOR, FailcondError, NotEvaluated
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.base import Bench
from pytest_failcond.probes.direction.fit import Fitness, Likeness, is_judged, reason
from pytest_failcond.probes.direction.outlook import Tell, clock
from pytest_failcond.probes.keys import FitnessKey
from pytest_failcond.process.batching import Batches, slices
from pytest_failcond.process.surroundings import ours
from pytest_failcond.storage.reading import Record, validate
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.images import LabeledImages, to_float, to_uint8
from pytest_failcond.training.data import CorruptionMix
from pytest_failcond.training.fidelity import coverage, features_of, frechet_distance, spread

LEAST_DRAWN = 128
"""The least number of generated images, even if fewer start images are needed."""
MOST_REAL = 256
"""The most real images of a class that the judges see."""
LEAST_REAL = 20
"""The least number of real images for a comparison of features between two halves."""
_DIGITS = 4  # decimals of a kept figure

_VERSION = 1  # of the measurement: kept figures of another version are not used

Pixels = npt.NDArray[np.uint8]


class _Alike(Record):
    distance: Annotated[float, Field(ge=0)]
    coverage: Annotated[float, Field(ge=0, le=1)]


class _Kept(Record):
    """Figures of a class in a generator's file."""

    key: str
    kind: str
    class_index: Annotated[int, Field(ge=0, alias="class")]
    accepted: Annotated[int, Field(ge=0)]
    drawn: Annotated[int, Field(ge=1)]
    real_accepted: Annotated[int, Field(ge=0)]
    real: Annotated[int, Field(ge=1)]
    likeness: _Alike | None
    real_likeness: _Alike | None
    why: str
    remedy: str


def measure_fitness(
    laboratory: Laboratory, key: FitnessKey, tell: Tell = lambda left: None
) -> Fitness:
    """Judge the generator's images of a class like start images, and real images of the class.

    Real images are corrupted like those of the generator's training, if its file describes it: a
    generator that learned from noisy images is compared with noisy images. ``tell`` takes the seconds
    left.
    """
    assert laboratory.generator is not None
    found = kept_figures(laboratory, key) or measure_figures(laboratory, key, tell)
    name, who = laboratory.generator.classes[key.class_index], laboratory.acceptance.who
    why, remedy = reason(found, laboratory.settings.fitness, name, who)
    return replace(found, why=why, remedy=remedy)


def check_fitness(class_index: int, bench: Bench) -> None:
    """Check that the generator shows a class well enough, if there are a judge and real images.

    Raises:
        NotEvaluated: it does not.
    """
    generator_for(class_index, bench.laboratory)
    if why := unfit_sentence(bench.laboratory, class_index, bench.measure):
        raise NotEvaluated(why)


def generator_for(class_index: int, laboratory: Laboratory) -> Generator:
    """Return the generator, if it has the class.

    Raises:
        FailcondError: there is none, or it has fewer classes.
    """
    generator = laboratory.generator
    if generator is None:
        raise FailcondError(NO_GENERATOR)
    if class_index >= len(generator.classes):
        raise FailcondError(
            f"class {class_index} is not one of the generator's {len(generator.classes)} classes"
        )
    return generator


def unfit_sentence(
    laboratory: Laboratory,
    class_index: int,
    measure: Callable[[FitnessKey], Fitness] | None = None,
) -> str:
    """Return why a class is not fit, and the remedy; empty if it is, or if fitness is not judged.

    ``measure`` returns a class's fitness, if it is kept; default it is measured here.
    """
    if not is_judged(laboratory, class_index):
        return ""
    key = FitnessKey(class_index)
    found = measure_fitness(laboratory, key) if measure is None else measure(key)
    return "" if found.fit else found.sentence


def measure_figures(
    laboratory: Laboratory, key: FitnessKey, tell: Tell = lambda left: None
) -> Fitness:
    """Return the figures of a class, not yet compared with the limits."""
    generator, acceptance = laboratory.generator, laboratory.acceptance
    assert generator is not None
    index, among = key.class_index, len(generator.classes)
    count = max(laboratory.settings.corner_cases.samples, LEAST_DRAWN)
    real = _real(laboratory, generator, index)
    started = clock()
    real_accepted = _accepted(real, acceptance, index, among)
    look = (clock() - started) / len(real)
    looks = count + 3 * min(len(real) // 2, count)  # for acceptance, and for features of three sets
    drawn = _drawn(laboratory, index, count, lambda left: tell(left + look * looks))
    likeness = _likeness(drawn, real, acceptance, index)
    return Fitness(
        key=key,
        class_index=index,
        accepted=_accepted(drawn, acceptance, index, among),
        drawn=len(drawn),
        real_accepted=real_accepted,
        real=len(real),
        likeness=likeness[0],
        real_likeness=likeness[1],
    )


def _accepted(images: Pixels, acceptance: Acceptance, class_index: int, among: int) -> int:
    """Return how many images, uint8 ``[N, H, W, C]``, are accepted as a class."""
    batch = Batches.of(*images.shape[1:3]).images
    seen = acceptance.accepts(to_float(images), class_index, among=among, batch=batch)
    return int(seen.sum())


@ours()
def _drawn(laboratory: Laboratory, class_index: int, count: int, tell: Tell) -> Pixels:
    """Draw images from the stream of the start images; ``tell`` takes the seconds left for them."""
    generator, settings = laboratory.generator, laboratory.settings
    assert generator is not None
    styles = generator.sample(
        torch.full((count,), class_index),
        settings.seed,
        stream=f"measure/{class_index}",
        truncation=settings.corner_cases.truncation,
    )
    parts: list[Pixels] = []
    started = clock()
    for part in slices(count, batches_of(generator).images):
        parts.append(to_uint8(generator.synthesize(styles[part]).numpy()))
        tell((clock() - started) / part.stop * (count - part.stop))
    return np.concatenate(parts)


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
    """Return the likeness of generated images, and of one half of the real ones, to the other half.

    Both sets have the same number of images, because a Fréchet distance depends on it.
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


def figures_to_keep(laboratory: Laboratory) -> dict[str, Any] | None:
    """Return the figures of all classes for the generator's file; None if they could not be recognised later."""
    of = _identity(laboratory)
    if of is None or laboratory.generator is None:
        return None
    keys = [FitnessKey(index) for index in range(len(laboratory.generator.classes))]
    judged = [key for key in keys if is_judged(laboratory, key.class_index)]
    return {
        "of": of,
        "classes": {key: measure_figures(laboratory, key).to_json() for key in judged},
    }


def kept_figures(laboratory: Laboratory, key: FitnessKey) -> Fitness | None:
    """Return the generator's file's figures for the same weights, judges, images and settings, if it has them.

    Raises:
        FailcondError: the figures are damaged.
    """
    kept = getattr(laboratory.generator, "training", {}).get("fitness")
    if not isinstance(kept, dict) or kept.get("of") != _identity(laboratory):
        return None
    try:
        found = Fitness.from_json(validate(_Kept, kept["classes"][key]).model_dump(by_alias=True))
        if found.key != key:
            raise ValueError(f"expected figures of {key}, got {found.key}")
    except (KeyError, TypeError, ValueError) as error:
        raise FailcondError(
            f"generator: the figures of {key} in its file are damaged ({error}); save it again with "
            "`failcond train`"
        ) from error
    return found


def _identity(laboratory: Laboratory) -> dict[str, Any] | None:
    """Return everything that figures depend on; None if a judge or the generator has no hash."""
    weights = getattr(laboratory.generator, "weights", None)
    judges = [judge.hash for judge in laboratory.acceptance.judges]
    if weights is None or laboratory.images is None or None in judges or not judges:
        return None
    options, settings = laboratory.settings.corner_cases, laboratory.settings
    return {
        "version": _VERSION,
        "weights": weights,
        "judges": judges,
        "images": laboratory.images.hash,
        "max_images": settings.max_images,
        "least_p": laboratory.acceptance.least_p,
        "samples": max(options.samples, LEAST_DRAWN),
        "truncation": options.truncation,
        "seed": settings.seed,
        "mix": getattr(laboratory.generator, "training", {}).get("mix"),
    }

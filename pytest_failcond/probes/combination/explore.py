"""The combinations of a class that the explorer shows beside its directions."""

from __future__ import annotations

import numpy as np
import torch

from pytest_failcond.generators.base import batches_of
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.moving import moved_images
from pytest_failcond.probes.base import Bench
from pytest_failcond.probes.combination import configured_keys
from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.combination.starting import starts_in
from pytest_failcond.probes.direction.exploration import ExploredCases, opinion_of
from pytest_failcond.probes.direction.fitness import generator_for
from pytest_failcond.probes.moved import Moved
from pytest_failcond.subjects.images import as_8_bits, to_uint8


def explore(class_index: int, bench: Bench, count: int) -> list[ExploredCases]:
    """Return ``count`` combinations of each configured search of a class, one of each look first.

    Raises:
        NotEvaluated: the generator is not fit to show the class.
        FailcondError: the class cannot be searched.
    """
    laboratory = bench.laboratory
    keys = configured_keys(laboratory.settings, laboratory.class_names or ())
    found = [bench.measure(key) for key in keys if key.class_index == class_index]
    return [_cases(one, laboratory, count) for one in found if len(one.cases)]


def _cases(found: Combined, laboratory: Laboratory, count: int) -> ExploredCases:
    """Picture start images, unmoved and moved, and ask the models about both."""
    generator = generator_for(found.class_index, laboratory)
    rows = found.cases[:count]
    combined = [found.moved_of(row) for row in rows]
    ways = [way for one in combined for way in (Moved(one.class_index, one.sample), one)]
    styles = starts_in(laboratory, found.class_index).styles[torch.from_numpy(rows.repeat(2))]
    images, batch = moved_images(generator, styles, ways), batches_of(generator).images
    images = torch.from_numpy(as_8_bits(images))
    p = laboratory.classifier.probabilities(images, batch=batch)
    judgement = laboratory.acceptance.see(images, among=p.shape[1], batch=batch)
    strictest = judgement.strictest(found.class_index)
    pixels, shape = to_uint8(images.numpy()), (len(rows), 2)
    names = {
        key.dimension: generator.style_space.name(key.dimension)
        for w in ways
        for key in w.directions
    }
    return ExploredCases(
        search=found.key,
        toward=found.toward,
        moved=combined,
        names=names,
        images=pixels.reshape(*shape, *pixels.shape[1:]),
        classifier=opinion_of(p, found.class_index, shape),
        judge=None if strictest is None else opinion_of(strictest, found.class_index, shape),
        accepted=np.asarray(judgement.accepted(found.class_index)).reshape(shape),
    )

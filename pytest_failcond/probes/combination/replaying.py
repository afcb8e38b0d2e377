"""Combinations that broke another version of the classifier, tried on this one."""

from __future__ import annotations

import numpy as np

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import batches_of
from pytest_failcond.probes.base import Bench
from pytest_failcond.probes.combination.finding import combined_images
from pytest_failcond.probes.combination.record import Combined, is_broken
from pytest_failcond.probes.combination.starting import starts_in
from pytest_failcond.probes.keys import CombinationKey


def replay(key: CombinationKey, then: Combined, bench: Bench) -> dict[str, int]:
    """Make the combinations of then again, and count those that break the classifier too.

    Empty if their start images are not those of now, so that they are not compared.

    Raises:
        FailcondError: the generator has no such dimension.
    """
    laboratory = bench.laboratory
    generator, starts = laboratory.generator, starts_in(laboratory, key.class_index)
    assert generator is not None
    if starts.samples.tolist() != then.samples:
        return {}
    if max(then.dimensions) >= generator.style_space.size:
        raise FailcondError(
            f"{key}: the baseline moves dimension {max(then.dimensions)}, and the generator has "
            f"{generator.style_space.size}; keep a new baseline"
        )
    rows = np.sort(then.cases)
    if not len(rows):
        return {"replayed": 0, "still": 0}
    images = combined_images(
        generator, starts, np.array(then.dimensions), rows, then.all_shifts[rows]
    )
    batch = batches_of(generator).images
    predicted = laboratory.classifier.probabilities(images, batch=batch).argmax(axis=1)
    broken = is_broken(predicted, key.class_index, key.toward)
    return {"replayed": len(rows), "still": int(broken.sum())}

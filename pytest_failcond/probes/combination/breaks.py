"""The combinations of a kept run, for a review: made again, and looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.moving import Break, Breaks, moved_images
from pytest_failcond.probes.combination.record import Combined, combined_in, is_broken
from pytest_failcond.probes.combination.starting import starts_in
from pytest_failcond.probes.direction.fitness import generator_for
from pytest_failcond.probes.keys import Key
from pytest_failcond.subjects.images import as_8_bits


def breaks(class_index: int, records: Mapping[Key, Any], laboratory: Laboratory) -> Breaks:
    """Return the combinations of a class that break the classifier: accepted ones, and rejected ones.

    They are of one level of acceptance, since a search at another level finds others.

    Raises:
        FailcondError: there is no generator, or its start images are not those of the run.
    """
    searches = combined_in(records).values()
    of_class = [found for found in searches if found.class_index == class_index]
    together = Breaks()
    for found in of_class:
        together.add(_breaks(found, laboratory))
    return together


def _breaks(found: Combined, laboratory: Laboratory) -> Breaks:
    generator = generator_for(found.class_index, laboratory)
    starts = starts_in(laboratory, found.class_index)
    if starts.samples.tolist() != found.samples:
        raise FailcondError(
            f"{found.key}: the run has other start images than these settings give; make a new run"
        )
    rows = np.sort(np.concatenate([found.cases, found.rejected_cases]))
    if not len(rows):
        return Breaks()
    moved = [found.moved_of(row) for row in rows]
    styles = starts.styles[torch.from_numpy(rows)]
    images = as_8_bits(moved_images(generator, styles, moved))
    p = laboratory.classifier.probabilities(images)
    judgement = laboratory.acceptance.see(images, among=p.shape[1])
    broken = is_broken(p.argmax(axis=1), found.class_index, found.toward)
    accepted, rejected = judgement.accepted(found.class_index), found.is_rejected[rows]
    judged = laboratory.acceptance.judged
    levels = judgement.level(found.class_index) if judged else None
    parts = (
        [
            Break(moved[i], styles[i], found.key, None if levels is None else float(levels[i]))
            for i in np.flatnonzero(some)
        ]
        for some in (broken & accepted & ~rejected, broken & ~accepted & rejected)
    )
    return Breaks(breaks=next(parts), rejected=next(parts))

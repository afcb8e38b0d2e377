"""The breaks along the directions of a kept run, for a review: walked again, at the loosest level of acceptance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.moving import Break, Breaks
from pytest_failcond.probes.direction.fitness import generator_for
from pytest_failcond.probes.direction.starts import Starts, starts_of
from pytest_failcond.probes.direction.walking import Walk, walk
from pytest_failcond.probes.keys import DirectionKey, Key
from pytest_failcond.probes.moved import Moved
from pytest_failcond.process.surroundings import ours


@ours()
def breaks(class_index: int, records: Iterable[Key], laboratory: Laboratory) -> Breaks:
    """Walk the directions of a class again, at the loosest level, so that a deck serves every level.

    Raises:
        FailcondError: there is no generator, or too few start images are accepted.
    """
    directions = [key for key in records if isinstance(key, DirectionKey)]
    keys = [key for key in directions if key.class_index == class_index]
    if not keys:
        return Breaks()
    generator, loosest = generator_for(class_index, laboratory), laboratory.acceptance.loosest
    starts = starts_of(generator, loosest, class_index, laboratory.settings)
    max_shift = laboratory.settings.corner_cases.max_shift
    walks = walk(generator, laboratory.classifier, keys, starts, judge=loosest, max_shift=max_shift)
    found = [one for walked in walks for one in _breaks(walked, starts)]
    # A start image that the classifier has wrong unmoved is the same image on all of its ways.
    unmoved = {one.moved.sample: one for one in found if one.moved.distance == 0}
    moved = [one for one in found if one.moved.distance > 0]
    ways = [_along(key, starts, row) for key in keys for row in range(len(starts))]
    return Breaks([*unmoved.values(), *moved], ways)


def _breaks(walked: Walk, starts: Starts) -> Iterator[Break]:
    """Yield the breaks of a walk that lie within its valid range."""
    end = walked.shifts[-1] if walked.valid_range is None else walked.valid_range
    for row in np.flatnonzero(walked.breaks <= end):  # NaN: did not break
        level = float(walked.levels[row]) if walked.judged else None
        yield _along(walked.direction, starts, int(row), float(walked.breaks[row]), level)


def _along(
    key: DirectionKey, starts: Starts, row: int, shift: float = 0.0, level: float | None = None
) -> Break:
    moved = Moved(key.class_index, int(starts.samples[row]), (key,), (shift,))
    return Break(moved, starts.styles[row], level=level)

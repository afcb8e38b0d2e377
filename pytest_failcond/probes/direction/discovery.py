"""Discovery: corner cases worth keeping as images, from the walks along a class's directions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_failcond.laboratory.moving import Break, past_the_break
from pytest_failcond.probes.base import Bench
from pytest_failcond.probes.direction.fitness import generator_for
from pytest_failcond.probes.direction.record import ClassRanking, Direction
from pytest_failcond.probes.direction.starts import Starts, starts_of
from pytest_failcond.probes.keys import RankingKey
from pytest_failcond.probes.moved import Moved
from pytest_failcond.records.found import Discovery, Wanted


def keep(class_index: int, bench: Bench, wanted: Wanted) -> Discovery:
    """Find corner cases of a class: ``per_direction`` typical ones along each of its directions.

    Each is moved 0.5 σ past its break and rounded to uint8. Those very pixels are shown to classifier
    and judges again, and kept if the classifier is wrong and they are accepted.

    Raises:
        NotEvaluated: the generator is not fit to show the class.
        FailcondError: no dimension can be ranked, or the judge accepts too few images.
    """
    ranking: ClassRanking = bench.measure(RankingKey(class_index))
    laboratory, found = bench.laboratory, Discovery()
    generator = generator_for(class_index, laboratory)
    starts = starts_of(generator, laboratory.acceptance, class_index, laboratory.settings)
    for key in ranking.directions:
        breaks = _typical(bench.measure(key), starts, wanted.per_direction)
        found.take(past_the_break(laboratory, breaks), wanted.per_direction)
    return found


def _typical(direction: Direction, starts: Starts, count: int) -> list[Break]:
    key = direction.key
    breaks = np.array([np.nan if b is None else b for b in direction.breaks])
    rows = typical_rows(breaks, direction.valid_range, count)
    moved = [
        Moved(key.class_index, int(starts.samples[row]), (key,), (float(breaks[row]),))
        for row in rows
    ]
    return [
        Break(one, starts.styles[row], name=f"{key.dimension}-{key.way}")
        for row, one in zip(rows, moved, strict=True)
    ]


def typical_rows(
    breaks: npt.NDArray[np.float64], valid_range: float | None, count: int
) -> npt.NDArray[np.int64]:
    """Return the start images whose breaks are nearest the median of those within the valid range.

    Images that are wrong before they are moved do not count as breaks of this direction.

    Args:
        breaks: the shift at which each start image breaks, σ, ``[N]``; NaN: it does not.
        valid_range: σ; None: not judged.
        count: as many are wanted.
    """
    end = np.inf if valid_range is None else valid_range
    moved = np.flatnonzero((breaks > 0) & (breaks <= end))
    order = moved[np.argsort(breaks[moved], kind="stable")]
    distance = np.abs(np.arange(len(order)) - len(order) // 2)
    return order[np.argsort(distance, kind="stable")[:count]]

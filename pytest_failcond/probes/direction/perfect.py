"""The best possible result along a direction. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_failcond.probes.direction.record import ClassRanking, Curve, Direction, Frames
from pytest_failcond.probes.keys import DirectionKey, Key, RankingKey
from pytest_failcond.probes.metric import STEP
from pytest_failcond.storage.packing import pack_bits

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.probes.base import Labels


def unbroken(
    key: Key, settings: Settings, labels: Labels, samples: int
) -> Direction | ClassRanking:
    """Return a direction along which no start image breaks and all are accepted, or a ranking of all right."""
    if isinstance(key, RankingKey):
        right = pack_bits(np.ones(samples, dtype=bool))
        return ClassRanking(key, key.class_index, samples, [], [], [], [], samples, right)
    end = settings.corner_cases.max_shift
    shift = (STEP * np.arange(round(end / STEP) + 1)).tolist()
    all_of_them, none = [samples] * len(shift), [0] * len(shift)
    return Direction(
        key=DirectionKey(0, 0, 1),  # one direction is enough
        class_index=0,
        rank=1,
        dimension=0,
        layer="",
        channel=0,
        sign=1,
        score=0.0,
        std=1.0,
        breaking_shift=None,
        valid_range=end,
        total=samples,
        curve=Curve(shift, all_of_them, none, none, all_of_them, [1.0] * len(shift)),
        breaks=[None] * samples,
        strip=Frames("", 0, False, [], [], [], None),
    )

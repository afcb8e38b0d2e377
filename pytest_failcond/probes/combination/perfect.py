"""The best possible result of a search for combinations. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_failcond.probes.combination.record import Combined, packed
from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.storage.packing import pack_bits

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.probes.base import Labels


def unbroken(key: CombinationKey, settings: Settings, labels: Labels, samples: int) -> Combined:
    """Return a search that finds no combination."""
    search = settings.combinations
    assert search is not None
    moved, shifts = packed(np.zeros((samples, 1), dtype=np.float32))
    return Combined(
        key=key,
        class_index=key.class_index,
        toward=key.toward,
        max_distance=search.max_distance,
        samples=list(range(samples)),
        dimensions=[0],
        names=[""],
        std=[1.0],
        moved=moved,
        shifts=shifts,
        distances=[None] * samples,
        predicted=[key.class_index] * samples,
        rejected=pack_bits(np.zeros(samples, dtype=bool)),
        levels=[None] * samples,
        guided_by_acceptors=False,
        guides=[],
        judged=True,
        way="gradient",
    )

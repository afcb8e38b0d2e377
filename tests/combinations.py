"""Planted searches for combined corner cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_failcond.probes.combination.record import Combined, Pictured, packed
from pytest_failcond.probes.direction.record import AttributeChange
from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.storage.packing import pack_bits

WIDTH = 6  # dimensions


def combined(
    key: CombinationKey, distances: Sequence[float | None], *, changes: Any = None, **fields: Any
) -> Combined:
    """A search that found a combination at each distance, of two dimensions or three; None: none.

    Every fifth start image without one was rejected, at 5 σ; cases go into three groups, in turns.
    """
    found = np.array([0.0 if d is None else d for d in distances])
    random = np.random.default_rng(len(found))
    rejected = np.array([d is None and i % 5 == 0 for i, d in enumerate(distances)])
    ways = random.normal(size=(len(found), WIDTH))
    ways *= np.arange(WIDTH) < 2 + np.arange(len(found))[:, None] % 2
    shifts = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    shifts *= np.where(rejected, 5.0, found)[:, None]
    moved, kept = packed(shifts.astype(np.float32))
    rows = np.flatnonzero(found > 0)
    groups = [part.tolist() for part in (rows[i::3] for i in range(3)) if len(part)]
    wrong = (key.class_index + 1) % 3 if key.toward is None else key.toward
    values: dict[str, Any] = {
        "key": key,
        "class_index": key.class_index,
        "toward": key.toward,
        "max_distance": 12.0,
        "samples": [3 * i for i in range(len(found))],
        "dimensions": [322 + i for i in range(WIDTH)],
        "names": [f"b16.conv0[{i}]" for i in range(WIDTH)],
        "std": [0.3] * WIDTH,
        "moved": moved,
        "shifts": kept,
        "distances": [None if d is None else round(float(d), 4) for d in distances],
        "predicted": [key.class_index if d is None else wrong for d in distances],
        "rejected": pack_bits(rejected),
        "levels": [None if d is None else 0.9 for d in distances],
        "guided_by_acceptors": False,
        "guides": ["model:3"],
        "judged": True,
        "way": "gradient",
        "attributes": [
            AttributeChange(name, change, change - 0.1, change + 0.1)
            for name, change in (changes or {"contrast": -1.2, "stroke width": -0.7}).items()
        ],
        "groups": groups,
        "pictured": Pictured(
            f"{key.replace(':', '-')}.png", [part[0] for part in groups],
            [[0.99, 0.2] for _ in groups], [{"contrast": -1.1} for _ in groups],
        ) if groups else None,
    }  # fmt: skip
    return Combined(**values | fields)


def anywhere(key: CombinationKey, count: int, seed: int) -> Combined:
    """A search from ``count`` start images: some wrong unmoved, some not broken, at random distances."""
    random = np.random.default_rng(
        [seed, key.class_index, 99 if key.toward is None else key.toward]
    )
    at = random.uniform(0, 12, count) * (random.random(count) > 0.1)
    return combined(key, [None if random.random() < 0.3 else round(float(d), 4) for d in at])

"""The test images under a corruption, classified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pytest_failcond.laboratory.measure import Change, Laboratory, Pixels
from pytest_failcond.probes.base import Bench, Record
from pytest_failcond.probes.corruption.corrupting import Corruptions
from pytest_failcond.probes.keys import CleanKey, CorruptionKey, Key
from pytest_failcond.records.examples import Lost, SavePicture, examples_of
from pytest_failcond.records.measurements import Examples, Measurement
from pytest_failcond.subjects.images import side_by_side


def measure(key: CorruptionKey, bench: Bench) -> Iterator[tuple[Key, Record]]:
    """Measure a cell, and picture some of its lost images."""
    clean = bench.measure(CleanKey())
    yield key, measure_corruption(bench.laboratory, key, clean=clean, save=bench.save_example)


def measure_corruption(
    laboratory: Laboratory,
    key: CorruptionKey,
    *,
    clean: Measurement | None = None,
    save: SavePicture | None = None,
) -> Measurement:
    """Classify the test images under one corruption.

    Args:
        laboratory: the subjects.
        key: the corruption and its severity.
        clean: of the same images; with it, some that are lost under the corruption are pictured.
        save: keeps their pictures.

    Raises:
        FailcondError: the corruption is not configured, or raised.
    """
    lost = None if clean is None or save is None else Lost(clean, laboratory.picture_order)
    measured = laboratory.classify(key, _corrupted(laboratory, key), lost=lost)
    if lost is not None and save is not None and lost.rows:
        examples = _lost_examples(laboratory, lost, measured, save)
        measured = replace(measured, examples=examples)
    counts: list[int] = []
    for offset in range(1, laboratory.settings.seeds):
        again = laboratory.classify(key, _corrupted(laboratory, key, offset), judged=False)
        if again.pixels == measured.pixels:
            break  # nothing is drawn
        counts.append(again.correct)
    return replace(measured, by_seed=tuple(counts))


def corruptions(laboratory: Laboratory) -> Corruptions:
    """Make the configured corruptions."""
    return Corruptions(laboratory.settings)


def images(
    key: CorruptionKey, laboratory: Laboratory, pixels: Pixels, indices: npt.NDArray[np.int64]
) -> Pixels:
    """Make the images of a cell again."""
    return _corrupted(laboratory, key)(pixels, indices)


def _corrupted(laboratory: Laboratory, key: CorruptionKey, seed_offset: int = 0) -> Change:
    apply = laboratory.once(corruptions).apply

    def change(pixels: Pixels, indices: npt.NDArray[np.int64]) -> Pixels:
        return apply(key.corruption, pixels, key.severity, indices, seed_offset)

    return change


def _lost_examples(
    laboratory: Laboratory, lost: Lost, measured: Measurement, save: SavePicture
) -> Examples:
    """Picture images clean above corrupted."""
    rows = np.array(lost.rows)
    above = side_by_side(laboratory.test_images.images[rows])
    file = save(measured.key, np.concatenate([above, side_by_side(np.stack(lost.pixels))]))
    return examples_of(rows, laboratory.indices, lost.clean, measured, file)

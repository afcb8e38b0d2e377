"""The search from the start images of a class, as a record with pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch import Tensor

from pytest_failcond.config.combination_settings import CombinationSettings
from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.base import Bench, Record
from pytest_failcond.probes.combination.finding import (
    Combinations,
    combined_images,
    find_combinations,
)
from pytest_failcond.probes.combination.grouping import group
from pytest_failcond.probes.combination.keys import unit
from pytest_failcond.probes.combination.record import Combined, Pictured, packed
from pytest_failcond.probes.combination.starting import starts_in
from pytest_failcond.probes.direction.attributes import (
    Variation,
    changes,
    channels_last,
    measure_attributes,
    variation_in,
)
from pytest_failcond.probes.direction.fitness import check_fitness, generator_for
from pytest_failcond.probes.direction.ranking import Ranking
from pytest_failcond.probes.direction.record import STANDS_OUT, ClassRanking
from pytest_failcond.probes.keys import CombinationKey, Key
from pytest_failcond.records.examples import SavePicture
from pytest_failcond.storage.packing import pack_bits
from pytest_failcond.subjects.images import to_uint8

_GROUPS, _GROUPS_OF_PAIR = 10, 4  # by looks, at most; a case of each is pictured
_CHANGES = 3  # named of a case
Ints = npt.NDArray[np.int64]


def measure(key: CombinationKey, bench: Bench) -> Iterator[tuple[Key, Record]]:
    """Search from the start images of a class.

    Raises:
        NotEvaluated: the generator is not fit to show the class.
        FailcondError: the search is not configured, or the class cannot be searched.
    """
    laboratory = bench.laboratory
    generator = generator_for(key.class_index, laboratory)
    search = _configured(key, laboratory, generator)
    check_fitness(key.class_index, bench)
    ranking: ClassRanking = bench.measure(unit(key))
    found = find_combinations(
        generator,
        laboratory.classifier,
        key.class_index,
        dimensions=search.dimensions,
        samples=search.samples,
        max_distance=search.max_distance,
        toward=key.toward,
        judge=laboratory.acceptance,
        guides=laboratory.guides,
        seed=laboratory.settings.seed,
        truncation=laboratory.settings.corner_cases.truncation,
        tell=bench.expect,
        ranking=_ranking(ranking),
        starts=starts_in(laboratory, key.class_index),
    )
    yield key, record_of(key, found, laboratory, search.max_distance, bench.save)


def _configured(
    key: CombinationKey, laboratory: Laboratory, generator: Generator
) -> CombinationSettings:
    """Return the settings of the search, if the key can be searched with them."""
    search = laboratory.settings.combinations
    if search is None:
        raise FailcondError(
            f"the search is not configured; add {laboratory.settings.table('combinations')}"
        )
    if key.toward is not None and key.toward >= len(generator.classes):
        raise FailcondError(
            f"class {key.toward} is not one of the generator's {len(generator.classes)} classes"
        )
    if why := search.too_many(generator.style_space.size):
        raise FailcondError(why)
    return search


def _ranking(kept: ClassRanking) -> Ranking:
    """Return the beginning of a class's ranking, as far as it is kept."""
    return Ranking(kept.class_index, kept.samples, np.array(kept.dimensions), np.array(kept.scores))


def record_of(
    key: CombinationKey,
    found: Combinations,
    laboratory: Laboratory,
    max_distance: float,
    save: SavePicture,
) -> Combined:
    """Make the record of a search, and keep pictures of its typical cases by ``save``."""
    generator, judged = laboratory.generator, laboratory.acceptance.judged
    assert generator is not None
    rows = np.flatnonzero(np.nan_to_num(found.distance) > 0)
    variation = laboratory.once(variation_in)
    unmoved = np.zeros_like(found.shifts[rows])
    before, after = (
        combined_images(generator, found.starts, found.dimensions, rows, shifts)
        for shifts in (unmoved, found.shifts[rows])
    )
    most = _GROUPS if key.toward is None else _GROUPS_OF_PAIR
    groups = [part.tolist() for part in group(laboratory, after, most)]
    typical = np.array([part[0] for part in groups], dtype=np.int64)
    names = [generator.style_space.name(int(k)) for k in found.dimensions]
    moved, shifts = packed(found.shifts)
    return Combined(
        key=key,
        class_index=key.class_index,
        toward=key.toward,
        max_distance=max_distance,
        samples=found.starts.samples.tolist(),
        dimensions=found.dimensions.tolist(),
        names=names,
        std=[round(float(std), 6) for std in found.std],
        moved=moved,
        shifts=shifts,
        distances=[None if np.isnan(d) else round(float(d), 4) for d in found.distance],
        predicted=found.predicted.tolist(),
        rejected=pack_bits(found.rejected),
        levels=[round(float(p), 4) if judged and not np.isnan(p) else None for p in found.level],
        guided_by_acceptors=found.guided_by_acceptors,
        guides=laboratory.guide_hashes,
        judged=judged,
        way=found.way,
        attributes=changes(channels_last(before), channels_last(after), variation)
        if len(rows)
        else [],
        groups=[rows[part].tolist() for part in groups],
        pictured=_pictured(key, rows[typical], before[typical], after[typical], laboratory, save),
    )


def _pictured(
    key: CombinationKey,
    rows: Ints,
    before: Tensor,
    after: Tensor,
    laboratory: Laboratory,
    save: SavePicture,
) -> Pictured | None:
    """Picture start images ``[P, C, H, W]`` above their combinations; None: there are none."""
    if not len(rows):
        return None
    assert laboratory.generator is not None
    batch, classify = batches_of(laboratory.generator).images, laboratory.classifier.probabilities
    p = [classify(images, batch=batch)[:, key.class_index] for images in (before, after)]
    pixels = [to_uint8(images.numpy()) for images in (before, after)]  # [P, H, W, C]
    rows_of_pixels = [np.concatenate(list(images), axis=1) for images in pixels]
    return Pictured(
        file=save(key, np.concatenate(rows_of_pixels, axis=0)),
        rows=rows.tolist(),
        p=np.round(np.stack(p, axis=1).astype(float), 4).tolist(),
        changes=_changes_of_each(before, after, laboratory.once(variation_in)),
    )


def _changes_of_each(before: Tensor, after: Tensor, variation: Variation) -> list[dict[str, float]]:
    """Return the attributes that change most in each image, σ, the largest first."""
    measured = [
        measure_attributes(channels_last(images), variation.figure) for images in (before, after)
    ]
    moved = {name: (measured[1][name] - measured[0][name]) / s for name, s in variation.std.items()}
    found = []
    for i in range(len(before)):
        of_image = {
            name: round(float(by[i]), 2) for name, by in moved.items() if np.isfinite(by[i])
        }
        largest = sorted(of_image, key=lambda name: -abs(of_image[name]))[:_CHANGES]
        found.append(
            {name: of_image[name] for name in largest if abs(of_image[name]) >= STANDS_OUT}
        )
    return found

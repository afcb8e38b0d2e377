"""The ranking of a class and the walks of its directions, as records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.base import Bench, Record
from pytest_failcond.probes.direction.attributes import (
    NATURAL_SAMPLES,
    Variation,
    changes_along,
    difference_along,
    difference_by_region,
    variation_in,
)
from pytest_failcond.probes.direction.corner_cases import (
    Finding,
    Findings,
    Strip,
    find_corner_cases,
    measure_directions,
)
from pytest_failcond.probes.direction.fitness import check_fitness, generator_for, measure_fitness
from pytest_failcond.probes.direction.keys import unit
from pytest_failcond.probes.direction.outlook import Tell
from pytest_failcond.probes.direction.place import Where
from pytest_failcond.probes.direction.record import ClassRanking, Curve, Direction, Frames
from pytest_failcond.probes.direction.regions import pictured
from pytest_failcond.probes.direction.walking import Walk
from pytest_failcond.probes.keys import DirectionKey, FitnessKey, Key, RankingKey
from pytest_failcond.records.examples import SavePicture
from pytest_failcond.storage.packing import pack_bits

_KEPT_SCORES = 20


def measure(
    key: RankingKey | DirectionKey | FitnessKey, bench: Bench
) -> Iterator[tuple[Key, Record]]:
    """Rank a class and walk its directions; or walk a direction outside the ranking.

    Raises:
        NotEvaluated: the generator is not fit to show the class.
    """
    if isinstance(key, FitnessKey):
        yield key, measure_fitness(bench.laboratory, key, bench.expect)
        return
    check_fitness(key.class_index, bench)
    if isinstance(key, RankingKey):
        ranking, directions = find(bench.laboratory, key, bench.save, bench.expect)
        yield from ((direction.key, direction) for direction in directions)
        yield key, ranking
        return
    # A class that cannot be ranked can be walked.
    with suppress(FailcondError):
        bench.measure(unit(key))
    yield key, bench.found(key) or measure_direction(bench.laboratory, key, bench.save)


def find(
    laboratory: Laboratory, key: RankingKey, save: SavePicture, tell: Tell = lambda left: None
) -> tuple[ClassRanking, list[Direction]]:
    """Rank the dimensions of a class and walk its top directions; ``tell`` takes the seconds left."""
    generator = generator_for(key.class_index, laboratory)
    options = laboratory.settings.corner_cases
    findings = find_corner_cases(
        generator,
        laboratory.classifier,
        key.class_index,
        top=options.top,
        samples=options.samples,
        max_shift=options.max_shift,
        judge=laboratory.acceptance,
        seed=laboratory.settings.seed,
        truncation=options.truncation,
        ranking=options.ranking,
        tell=tell,
        besides=0 if laboratory.has(variation_in) else NATURAL_SAMPLES,
    )
    search = laboratory.settings.combinations
    kept = max(_KEPT_SCORES, 0 if search is None else search.dimensions)
    variation = laboratory.once(variation_in)
    directions = [
        direction_record(generator, finding, variation, save) for finding in findings.directions
    ]
    return ranking_record(key, findings, kept), directions


def measure_direction(laboratory: Laboratory, key: DirectionKey, save: SavePicture) -> Direction:
    """Walk one direction, whatever its rank."""
    generator = generator_for(key.class_index, laboratory)
    options = laboratory.settings.corner_cases
    (finding,) = measure_directions(
        generator,
        laboratory.classifier,
        [key],
        samples=options.samples,
        max_shift=options.max_shift,
        acceptance=laboratory.acceptance,
        seed=laboratory.settings.seed,
        truncation=options.truncation,
    )
    return direction_record(generator, finding, laboratory.once(variation_in), save)


def ranking_record(key: RankingKey, findings: Findings, kept: int = _KEPT_SCORES) -> ClassRanking:
    """Make the record of a class's ranking: its first ``kept`` scores, and its directions by key."""
    ranking = findings.ranking
    return ClassRanking(
        key=key,
        class_index=key.class_index,
        samples=ranking.samples,
        directions=[finding.key for finding in findings.directions],
        dimensions=ranking.dimensions[:kept].tolist(),
        scores=[round(float(s), 6) for s in ranking.scores[:kept]],
        passed_over=[
            {"key": p.key, "score": round(p.score, 6), "valid_range": p.valid_range}
            for p in findings.passed_over
        ],
        starts=len(findings.right_unmoved),
        starts_right=pack_bits(findings.right_unmoved),
        way=ranking.way,
        why=ranking.why,
    )


def direction_record(
    generator: Generator, finding: Finding, variation: Variation, save: SavePicture
) -> Direction:
    """Make the record of a walk, and keep a strip of images along it by ``save``."""
    walk, key = finding.walk, finding.key
    layer, _, channel = generator.style_space.name(key.dimension).rstrip("]").partition("[")
    right = walk.total - walk.broken - walk.lost
    return Direction(
        key=key,
        class_index=key.class_index,
        rank=finding.rank,
        dimension=key.dimension,
        layer=layer,
        channel=int(channel),
        sign=key.sign,
        score=round(finding.score, 6),
        std=round(walk.std, 6),
        breaking_shift=walk.breaking_shift,
        valid_range=walk.valid_range,
        total=walk.total,
        curve=Curve(
            shift=walk.shifts.tolist(),
            right=right.tolist(),
            broken=walk.broken.tolist(),
            lost=walk.lost.tolist(),
            accepted=walk.accepted.tolist(),
            mean_p=[round(float(p), 4) for p in walk.mean_p],
        ),
        accepted=pack_bits(walk.valid) if walk.judged else None,
        breaks=[None if np.isnan(b) else round(float(b), 4) for b in walk.breaks],
        strip=_frames(key, finding.strip, save),
        attributes=changes_along(walk, variation),
        where=_where(key, walk, variation, save),
    )


def _where(key: str, walk: Walk, variation: Variation, save: SavePicture) -> Where:
    """Say where the images of a walk change, and keep a picture of it by ``save``."""
    difference = difference_along(walk)
    picture, most = pictured(difference)
    return Where(
        file=save(f"{key}:where", picture),
        most=round(most, 4),
        regions=[round(change, 4) for change in difference_by_region(difference, variation)],
    )


def _frames(key: str, strip: Strip, save: SavePicture) -> Frames:
    return Frames(
        file=save(key, np.concatenate(list(strip.images), axis=1)),
        sample=strip.sample,
        broke=strip.broke,
        shift=strip.shifts.tolist(),
        p=[round(float(p), 4) for p in strip.p],
        predicted=[int(i) for i in strip.predicted],
        judged=None if strip.judged is None else [int(i) for i in strip.judged],
        accepted=None if strip.judged is None else strip.accepted.tolist(),
    )

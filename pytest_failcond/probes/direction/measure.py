"""What was found with the generator, as it is kept: findings → records."""

from __future__ import annotations

import numpy as np

from pytest_failcond.generators.base import Generator
from pytest_failcond.probes.direction.attributes import Variation, changes_along
from pytest_failcond.probes.direction.corner_cases import Finding, Findings, Strip
from pytest_failcond.probes.direction.record import ClassRanking, Curve, Direction, Frames
from pytest_failcond.probes.keys import RankingKey
from pytest_failcond.records.examples import SavePicture
from pytest_failcond.storage.packing import pack_bits

_KEPT_SCORES = 20


def ranking_record(key: RankingKey, findings: Findings) -> ClassRanking:
    """Make the record of a class's ranking: its first scores, and its directions by key."""
    ranking = findings.ranking
    return ClassRanking(
        key=key,
        class_index=key.class_index,
        samples=ranking.samples,
        directions=[finding.key for finding in findings.directions],
        dimensions=ranking.dimensions[:_KEPT_SCORES].tolist(),
        scores=[round(float(s), 6) for s in ranking.scores[:_KEPT_SCORES]],
        passed_over=[
            {"key": p.key, "score": round(p.score, 6), "valid_range": p.valid_range}
            for p in findings.passed_over
        ],
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
    )

"""Small runs to try the renderers and the run file on."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.corpus.record import Replay
from pytest_failcond.probes.direction.place import Where
from pytest_failcond.probes.direction.record import (
    AttributeChange,
    ClassRanking,
    Curve,
    Direction,
    Frames,
)
from pytest_failcond.probes.keys import (
    CleanKey,
    CombinationKey,
    CorruptionKey,
    DirectionKey,
    RankingKey,
)
from pytest_failcond.probes.registry import PROBES, parse_key
from pytest_failcond.probes.regression.record import (
    CombinationComparison,
    Comparison,
    DirectionComparison,
    KeyComparison,
)
from pytest_failcond.records.measurements import Examples, Measurement
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.packing import pack_bits
from pytest_failcond.verdicts.gates import Check, GateResult

EVIL = "<script>alert(1)</script>"
CLASSES = ("zero", EVIL, "[red]x|`$a_b$")
CORRUPTIONS = ("gaussian_noise", "column_blur")
SEVERITIES = (1, 2, 3, 4, 5)
IMAGES = 200
FRAMES = 8
CHANGES = {"noise": 4.12, "contrast": -0.6, "slant": 0.3}
TOP_LEFT = [0.9, 0.2, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]


def make_measurement(key: str, wrong: int, labels: np.ndarray) -> Measurement:
    """A measurement with the first ``wrong`` images wrong."""
    predicted = labels.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % len(CLASSES)
    return Measurement(parse_key(key), predicted, labels, f"sha256:{key}", len(CLASSES))


_KINDS = {
    "measurements": Measurement,
    "rankings": ClassRanking,
    "directions": Direction,
    "combinations": Combined,
    "corpus": Replay,
}


def changed(run: Run, **fields: Any) -> Run:
    """Replace fields of a run: also all its measurements, rankings, directions or its corpus."""
    by_kind = {
        name: [one for one in run.records.values() if isinstance(one, kind)]
        for name, kind in _KINDS.items()
    }
    for name in _KINDS.keys() & fields.keys():
        given = fields.pop(name)
        by_kind[name] = [given] if isinstance(given, Replay) else list((given or {}).values())
    by_key = {one.key: one for some in by_kind.values() for one in some}
    return replace(run, records=by_key, **fields)


def make_check(gate: str, metric: str, key: str, value: float | None, **fields: Any) -> Check:
    """A check that passes, unless the fields say otherwise."""
    defaults: dict[str, Any] = {
        "level": "fail",
        "bound": value,
        "threshold": 0.5,
        "keeps_above": metric not in ("accuracy_drop", "broken_share", "regression_drop"),
        "n": IMAGES,
        "verdict": "passed",
        "certain": False,
        "reason": "",
    }
    return Check(
        gate=gate, metric=metric, key=PROBES.read_key(key), value=value, **(defaults | fields)
    )


def make_direction(
    class_index: int,
    rank: int | None,
    dimension: int,
    sign: int,
    *,
    breaking_shift: float | None,
    valid_range: float | None,
    steps: int = 9,
    changes: dict[str, float] | None = None,
    regions: list[float] | None = None,
) -> Direction:
    """A direction walked ``steps`` steps of 0.5 σ; half of 20 images break at its breaking shift."""
    key = DirectionKey(class_index, dimension, sign)
    shift = [0.5 * i for i in range(steps)]
    pace = 2.0 if breaking_shift is None else 10 / max(breaking_shift, 0.5)
    broken = [min(int(pace * s), 9 if breaking_shift is None else 16) for s in shift]
    lost = [0 if valid_range is None else min(max(int(2 * (s - 1)), 0), 4) for s in shift]
    judged = None if valid_range is None else [class_index] * (FRAMES - 1) + [0]
    return Direction(
        key=key,
        class_index=class_index,
        rank=rank,
        dimension=dimension,
        layer="b16.conv0",
        channel=2,
        sign=sign,
        score=0.04,
        std=0.3,
        breaking_shift=breaking_shift,
        valid_range=valid_range,
        total=20,
        curve=Curve(
            shift=shift,
            right=[20 - b - x for b, x in zip(broken, lost, strict=True)],
            broken=broken,
            lost=lost,
            accepted=[20 - x for x in lost],
            mean_p=[round(max(0.97 - 0.08 * i, 0.0), 4) for i in range(steps)],
        ),
        breaks=[s * 0.9 if i < broken[-1] else None for i, s in enumerate(np.linspace(1, 4, 20))],
        strip=Frames(
            file=key.replace(":", "-").replace("+", "up").removesuffix("--") + ".png",
            sample=7,
            broke=breaking_shift is not None,
            shift=[round(x, 4) for x in np.linspace(0, shift[-1], FRAMES)],
            p=[round(x, 4) for x in np.linspace(0.98, 0.31, FRAMES)],
            predicted=[class_index] * (FRAMES - 2) + [(class_index + 1) % 3] * 2,
            judged=judged,
            accepted=None if judged is None else [seen == class_index for seen in judged],
        ),
        attributes=[
            AttributeChange(name, change, change - 0.1, change + 0.1)
            for name, change in (changes or {}).items()
        ],
        where=None if regions is None else Where(f"where-{dimension}.png", 0.5, regions),
        # The last images are those that the judge loses.
        accepted=None
        if valid_range is None
        else pack_bits(np.arange(20) < 20 - np.array(lost)[:, None]),
    )


def walked_direction(
    breaks: list[float | None], accepted: np.ndarray, shifts: np.ndarray, judged: bool = True
) -> Direction:
    """A direction as measured, whose curve follows from its images: when each breaks, ``[N]``, and is accepted, ``[N, T]``."""
    at = np.array([np.inf if b is None else b for b in breaks])
    broken = at[:, None] <= shifts
    total = len(breaks)
    failing = np.flatnonzero(accepted.sum(axis=0) < 0.8 * total)
    half = np.flatnonzero(2 * broken.sum(axis=0) >= total)
    valid = shifts[max((failing[0] if len(failing) else len(shifts)) - 1, 0)]
    curve = Curve(
        shift=shifts.tolist(),
        right=(~broken & accepted).sum(axis=0).tolist(),
        broken=broken.sum(axis=0).tolist(),
        lost=(~broken & ~accepted).sum(axis=0).tolist(),
        accepted=accepted.sum(axis=0).tolist(),
        mean_p=[0.5] * len(shifts),
    )
    return replace(
        make_direction(0, 1, 7, 1, breaking_shift=2.0, valid_range=3.0),
        breaking_shift=float(shifts[half[0]]) if len(half) else None,
        valid_range=float(valid) if judged else None,
        accepted=pack_bits(accepted.T) if judged else None,
        total=total,
        curve=curve,
        breaks=breaks,
    )


def make_strip(*, size: int = 28, color: bool = False, frames: int = FRAMES) -> bytes:
    """A PNG of frames side by side: a ring that grows."""
    ys, xs = np.mgrid[:size, :size] - (size - 1) / 2
    radius = np.hypot(xs, ys)
    images = [255 * np.exp(-(((radius - 4 - i) / 2.5) ** 2)) for i in range(frames)]
    pixels = np.concatenate(images, axis=1).astype(np.uint8)
    if color:
        pixels = np.stack([pixels, pixels // 2, 255 - pixels], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    return buffer.getvalue()


def make_examples(folder: Path, name: str, *, rows: int, color: bool = False) -> Examples:
    """Pictures of four images, in one row or two."""
    strip = np.asarray(Image.open(io.BytesIO(make_strip(frames=4, color=color))))
    Image.fromarray(np.concatenate([strip, 255 - strip][:rows])).save(folder / f"{name}.png")
    return Examples(f"{name}.png", [3, 5, 8, 13], [0, 1, 2, 0], [0, 1, 2, 0], [1, 2, 0, 1])


def make_comparison(folder: Path) -> Comparison:
    """A comparison in which one cell lost images, one gained some, and one has other inputs."""
    lost = make_examples(folder, "lost", rows=1)
    gained = make_examples(folder, "gained", rows=1)
    cell = "corruption:gaussian_noise:3"
    return Comparison(
        baseline=f"old {EVIL}.json",
        then={"date": "2025-12-01T00:00:00Z", "commit": "a" * 40, "dirty": False},
        now={"date": "2026-01-01T00:00:00Z", "commit": "b" * 40, "dirty": True},
        same_model=False,
        confidence=0.95,
        keys=(
            KeyComparison(CleanKey(), right=190, lost=1, gained=2, wrong=7, drop=-0.005, bound=0.01),
            KeyComparison(
                cell, right=150, lost=20, gained=4, wrong=26, drop=0.08, bound=0.11, p=0.001,
                p_holm=0.002, lost_images=(3, 5), gained_images=(8,), lost_examples=lost,
                gained_examples=gained,
            ),
            KeyComparison(CorruptionKey("column_blur", 1), inputs_changed=True),
        ),
        directions=(
            DirectionComparison(DirectionKey(0, 322, 1), 3.0, 2.0, 3.5, 3.5, 0.5, 0.7),
            DirectionComparison(DirectionKey(1, 40, -1), None, None, 8.0, 8.0, 0.2, 0.3),
        ),
        combinations=(
            CombinationComparison(CombinationKey(0), 4.5, 6.25, 12.0, 18, 15, 20, 16, 9),
            CombinationComparison(CombinationKey(0, 1), 9.0, None, 12.0, 11, 8, 20),
        ),
        only_then=("corruption:fog:1",),
        ranked_otherwise=(2,),
    )  # fmt: skip


def make_gates() -> tuple[GateResult, ...]:
    """A gate of every verdict, one that only warns, one waived, and one over many keys."""
    noise = [f"corruption:gaussian_noise:{s}" for s in SEVERITIES]
    blur = [f"corruption:column_blur:{s}" for s in SEVERITIES]
    failed: dict[str, Any] = {"verdict": "failed", "certain": True}
    drops = [
        make_check("drops", "accuracy_drop", key, 0.01 * i, bound=0.01 * i + 0.012, threshold=0.16)
        for i, key in enumerate([*noise, *blur[:3]])
    ]
    drops.append(
        make_check(
            "drops",
            "accuracy_drop",
            blur[3],
            0.155,
            bound=0.171,
            threshold=0.16,
            verdict="marginal",
            reason="holds, though only within sampling noise",
        )
    )
    shift = {"threshold": 3.0, "n": 20}
    return (
        GateResult(
            "clean-accuracy",
            "clean_accuracy",
            "fail",
            (
                make_check(
                    "clean-accuracy", "clean_accuracy", "clean", 0.98, bound=0.955, threshold=0.95
                ),
            ),
        ),
        GateResult(
            "gaussian-noise",
            "accuracy_drop",
            "fail",
            (
                make_check(
                    "gaussian-noise",
                    "accuracy_drop",
                    noise[1],
                    0.055,
                    bound=0.031,
                    threshold=0.05,
                    verdict="failed",
                    reason="0.0550 is over 0.0500, within sampling noise",
                ),
                make_check(
                    "gaussian-noise",
                    "accuracy_drop",
                    noise[2],
                    0.0821,
                    bound=0.0764,
                    threshold=0.05,
                    reason="0.0821 is over 0.0500, beyond sampling noise",
                    **failed,
                ),
            ),
        ),
        GateResult("drops", "accuracy_drop", "fail", tuple(drops)),
        GateResult(
            "blur",
            "accuracy",
            "fail",
            (
                make_check(
                    "blur",
                    "accuracy",
                    blur[4],
                    None,
                    n=0,
                    verdict="error",
                    reason="corruption 'column_blur' raised ValueError at severity 5",
                ),
            ),
        ),
        GateResult(
            "mean-corruption-accuracy",
            "mean_corruption_accuracy",
            "warn",
            (
                make_check(
                    "mean-corruption-accuracy",
                    "mean_corruption_accuracy",
                    "corruptions",
                    0.71,
                    bound=0.73,
                    threshold=0.8,
                    level="warn",
                    reason="0.7100 is under 0.8000, beyond sampling noise",
                    **failed,
                ),
            ),
        ),
        GateResult(
            "shifts",
            "breaking_shift",
            "fail",
            (
                make_check(
                    "shifts",
                    "breaking_shift",
                    "direction:0:322:+",
                    2.0,
                    bound=2.5,
                    verdict="failed",
                    certain=True,
                    waived="known, see the roadmap",
                    reason="2 σ is under 3 σ, beyond sampling noise",
                    **shift,
                ),
                make_check(
                    "shifts", "breaking_shift", "direction:1:40:-", None, bound=None, **shift
                ),
                make_check(
                    "shifts",
                    "breaking_shift",
                    "direction:2:7:+",
                    None,
                    bound=2.5,
                    verdict="marginal",
                    reason="tested to 2.5 σ only",
                    **shift,
                ),
            ),
        ),
        GateResult(
            "regression",
            "regression_drop",
            "fail",
            (
                make_check(
                    "regression",
                    "regression_drop",
                    "clean",
                    None,
                    bound=None,
                    n=0,
                    verdict="not_evaluated",
                    reason="there is no baseline to compare with",
                ),
            ),
        ),
    )


def make_run(
    folder: Path | None = None,
    *,
    cells: bool = True,
    corner_cases: bool = True,
    gates: tuple[GateResult, ...] | None = None,
    color: bool = False,
    classes: tuple[str, ...] = CLASSES,
) -> Run:
    """A run of 2 corruptions, 3 classes and 3 directions; its pictures go to ``folder``."""
    labels = np.arange(IMAGES) % len(classes)
    found = {"clean": make_measurement("clean", 4, labels)}
    errors: dict[str, str] = {}
    for row, name in enumerate(CORRUPTIONS if cells else ()):
        for severity in SEVERITIES:
            key = f"corruption:{name}:{severity}"
            found[key] = make_measurement(key, 4 + (row * 20 + 12) * (severity - 1), labels)
    directions: list[Direction] = []
    rankings: list[ClassRanking] = []
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    if cells:
        noisy = "corruption:gaussian_noise:3"
        if folder is not None:
            examples = make_examples(folder, "noisy", rows=2, color=color)
            found[noisy] = replace(found[noisy], examples=examples)
        del found["corruption:column_blur:5"]
        errors["corruption:column_blur:5"] = (
            "corruption 'column_blur' raised ValueError at severity 5"
        )
    if corner_cases:
        directions = [
            make_direction(
                0, 1, 322, 1, breaking_shift=2.0, valid_range=3.5, changes=CHANGES, regions=TOP_LEFT
            ),
            make_direction(
                1, 1, 40, -1, breaking_shift=None, valid_range=None, steps=17, changes={EVIL: -2.0}
            ),
            make_direction(
                2,
                2,
                7,
                1,
                breaking_shift=3.5,
                valid_range=2.5,
                changes={"slant": 0.4},
                regions=[0.3] * 9,
            ),
        ]
        over = [{"key": DirectionKey(2, 12, -1), "score": 0.3, "valid_range": 0.5}]
        rankings = [
            ClassRanking(
                RankingKey(d.class_index),
                d.class_index,
                20,
                [d.key],
                [d.dimension],
                [d.score],
                over if d.class_index == 2 else [],
                way="gradient" if d.class_index < 2 else "effect",
                why="" if d.class_index < 2 else f"the gradient of {EVIL} is zero",
            )
            for d in directions
        ]
        if folder is not None:
            for direction in directions:
                (folder / direction.strip.file).write_bytes(make_strip(color=color))
                if direction.where is not None:
                    (folder / direction.where.file).write_bytes(make_strip(frames=1))
    return Run(
        environment={"python": "3.13.0", "date": "2026-01-01T00:00:00Z"},
        subjects={"classifier": "sha256:1", "judge": None},
        settings={
            "seed": 3,
            "classifier": "mine:load",
            "corruptions": {"names": list(CORRUPTIONS)} if cells else None,
        },
        classes=classes,
        labels=labels,
        records={record.key: record for record in (*found.values(), *rankings, *directions)},
        errors=errors,
        gates=make_gates() if gates is None else gates,
        pictures=folder,
    )

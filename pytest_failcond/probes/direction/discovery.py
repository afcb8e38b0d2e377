"""Discovery: corner cases worth keeping as images, from the walks along a class's directions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_failcond.generators.base import Generator
from pytest_failcond.probes.direction.corner_cases import Finding, find_corner_cases, shifted_images
from pytest_failcond.probes.direction.record import Way
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.probes.direction.walking import Walk
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import to_float, to_uint8

PAST = 0.5
"""σ past its break at which an image is kept: a break is where the classifier is least sure."""
RIGHT_AGAIN = "right again past the break"
JUDGE_LOST = "lost to the judge past the break"


@dataclass(frozen=True)
class FoundCase:
    """A corner case to keep.

    Attributes:
        direction: along which it was found.
        sample: the start image's number in the generator's stream.
        broke_at, shift: the breaking shift of the start image, and the shift of this image, σ.
        pixels: uint8 ``[H, W, C]``.
        predicted: the classifier's prediction, by index.
        p: its probability of the class.
        judged: the prediction of the judge that accepts it least, by index; the number of classes
            for none of these; None without a judge.
        accepted: whether it still shows its class.
    """

    direction: DirectionKey
    sample: int
    broke_at: float
    shift: float
    pixels: npt.NDArray[np.uint8]
    predicted: int
    p: float
    judged: int | None
    accepted: bool


@dataclass(frozen=True)
class Discovery:
    """The corner cases of one class, and the number of dropped ones, by reason."""

    cases: tuple[FoundCase, ...]
    dropped: Counter[str]


def discover(
    generator: Generator,
    classifier: Classifier,
    class_index: int,
    *,
    per_direction: int = 1,
    top: int = 3,
    samples: int = 128,
    max_shift: float = 8.0,
    acceptance: Acceptance = EVERYTHING,
    seed: int = 0,
    truncation: float = 1.0,
    ranking: Way | None = None,
) -> Discovery:
    """Find corner cases of a class: ``per_direction`` typical ones along each of its directions.

    Each is moved 0.5 σ past its break and rounded to uint8. Those very pixels are shown to classifier
    and judges again, and kept if the classifier is wrong and they are accepted.

    Args: as of `find_corner_cases`; ``acceptance`` decides whether images still show the class.

    Raises:
        FailcondError: no dimension can be ranked, or the judge accepts too few images.
    """
    findings = find_corner_cases(
        generator,
        classifier,
        class_index,
        top=top,
        samples=samples,
        max_shift=max_shift,
        judge=acceptance,
        seed=seed,
        truncation=truncation,
        ranking=ranking,
    )
    cases: list[FoundCase] = []
    dropped: Counter[str] = Counter()
    for finding in findings.directions:
        rows = typical_rows(finding.walk, per_direction)
        if len(rows):
            found = _past_the_break(
                generator, classifier, acceptance, finding, findings.starts, rows
            )
            kept = [case for case in found if _reason_against(case) is None]
            dropped.update(reason for case in found if (reason := _reason_against(case)))
            cases += kept
    return Discovery(tuple(cases), dropped)


def typical_rows(walk: Walk, count: int) -> npt.NDArray[np.int64]:
    """Return the start images whose breaks are nearest the median of those within the valid range.

    Images that are wrong before they are moved do not count as breaks of this direction.
    """
    end = np.inf if walk.valid_range is None else walk.valid_range
    moved = np.flatnonzero((walk.breaks > 0) & (walk.breaks <= end))  # NaN: did not break
    order = moved[np.argsort(walk.breaks[moved], kind="stable")]
    distance = np.abs(np.arange(len(order)) - len(order) // 2)
    return order[np.argsort(distance, kind="stable")[:count]]


def _past_the_break(
    generator: Generator,
    classifier: Classifier,
    acceptance: Acceptance,
    finding: Finding,
    starts: Starts,
    rows: npt.NDArray[np.int64],
) -> Sequence[FoundCase]:
    breaks = finding.walk.breaks[rows]
    shifts = np.round(breaks + PAST, 4)
    pixels = to_uint8(shifted_images(generator, starts, finding.key, rows, shifts).numpy())
    p = classifier.probabilities(to_float(pixels), owned=True)
    judgement = acceptance.see(to_float(pixels), among=p.shape[1])
    accepted, strictest = (
        judgement.accepted(starts.class_index),
        judgement.strictest(starts.class_index),
    )
    return [
        FoundCase(
            direction=finding.key,
            sample=int(starts.samples[row]),
            broke_at=round(float(breaks[i]), 4),
            shift=float(shifts[i]),
            pixels=pixels[i],
            predicted=int(p[i].argmax()),
            p=round(float(p[i, starts.class_index]), 4),
            judged=None if strictest is None else int(strictest[i].argmax()),
            accepted=bool(accepted[i]),
        )
        for i, row in enumerate(rows)
    ]


def _reason_against(case: FoundCase) -> str | None:
    if not case.accepted:
        return JUDGE_LOST
    return RIGHT_AGAIN if case.predicted == case.direction.class_index else None

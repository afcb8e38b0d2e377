"""The quality of judges on held-out images: the shares of readable and of unreadable images that
they accept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions import NAMES
from pytest_failcond.corruptions.names import SEVERITIES
from pytest_failcond.judges.config import KINDS, Kind
from pytest_failcond.judges.networks import Judge
from pytest_failcond.statistics.bounds import proportion_bound
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.training.judges.bench import Bench, Count, Seen, count

CONFIDENCE = 0.95
_BINS = 15


@dataclass(frozen=True)
class OfKind:
    """The quality of the judges of one kind, together, on held-out images.

    Attributes:
        clean_first: clean images whose class every judge puts first.
        clean_accepted: clean images accepted as their class.
        rejected_at_most: upper bound of the share of clean images that are not accepted as their class.
        accepted_wrongly: clean images accepted as another class.
        variants_accepted: readable variants, made as in training, accepted as their class.
        changes_accepted: the same for images with one change, by its name.
        corrupted_first, corrupted_accepted: the same for corrupted images, by corruption, then severity.
        caught: negatives of each family that are not accepted as any class.
        calibration: each judge's mean distance between p and the share that is right, over clean images,
            variants and negatives together.
    """

    clean_first: Count
    clean_accepted: Count
    rejected_at_most: float
    accepted_wrongly: Count
    variants_accepted: Count
    changes_accepted: dict[str, Count]
    corrupted_first: dict[str, list[Count]]
    corrupted_accepted: dict[str, list[Count]]
    caught: dict[str, Count]
    calibration: dict[str, float]


@dataclass(frozen=True)
class JudgeQuality:
    """The quality of judges; JSON-ready through `dataclasses.asdict`.

    Attributes:
        least_p: the probability that every judge must give the class.
        confidence: of the bound.
        kinds: acceptors, and guides if there are any.
    """

    least_p: float
    confidence: float
    kinds: dict[Kind, OfKind]


def measure(
    judges: Mapping[str, Judge],
    held_out: LabeledImages,
    *,
    least_p: float,
    seed: int,
    report: Callable[[int, int, str], None],
    device: str = "cpu",
) -> JudgeQuality:
    """Measure the quality of judges on held-out images.

    Args:
        judges: by name, such as ``acceptor-1``.
        held_out: images that they did not learn from.
        least_p: the probability that every judge must give the class for an image to be accepted.
        seed: keys the variants, corruptions and negatives.
        report: called with the steps done, their number, and the name of the present one.
        device: of the judges.
    """
    bench = Bench(judges, held_out, least_p, seed, device)
    kinds: list[Kind] = [k for k in KINDS if any(name.startswith(k) for name in judges)]
    steps = len(NAMES) + 3
    report(0, steps, "clean images")
    clean = bench.see(held_out.images, held_out.labels)
    report(1, steps, "readable variants")
    variants = bench.variants()
    changes = bench.changes()
    report(2, steps, "negatives")
    nothing = bench.negatives()
    cells: dict[str, list[Seen]] = {}
    for number, name in enumerate(NAMES):
        report(3 + number, steps, f"images under {name}")
        cells[name] = [bench.corrupted(name, severity) for severity in SEVERITIES]
    return JudgeQuality(
        least_p,
        CONFIDENCE,
        {k: _of_kind(k, clean, variants, changes, nothing, cells) for k in kinds},
    )


def _of_kind(
    kind: Kind,
    clean: Seen,
    variants: Seen,
    changes: Mapping[str, Seen],
    nothing: Mapping[str, Seen],
    cells: Mapping[str, Sequence[Seen]],
) -> OfKind:
    accepted = clean.accepted(kind)
    rejected = accepted.total - accepted.found
    wrongly = int(clean.as_any(kind).sum()) - accepted.found
    shown = [clean, variants, *nothing.values()]
    return OfKind(
        clean_first=clean.first(kind),
        clean_accepted=accepted,
        rejected_at_most=proportion_bound(rejected, accepted.total, CONFIDENCE, "upper"),
        accepted_wrongly=Count(wrongly, accepted.total),
        variants_accepted=variants.accepted(kind),
        changes_accepted={name: seen.accepted(kind) for name, seen in changes.items()},
        corrupted_first={name: [cell.first(kind) for cell in row] for name, row in cells.items()},
        corrupted_accepted={
            name: [cell.accepted(kind) for cell in row] for name, row in cells.items()
        },
        caught={name: count(~seen.as_any(kind)) for name, seen in nothing.items()},
        calibration={
            name: _calibration(
                np.concatenate([seen.probabilities[name] for seen in shown]),
                np.concatenate([seen.labels for seen in shown]),
            )
            for name in clean.probabilities
            if name.startswith(kind)
        },
    )


def _calibration(p: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """Return the expected calibration error (Guo et al. 2017, arXiv 1706.04599) over equally filled bins."""
    sure, right = p.max(axis=1).astype(np.float64), p.argmax(axis=1) == labels
    bins = np.array_split(np.argsort(sure, kind="stable"), _BINS)
    gaps = [abs(sure[rows].mean() - right[rows].mean()) * len(rows) for rows in bins if len(rows)]
    return float(sum(gaps) / len(p))

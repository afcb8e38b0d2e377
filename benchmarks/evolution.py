"""The search without gradients, an evolution strategy, beside the search by gradient.

Both search from the same start images, along the same dimensions. The acceptors are asked once, at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.example import load_example
from pytest_failcond import Classifier
from pytest_failcond.probes.combination.finding import find_combinations
from pytest_failcond.probes.combination.problem import Problem, Seen
from pytest_failcond.probes.direction.ranking import rank_dimensions
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.subjects.acceptance import Acceptance

CLASSES, SAMPLES, TRUNCATION, DIMENSIONS, MOST = (0, 2, 6, 8), 16, 0.7, 32, 8.0
_JUDGED = "judged"  # what is counted


def run() -> None:
    """Print the share found, the median distance, the cost and the looks of each."""
    generator, _, classifier, packed, acceptance = load_example()
    guides = Acceptance.of([Classifier(model, name="guide") for model in packed.guides])
    found: dict[str, list[float]] = {"gradient": [], "evolution": []}
    moved: dict[str, list[int]] = {way: [] for way in found}
    rejected, looks, spent = (dict.fromkeys(found, 0.0) for _ in range(3))
    for class_index in CLASSES:
        starts = start_images(
            generator, acceptance, class_index, SAMPLES, truncation=TRUNCATION, stream="measure"
        )
        ranking = rank_dimensions(
            generator,
            classifier,
            class_index,
            judge=acceptance,
            truncation=TRUNCATION,
            way="effect",
        )
        for way in found:
            before = time.process_time()
            with _Counted() as counted:
                one = find_combinations(
                    generator, classifier, class_index, dimensions=DIMENSIONS, judge=acceptance,
                    guides=guides, ranking=ranking, starts=starts, way=way, max_distance=MOST,
                )  # fmt: skip
            spent[way] += time.process_time() - before
            looks[way] += counted.looks
            rejected[way] += int(one.rejected.sum())
            found[way] += np.where(one.found, one.distance, np.inf).tolist()
            moved[way] += one.moved[one.found].tolist()
    count = SAMPLES * len(CLASSES)
    print(
        f"{count} start images of classes {', '.join(map(str, CLASSES))}, {DIMENSIONS} dimensions:"
    )
    for way, distances in found.items():
        share, median, many = (
            np.isfinite(distances).sum(),
            np.median(distances),
            np.median(moved[way]),
        )
        print(
            f"  {way:10} {share} found, {rejected[way]:.0f} rejected, median of all {median:.1f} σ, {many:.0f} "
            f"dimensions, {100 * spent[way] / count:.0f} CPU-s for 100"
        )
    print(f"  looks of the evolution at each start image: {looks['evolution'] / count:.0f}")


class _Counted:
    """Counts the images that classifier and guides are shown, without gradients, while it is entered."""

    def __enter__(self) -> _Counted:
        self.looks = 0
        self._judged: Callable[..., Seen] = Problem.judged

        def counted(problem: Problem, rows: torch.Tensor, images: torch.Tensor) -> Seen:
            self.looks += len(rows)
            return self._judged(problem, rows, images)

        setattr(Problem, _JUDGED, counted)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(Problem, _JUDGED, self._judged)

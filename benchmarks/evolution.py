"""Steps without gradients against an evolution strategy (CMA-ES), at as many looks at images.

Both seek the same: a short combined shift that breaks the classifier and that the guides let pass. The
acceptors are asked once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.example import load_example
from pytest_failcond import Classifier, combined_images
from pytest_failcond.probes.combination.finding import find_combinations
from pytest_failcond.probes.combination.nearest import PAST
from pytest_failcond.probes.combination.posing import pose
from pytest_failcond.probes.combination.problem import Problem, Seen
from pytest_failcond.probes.direction.ranking import rank_dimensions
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import Acceptance

CLASSES, SAMPLES, TRUNCATION, DIMENSIONS, MOST = (0, 2, 6, 8), 8, 0.7, 32, 8.0
STRATEGIES = {"full": False, "separable": True}
SIGMAS = (0.3, 1.0)  # σ, of the first generation
WRONG, DOUBTED = 10.0, 3.0  # σ for each unit of a margin and of a doubt
_JUDGED = "judged"  # what is counted
_BISECTIONS = 7  # looks of the budget that go back to the boundary


def run() -> None:
    """Print the share found, the median distance and the looks of each."""
    try:
        import cma
    except ImportError:
        print(
            "the evolution strategy is CMA-ES of the package cma, which is not installed: pip install cma"
        )
        return
    generator, _, classifier, packed, acceptance = load_example()
    guides = Acceptance.of([Classifier(model, name="guide") for model in packed.guides])
    found: dict[str, list[float]] = {"steps": []}
    looks = {"steps": 0}
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
        with _Counted() as counted:
            steps = find_combinations(
                generator, classifier, class_index, dimensions=DIMENSIONS, judge=acceptance,
                guides=guides, ranking=ranking, starts=starts, way="steps", max_distance=MOST,
            )  # fmt: skip
        found["steps"] += np.where(steps.found, steps.distance, np.inf).tolist()
        looks["steps"] += counted.looks
        problem = pose(
            generator, classifier, guides, starts, None, ranking, DIMENSIONS, MOST
        )  # the same question
        budget = counted.looks // len(starts)
        for name, diagonal in STRATEGIES.items():
            for sigma in SIGMAS:
                key = f"CMA-ES, {name}, from {sigma:g} σ"
                with _Counted() as counted:
                    shifts = _evolved(cma, problem, budget, diagonal, sigma)
                rows = np.flatnonzero(np.isfinite(shifts).all(axis=1))
                images = combined_images(
                    generator, starts, problem.dimensions, rows, shifts[rows].astype(np.float32)
                )
                distances = np.full(len(starts), np.inf)
                kept = acceptance.accepts(images, class_index, among=10)
                distances[rows[kept]] = np.linalg.norm(shifts[rows[kept]], axis=1)
                found.setdefault(key, []).extend(distances.tolist())
                looks[key] = looks.get(key, 0) + counted.looks
    count = SAMPLES * len(CLASSES)
    print(f"{count} start images of classes {', '.join(map(str, CLASSES))}, without gradients:")
    for key, whole in found.items():
        share, median = np.isfinite(whole).mean(), np.median(whole)
        print(
            f"  {key:28}{share:5.2f} found, median of all {median:.1f} σ, {looks[key] / count:.0f} looks each"
        )


@ours()
def _evolved(
    cma: Any, problem: Problem, budget: int, diagonal: bool, sigma: float
) -> npt.NDArray[np.float64]:
    """Return the shortest break of each start image that one evolution found, ``[N, D]``; NaN: none."""
    count = len(problem.starts)
    best = np.full((count, DIMENSIONS), np.nan)
    shortest = np.full(count, np.inf)
    options = {
        "verbose": -9,
        "CMA_diagonal": diagonal,
        "tolfun": 0,
        "tolx": 0,
        "tolflatfitness": 999,
    }
    running = [
        cma.CMAEvolutionStrategy(np.zeros(DIMENSIONS), sigma, options | {"seed": 1 + row})
        for row in range(count)
    ]
    spent = 0
    while spent + running[0].popsize <= budget - _BISECTIONS:
        asked = [np.array(evolution.ask()) for evolution in running]
        rows = torch.arange(count).repeat_interleave(running[0].popsize)
        tried = problem.within(rows, torch.from_numpy(np.concatenate(asked)))
        seen = problem.look(rows, tried)
        length = tried.norm(dim=1)
        wrong, doubted = (seen.margin + PAST).clamp(min=0), seen.doubt.clamp(min=0)
        values = (length + WRONG * wrong + DOUBTED * doubted).numpy().reshape(count, -1)
        lengths = torch.where(seen.breaks, length, torch.inf).numpy().reshape(count, -1)
        for row, evolution in enumerate(running):
            evolution.tell(list(asked[row]), values[row].tolist())
            place = lengths[row].argmin()
            if lengths[row, place] < shortest[row]:
                shortest[row] = lengths[row, place]
                best[row] = tried.numpy().reshape(count, -1, DIMENSIONS)[row, place]
        spent += running[0].popsize
    return _back(problem, best)


def _back(problem: Problem, best: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shorten breaks to the boundary, along their own directions."""
    rows = torch.from_numpy(np.flatnonzero(np.isfinite(best).all(axis=1)))
    whole = torch.from_numpy(best)[rows]
    low, high = torch.zeros(len(rows), 1).double(), torch.ones(len(rows), 1).double()
    for _ in range(_BISECTIONS if len(rows) else 0):
        middle = (low + high) / 2
        breaks = problem.look(rows, whole * middle).breaks[:, None]
        high, low = torch.where(breaks, middle, high), torch.where(breaks, low, middle)
    best[rows.numpy()] = (whole * high).numpy()
    return best


class _Counted:
    """Counts the images that classifier and guides are shown while it is entered."""

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

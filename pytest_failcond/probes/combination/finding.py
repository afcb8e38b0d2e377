"""Combinations: for each start image, the smallest combined shift at which it is accepted and misclassified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.probes.combination.beginning import WAYS, begin
from pytest_failcond.probes.combination.posing import pose
from pytest_failcond.probes.combination.problem import Problem, moved
from pytest_failcond.probes.combination.searching import Best, Effort
from pytest_failcond.probes.combination.stages import smallest
from pytest_failcond.probes.direction.outlook import Tell
from pytest_failcond.probes.direction.ranking import Ranking, rank_dimensions
from pytest_failcond.probes.direction.starts import Starts, start_images
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import Acceptance, Judge
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import as_8_bits

_EFFORT = Effort(first=8, pushes=30, push=0.25, last=10, repairs=2, usual=150, looks=520)


@dataclass(frozen=True)
class Combinations:
    """The smallest combined shifts of N start images of a class that break the classifier.

    Attributes:
        class_index: the class.
        toward: the wanted prediction; None: any other class.
        dimensions: the D that may be moved, the ranking's first, int ``[D]``.
        std: their σ, ``[D]``.
        starts: the start images.
        shifts: σ, signed, float32 ``[N, D]``; 0 where no break was found or nothing is moved. A break that
            was rejected has its shifts, too.
        distance: root of the sum of their squares, σ, ``[N]``; 0: wrong before it is moved (for ``toward``:
            already predicted as that); NaN: not found.
        predicted: the classifier's answer at the combination, at the start where none was found, int ``[N]``.
        rejected: whether the guides let a break pass that an acceptor rejected, ``[N]``; then it is not found.
        level: how surely the acceptors see the class at the combination (`Judgement.level`), float32
            ``[N]``; NaN where none was found.
        guided_by_acceptors: whether the judges that accept were also in the search, for want of guides.
        way: ``gradient`` or ``evolution``.
    """

    class_index: int
    toward: int | None
    dimensions: npt.NDArray[np.int64]
    std: npt.NDArray[np.float64]
    starts: Starts
    shifts: npt.NDArray[np.float32]
    distance: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.int64]
    rejected: npt.NDArray[np.bool_]
    level: npt.NDArray[np.float32]
    guided_by_acceptors: bool
    way: str

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Whether each start image has a combination, ``[N]``; some are wrong before they are moved."""
        found: npt.NDArray[np.bool_] = np.isfinite(self.distance)
        return found

    @property
    def moved(self) -> npt.NDArray[np.int64]:
        """The number of dimensions that are moved, ``[N]``."""
        count: npt.NDArray[np.int64] = (self.shifts != 0).sum(axis=1)
        return count


@ours()
def find_combinations(
    generator: Generator,
    classifier: Classifier,
    class_index: int,
    *,
    dimensions: int = 32,
    samples: int = 32,
    max_distance: float = 8.0,
    toward: int | None = None,
    judge: Judge = None,
    guides: Judge = None,
    seed: int = 0,
    truncation: float = 1.0,
    tell: Tell = lambda left: None,
    ranking: Ranking | None = None,
    starts: Starts | None = None,
    way: str | None = None,
) -> Combinations:
    """Find each start image's smallest combined shift at which it is accepted and misclassified.

    A search finds a short break, then leaves out dimensions, then goes back to the boundary. It asks the guides
    alone. The acceptors are asked once, at the end, and what they reject is not found: a search that asked them
    would also find where they err.

    Args:
        generator: makes the images.
        classifier: the model under test.
        class_index: the class.
        dimensions: how many of the ranking's first may be moved.
        samples: start images.
        max_distance: the longest combined shift, σ.
        toward: the wanted prediction; None: any other class.
        judge: one judge or several, or an `Acceptance`, which decide; None: all images are accepted,
            within the generator's own range.
        guides: one judge or several that the search may use; none: those that decide, which the result says.
        seed: keys the samples.
        truncation: of the samples.
        tell: called with the seconds that are left.
        ranking: of the class; None: it is made here.
        starts: of the class; None: they are drawn.
        way: ``gradient``, ``evolution`` (no gradients are needed), or None: the first that is possible.

    Raises:
        FailcondError: ``toward`` is no other class, there are fewer dimensions, the class cannot be ranked, or
            too few images are accepted.
    """
    acceptance = Acceptance.of(judge)
    guides = guides if isinstance(guides, Classifier | Acceptance) else guides or None
    _check(generator, class_index, toward, dimensions, way)
    if ranking is None:
        ranking = rank_dimensions(
            generator,
            classifier,
            class_index,
            judge=acceptance,
            seed=seed,
            truncation=truncation,
            way="effect" if way == "evolution" else None,
        )
    if starts is None:
        starts = start_images(
            generator, acceptance, class_index, samples, seed=seed, truncation=truncation
        )
    guiding = acceptance if guides is None else Acceptance.of(guides, acceptance.least_p)
    problem = pose(
        generator, classifier, guiding, starts, toward, ranking, dimensions, max_distance
    )
    begun = begin(problem, way)
    best = smallest(begun, _EFFORT, tell)
    own = acceptance.judged and guides is None
    return _decided(problem, best, acceptance, own, begun.way)


def _check(
    generator: Generator, class_index: int, toward: int | None, dimensions: int, way: str | None
) -> None:
    names = generator.classes
    if toward is not None and not 0 <= toward < len(names):
        raise FailcondError(
            f"toward: {toward} is not one of the {len(names)} classes, 0 to {len(names) - 1}"
        )
    if toward == class_index:
        raise FailcondError(f"toward: {names[toward]!r} is the class itself; name another")
    size = generator.style_space.size
    if not 0 < dimensions <= size:
        raise FailcondError(
            f"dimensions: {dimensions} is not from 1 to {size}, the generator's style dimensions"
        )
    if way not in (None, *WAYS):
        raise FailcondError(f"way: {way!r} is none of {', '.join(WAYS)}")


def _decided(
    problem: Problem, best: Best, acceptance: Acceptance, own: bool, way: str
) -> Combinations:
    """Ask the acceptors, once, and the classifier."""
    starts = problem.starts
    count = len(starts)
    distance = np.zeros(count)
    distance[problem.open.numpy()] = np.nan
    level = np.full(count, np.nan, dtype=np.float32)
    shifts = best.shifts.float().numpy()
    predicted = problem.predicted.copy()
    rejected = np.zeros(count, dtype=bool)
    rows = np.flatnonzero(np.isfinite(distance) | best.length.isfinite().numpy())
    if len(rows):
        images = combined_images(problem.generator, starts, problem.dimensions, rows, shifts[rows])
        size = batches_of(problem.generator).images
        p = problem.classifier.probabilities(images, batch=size)
        judgement = acceptance.see(images, among=p.shape[1], batch=size)
        unmoved = np.isfinite(distance[rows])
        kept = judgement.accepted(starts.class_index) | unmoved
        level[rows[kept]] = judgement.level(starts.class_index)[kept]
        length = np.sqrt(np.square(shifts[rows].astype(np.float64)).sum(axis=1))
        distance[rows[kept]] = length[kept]
        predicted[rows[kept]] = p.argmax(axis=1)[kept]
        rejected[rows[~kept]] = True
    return Combinations(
        starts.class_index,
        problem.toward,
        problem.dimensions,
        problem.std,
        starts,
        shifts,
        distance,
        predicted,
        rejected,
        level,
        own,
        way,
    )


@ours()
def combined_images(
    generator: Generator,
    starts: Starts,
    dimensions: npt.NDArray[np.int64] | Sequence[int],
    rows: npt.NDArray[np.int64],
    shifts: npt.NDArray[np.float32],
) -> Tensor:
    """Return start images moved in several dimensions at once, as files keep them.

    Args:
        generator: makes the images.
        starts: the start images.
        dimensions: D of them.
        rows: of the start images, ``[M]``.
        shifts: of each image, σ, ``[M, D]``.

    Returns:
        float32 ``[M, C, H, W]`` in [0, 1], rounded to 8 bits.
    """
    chosen = np.asarray(dimensions, dtype=np.int64)
    std = generator.style_space.std[chosen]
    styles = moved(starts, chosen, std, torch.from_numpy(rows), torch.from_numpy(shifts))
    return torch.from_numpy(as_8_bits(generator.synthesize(styles)))

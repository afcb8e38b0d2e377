"""Walks: start images shifted along a direction until the prediction breaks.

All images, directions and steps of a walk go through the generator in full batches, the directions
of one layer together: so the generator computes unchanged layers once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.generators.base import Generator, Mover, StyleSpace, batches_of
from pytest_failcond.probes.direction.record import VALID_SHARE
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.metric import STEP
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import Acceptance, Judge
from pytest_failcond.subjects.classifier import Classifier

_BISECTIONS = 5  # of the breaking step: 0.5 σ / 2**5 = 0.016 σ
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Walk:
    """The outcomes of N start images along one direction, on a grid of T shifts.

    Attributes:
        direction: class, dimension and sign.
        std: σ of the dimension.
        shifts: the grid, σ, ``[T]``; walked only to the end of the tested range.
        broken: images broken by each shift (classifier wrong, judge not), int ``[T]``.
        lost: images that the judge lost first, by each shift, int ``[T]``.
        valid: whether each image is accepted at each shift, bool ``[T, N]``; all, without a judge.
        mean_p: mean probability of the class over all start images at each shift, ``[T]``.
        judged: whether there was a judge.
        breaks: each image's bisected breaking shift, σ, ``[N]``; NaN if it did not break.
        levels: how surely each image that broke shows its class on its way there, float32 ``[N]``: the
            least `Judgement.level` from the start to the break; NaN where it did not break. At a
            stricter acceptance, those whose level it holds break at the same shifts.
        total: N.
        unmoved: the start images, ``[N, C, H, W]`` in [0, 1].
        moved: the same at the end of the valid range, or of the walk if there is no judge: there
            each no further than its own limit.
    """

    direction: DirectionKey
    std: float
    shifts: npt.NDArray[np.float64]
    broken: npt.NDArray[np.int64]
    lost: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]
    mean_p: npt.NDArray[np.float64]
    judged: bool
    breaks: npt.NDArray[np.float64]
    levels: npt.NDArray[np.float32]
    total: int
    unmoved: Tensor
    moved: Tensor

    @property
    def accepted(self) -> npt.NDArray[np.int64]:
        """Images that the judge accepts at each shift, int ``[T]``."""
        accepted: npt.NDArray[np.int64] = self.valid.sum(axis=1)
        return accepted

    @property
    def right_unmoved(self) -> npt.NDArray[np.bool_]:
        """Whether each start image is accepted and right before it is moved, bool ``[N]``."""
        right: npt.NDArray[np.bool_] = self.valid[0] & (self.breaks != 0)  # NaN: it did not break
        return right

    @property
    def breaking_shift(self) -> float | None:
        """Smallest shift at which half of the start images are broken, σ; None: beyond the walk."""
        reached = np.flatnonzero(2 * self.broken >= self.total)
        return float(self.shifts[reached[0]]) if len(reached) else None

    @property
    def valid_range(self) -> float | None:
        """Largest shift up to which the judge accepts 80 % of the images, σ; None without a judge."""
        if not self.judged:
            return None
        failing = np.flatnonzero(self.accepted < VALID_SHARE * self.total)
        last = failing[0] - 1 if len(failing) else len(self.shifts) - 1
        return float(self.shifts[max(last, 0)])


@dataclass
class _Seen:
    """The answers of classifier and judge on images."""

    right: npt.NDArray[np.bool_]
    accepted: npt.NDArray[np.bool_]
    level: npt.NDArray[np.float32]
    p: npt.NDArray[np.float32]


@ours()
def walk(
    generator: Generator,
    classifier: Classifier,
    directions: Sequence[DirectionKey],
    starts: Starts,
    *,
    judge: Judge = None,
    max_shift: float = 8.0,
) -> list[Walk]:
    """Walk start images along directions of their class, on a grid of 0.5 σ.

    An image ends as *broken* at the first shift at which the classifier is wrong and the image is
    accepted, or as *lost* where it is accepted no longer. A walk stops once all its images have
    ended and its valid range is known. Without a judge, an image is not moved beyond the
    generator's own range of the dimension, and a walk stops when fewer than 80 % of the images can
    be moved that far or are broken already.

    Args:
        generator: makes the images.
        classifier: the model under test; any callable will do, no gradients are needed.
        directions: of the starts' class, in any layers.
        starts: N start images.
        judge: one judge or several, or an `Acceptance`, which decide whether images still show
            their class; None: all do.
        max_shift: end of the grid, σ.

    Returns:
        one `Walk` per direction, in their order.
    """
    acceptance = Acceptance.of(judge)
    batch = batches_of(generator).images

    def look(images: Tensor) -> _Seen:
        probabilities = classifier.probabilities(images, batch=batch)
        right = probabilities.argmax(axis=1) == starts.class_index
        judgement = acceptance.see(images, among=probabilities.shape[1], batch=batch)
        return _Seen(
            right,
            judgement.accepted(starts.class_index),
            judgement.level(starts.class_index),
            probabilities[:, starts.class_index],
        )

    space = generator.style_space
    layers = [space.layer_of(direction.dimension) for direction in directions]
    order = sorted(range(len(directions)), key=layers.__getitem__)
    walks: dict[int, Walk] = {}
    for _, group in groupby(order, key=layers.__getitem__):
        members = list(group)
        chosen = [directions[d] for d in members]
        stds = [float(space.std[direction.dimension]) for direction in chosen]
        moves = [{d.dimension: d.sign * std} for d, std in zip(chosen, stds, strict=True)]
        mover = generator.mover(starts.styles, moves)
        limits = np.stack([_limits(space, starts, d, acceptance.judged) for d in chosen])
        done = _walk_layer(mover, look, chosen, stds, limits, max_shift, acceptance.judged)
        walks |= dict(zip(members, done, strict=True))
    return [walks[d] for d in range(len(directions))]


def _limits(
    space: StyleSpace, starts: Starts, direction: DirectionKey, judged: bool
) -> npt.NDArray[np.float64]:
    """Return how far each image may be moved, σ, ``[N]``: to the generator's range if not judged."""
    if judged:
        return np.full(len(starts), np.inf)
    k = direction.dimension
    end = space.range[(direction.sign + 1) // 2, k]
    values = starts.styles[:, k].double().numpy()
    room: npt.NDArray[np.float64] = (end - values) * direction.sign / space.std[k]
    return room


def _walk_layer(
    mover: Mover,
    look: Callable[[Tensor], _Seen],
    directions: Sequence[DirectionKey],
    stds: Sequence[float],
    limits: npt.NDArray[np.float64],
    max_shift: float,
    judged: bool,
) -> list[Walk]:
    """Walk the directions of one layer together, a step of all of them at a time."""
    count, total = limits.shape
    grid: npt.NDArray[np.float64] = STEP * np.arange(int(max_shift / STEP) + 1, dtype=np.float64)
    broken_at = np.full((count, total), _NEVER)
    lost_at = np.full((count, total), _NEVER)
    levels = np.ones((count, total), dtype=np.float32)  # least on the way
    accepts = np.zeros((count, len(grid), total), dtype=bool)
    mean_p = np.full((count, len(grid)), np.nan)
    steps = np.zeros(count, dtype=np.int64)  # walked by each direction
    unmoved: list[Tensor] = []
    moved_to_end: dict[int, Tensor] = {}
    active = np.arange(count)
    for step, shift in enumerate(grid):
        # Without a judge, nothing is claimed at a shift that too few images can reach.
        told = (np.maximum(limits[active], 0.0) >= shift) | (broken_at[active] != _NEVER)
        active = active[told.mean(axis=1) >= VALID_SHARE]
        if not len(active):
            break
        rows = np.tile(np.arange(total), len(active))
        which = np.repeat(active, total)
        moved = np.minimum(shift, np.maximum(limits[which, rows], 0.0))
        images = mover.images(rows, which, moved)
        seen = look(images)
        right, valid = (a.reshape(len(active), total) for a in (seen.right, seen.accepted))
        going = (broken_at[active] == _NEVER) & (lost_at[active] == _NEVER)
        going &= shift <= np.maximum(limits[active], 0.0)
        broken_at[active] = np.where(going & valid & ~right, step, broken_at[active])
        lost_at[active] = np.where(going & ~valid, step, lost_at[active])
        level = np.minimum(levels[active], seen.level.reshape(len(active), total))
        levels[active] = np.where(going, level, levels[active])
        accepts[active, step] = valid
        mean_p[active, step] = seen.p.reshape(len(active), total).mean(axis=1)
        steps[active] = step + 1
        ended = (going & right & valid).sum(axis=1) == 0
        invalid = accepts[active, : step + 1].sum(axis=2).min(axis=1) < VALID_SHARE * total
        # These directions use images that are already made, without another synthesis.
        parts = torch.split(images, total)
        unmoved = unmoved or list(parts)
        moved_to_end |= {
            d: part.clone()
            for d, part, over in zip(active.tolist(), parts, invalid, strict=True)
            if step == 0 or not over
        }
        active = active[~(ended & (invalid | (not judged)))]
        if not len(active):
            break
    breaks = _bisect(mover, look, broken_at, grid, levels)
    levels[broken_at == _NEVER] = np.nan
    cumulative = np.arange(len(grid))[:, None]
    return [
        Walk(
            direction=direction,
            std=stds[d],
            shifts=grid[: steps[d]],
            broken=(broken_at[d] <= cumulative).sum(axis=1)[: steps[d]],
            lost=(lost_at[d] <= cumulative).sum(axis=1)[: steps[d]],
            valid=accepts[d, : steps[d]],
            mean_p=mean_p[d, : steps[d]],
            judged=judged,
            breaks=breaks[d],
            levels=levels[d],
            total=total,
            unmoved=unmoved[d],
            moved=moved_to_end[d],
        )
        for d, direction in enumerate(directions)
    ]


def _bisect(
    mover: Mover,
    look: Callable[[Tensor], _Seen],
    broken_at: npt.NDArray[np.int64],
    grid: npt.NDArray[np.float64],
    levels: npt.NDArray[np.float32],
) -> npt.NDArray[np.float64]:
    """Narrow each broken image's first breaking step: σ, ``[D, N]``, NaN where nothing broke.

    The image was seen broken at the returned value. Every broken image seen on the way lowers
    ``levels``, ``[D, N]``.
    """
    breaks = np.full(broken_at.shape, np.nan)
    breaks[broken_at == 0] = 0.0
    which, rows = np.nonzero((broken_at > 0) & (broken_at < _NEVER))
    if len(rows):
        high = grid[broken_at[which, rows]]
        low = high - STEP
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            seen = look(mover.images(rows, which, middle))
            breaks_here = seen.accepted & ~seen.right
            least = np.minimum(levels[which, rows], seen.level)
            levels[which, rows] = np.where(breaks_here, least, levels[which, rows])
            high = np.where(breaks_here, middle, high)
            low = np.where(breaks_here, low, middle)
        breaks[which, rows] = high
    return breaks

"""Walks: how far start images can be shifted along a direction before the prediction breaks.

All images, directions and steps of a walk go through the generator in full batches. A shift in one
layer leaves every earlier layer unchanged, so their part is computed once; and an image is linear in
the styles of the image layers (their outputs are upsampled and summed), so there two syntheses give
all shifts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.directions import VALID_SHARE
from pytest_failcond.failures.starts import Starts
from pytest_failcond.keys import DirectionKey
from pytest_failcond.metric_rows import STEP
from pytest_failcond.stylegan2.generator import Generator
from pytest_failcond.stylegan2.network import ToImage
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.surroundings import ours

_BISECTIONS = 5  # of the breaking step: 0.5 σ / 2**5 = 0.016 σ
_BATCH = 64  # images computed together: few enough that filling up the last costs little
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Walk:
    """What became of N start images along one direction, on a grid of T shifts.

    Attributes:
        direction: class, dimension and sign.
        std: σ of the dimension.
        shifts: the grid, σ, ``[T]``; walked only as far as it could say anything.
        broken: images broken by each shift (classifier wrong, judge not), int ``[T]``.
        lost: images that the judge lost first, by each shift, int ``[T]``.
        valid: whether the judge accepts each image at each shift, bool ``[T, N]``; all, without a
            judge.
        mean_p: mean probability of the class over all start images at each shift, ``[T]``.
        judged: whether there was a judge.
        breaks: each image's bisected breaking shift, σ, ``[N]``; NaN where it did not break.
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
    total: int
    unmoved: Tensor
    moved: Tensor

    @property
    def accepted(self) -> npt.NDArray[np.int64]:
        """Images that the judge accepts at each shift, int ``[T]``."""
        accepted: npt.NDArray[np.int64] = self.valid.sum(axis=1)
        return accepted

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


class _Shifted:
    """Images of one class with one dimension of a layer shifted, any rows and shifts together."""

    def __init__(
        self, generator: Generator, starts: Starts, layer: int, directions: Sequence[DirectionKey]
    ) -> None:
        self._generator = generator
        self._styles = starts.styles
        self._layer = layer
        self._stds = generator.style_space.std
        self._directions = directions
        self._state = generator.prefix(starts.styles, layer)
        self._linear = isinstance(generator.network.synthesis.layers[layer], ToImage)
        if self._linear:
            rows = np.arange(len(starts))
            self._base = self._raw(rows, np.zeros_like(rows), np.zeros(len(rows)))
            self._slopes = torch.stack(
                [
                    self._raw(rows, np.full_like(rows, d), np.ones(len(rows))) - self._base
                    for d in range(len(directions))
                ]
            )

    def images(
        self,
        rows: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        shifts: npt.NDArray[np.float64],
    ) -> Tensor:
        """Return start image ``rows[i]`` moved by ``shifts[i]`` σ along direction ``which[i]``."""
        if self._linear:
            amount = torch.from_numpy(shifts).float()[:, None, None, None]
            raw = self._base[rows] + amount * self._slopes[which, rows]
        else:
            raw = self._raw(rows, which, shifts)
        return self._generator.finish(raw)

    def _raw(
        self,
        rows: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        shifts: npt.NDArray[np.float64],
    ) -> Tensor:
        dimensions = np.array([direction.dimension for direction in self._directions])[which]
        signs = np.array([direction.sign for direction in self._directions])[which]
        amounts = torch.from_numpy(shifts * signs * self._stds[dimensions]).float()
        parts = []
        # The last batch is filled up: a network's last bits depend on the size of the batch.
        for start in range(0, len(rows), _BATCH):
            part = np.minimum(np.arange(start, start + _BATCH), len(rows) - 1)
            chosen = torch.from_numpy(rows[part])
            styles = self._styles[chosen]
            styles[torch.arange(_BATCH), torch.from_numpy(dimensions[part])] += amounts[part]
            state = self._state.select(chosen.to(self._generator.device))
            parts.append(self._generator.suffix_raw(state, styles, self._layer).cpu())
        return torch.cat(parts)[: len(rows)]


@dataclass
class _Seen:
    """What classifier and judge say of images."""

    right: npt.NDArray[np.bool_]
    accepted: npt.NDArray[np.bool_]
    p: npt.NDArray[np.float32]


@ours()
def walk(
    generator: Generator,
    classifier: Classifier,
    directions: Sequence[DirectionKey],
    starts: Starts,
    *,
    judge: Classifier | None = None,
    max_shift: float = 8.0,
) -> list[Walk]:
    """Walk start images along directions of their class, on a grid of 0.5 σ.

    An image ends as *broken* at the first shift at which the classifier is wrong and the judge is
    not, or as *lost* where the judge loses it first. A walk stops once all its images have ended
    and its valid range is known. Without a judge, an image is not moved beyond the generator's own
    range of the dimension, and a walk stops where fewer than 80 % of the images can be moved that far
    or are broken already.

    Args:
        generator: makes the images.
        classifier: the model under test; any callable will do, no gradients are needed.
        directions: of the starts' class, in any layers.
        starts: N start images.
        judge: says which images still show their class; None: all do.
        max_shift: end of the grid, σ.

    Returns:
        one `Walk` per direction, in their order.
    """

    def look(images: Tensor) -> _Seen:
        probabilities = classifier.probabilities(images, batch=_BATCH)
        right = probabilities.argmax(axis=1) == starts.class_index
        accepted = np.ones(len(images), dtype=bool)
        if judge is not None:
            accepted = (
                judge.probabilities(images, batch=_BATCH).argmax(axis=1) == starts.class_index
            )
        return _Seen(right, accepted, probabilities[:, starts.class_index])

    space = generator.style_space
    order = sorted(range(len(directions)), key=lambda d: space.layer_of(directions[d].dimension))
    walks: dict[int, Walk] = {}
    for layer, group in groupby(order, key=lambda d: space.layer_of(directions[d].dimension)):
        members = list(group)
        chosen = [directions[d] for d in members]
        limits = np.stack([_limits(generator, starts, d, judge is not None) for d in chosen])
        shifted = _Shifted(generator, starts, layer, chosen)
        done = _walk_layer(shifted, look, chosen, limits, max_shift, generator, judge is not None)
        walks |= dict(zip(members, done, strict=True))
    return [walks[d] for d in range(len(directions))]


def _limits(
    generator: Generator, starts: Starts, direction: DirectionKey, judged: bool
) -> npt.NDArray[np.float64]:
    """Return how far each image may be moved, σ, ``[N]``: to the generator's range if not judged."""
    if judged:
        return np.full(len(starts), np.inf)
    k = direction.dimension
    end = generator.style_space.range[(direction.sign + 1) // 2, k]
    values = starts.styles[:, k].double().numpy()
    room: npt.NDArray[np.float64] = (end - values) * direction.sign / generator.style_space.std[k]
    return room


def _walk_layer(
    shifted: _Shifted,
    look: Callable[[Tensor], _Seen],
    directions: Sequence[DirectionKey],
    limits: npt.NDArray[np.float64],
    max_shift: float,
    generator: Generator,
    judged: bool,
) -> list[Walk]:
    """Walk the directions of one layer together, a step of all of them at a time."""
    count, total = limits.shape
    grid: npt.NDArray[np.float64] = STEP * np.arange(int(max_shift / STEP) + 1, dtype=np.float64)
    broken_at = np.full((count, total), _NEVER)
    lost_at = np.full((count, total), _NEVER)
    accepts = np.zeros((count, len(grid), total), dtype=bool)
    mean_p = np.full((count, len(grid)), np.nan)
    steps = np.zeros(count, dtype=np.int64)  # walked by each direction
    unmoved: list[Tensor] = []
    moved_to_end: dict[int, Tensor] = {}
    active = np.arange(count)
    for step, shift in enumerate(grid):
        # Without a judge, nothing is claimed of a shift that too few images can be moved by.
        told = (np.maximum(limits[active], 0.0) >= shift) | (broken_at[active] != _NEVER)
        active = active[told.mean(axis=1) >= VALID_SHARE]
        if not len(active):
            break
        rows = np.tile(np.arange(total), len(active))
        which = np.repeat(active, total)
        moved = np.minimum(shift, np.maximum(limits[which, rows], 0.0))
        images = shifted.images(rows, which, moved)
        seen = look(images)
        right, valid = (a.reshape(len(active), total) for a in (seen.right, seen.accepted))
        going = (broken_at[active] == _NEVER) & (lost_at[active] == _NEVER)
        going &= shift <= np.maximum(limits[active], 0.0)
        broken_at[active] = np.where(going & valid & ~right, step, broken_at[active])
        lost_at[active] = np.where(going & ~valid, step, lost_at[active])
        accepts[active, step] = valid
        mean_p[active, step] = seen.p.reshape(len(active), total).mean(axis=1)
        steps[active] = step + 1
        ended = (going & right & valid).sum(axis=1) == 0
        invalid = accepts[active, : step + 1].sum(axis=2).min(axis=1) < VALID_SHARE * total
        # What these directions do is told from images already made, not from a synthesis of its own.
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
    breaks = _bisect(shifted, look, broken_at, grid)
    cumulative = np.arange(len(grid))[:, None]
    return [
        Walk(
            direction=direction,
            std=float(generator.style_space.std[direction.dimension]),
            shifts=grid[: steps[d]],
            broken=(broken_at[d] <= cumulative).sum(axis=1)[: steps[d]],
            lost=(lost_at[d] <= cumulative).sum(axis=1)[: steps[d]],
            valid=accepts[d, : steps[d]],
            mean_p=mean_p[d, : steps[d]],
            judged=judged,
            breaks=breaks[d],
            total=total,
            unmoved=unmoved[d],
            moved=moved_to_end[d],
        )
        for d, direction in enumerate(directions)
    ]


def _bisect(
    shifted: _Shifted,
    look: Callable[[Tensor], _Seen],
    broken_at: npt.NDArray[np.int64],
    grid: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Narrow each broken image's first breaking step: σ, ``[D, N]``, NaN where nothing broke.

    The value returned is one at which the image was seen broken.
    """
    breaks = np.full(broken_at.shape, np.nan)
    breaks[broken_at == 0] = 0.0
    which, rows = np.nonzero((broken_at > 0) & (broken_at < _NEVER))
    if len(rows):
        high = grid[broken_at[which, rows]]
        low = high - STEP
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            seen = look(shifted.images(rows, which, middle))
            breaks_here = seen.accepted & ~seen.right
            high = np.where(breaks_here, middle, high)
            low = np.where(breaks_here, low, middle)
        breaks[which, rows] = high
    return breaks

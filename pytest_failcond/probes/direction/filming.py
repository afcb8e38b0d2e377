"""Films: start images at many shifts along one direction or two, seen by classifier and judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.probes.direction.corner_cases import shifted_together
from pytest_failcond.probes.direction.exploration import Film, opinion_of
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.metric import STEP
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import to_uint8

BEFORE = 2.0  # σ against the direction: its effect is easier to see from both sides
_LEAST = 2.0  # σ along it, however early a walk ended
_STEPS = 8  # along each of two directions
_ROUND = 0.25  # σ; their length is a multiple
_CHUNK = 16  # batches of frames in memory as floating point at once


def film_shifts(walked_to: float) -> npt.NDArray[np.float64]:
    """Return the shifts of a film of one direction, σ: the walk's grid, and a little before it."""
    steps = np.arange(-round(BEFORE / STEP), round(max(walked_to, _LEAST) / STEP) + 1)
    return STEP * steps.astype(np.float64)


def pair_shifts(tested_to: float) -> npt.NDArray[np.float64]:
    """Return the shifts along one of two directions, σ: nine, from 0 to the end of the tested
    range.
    """
    step = _ROUND * max(1, int(np.ceil(tested_to / _STEPS / _ROUND)))
    return step * np.arange(_STEPS + 1, dtype=np.float64)


@ours()
def film(
    generator: Generator,
    classifier: Classifier,
    starts: Starts,
    directions: Sequence[DirectionKey],
    shifts: Sequence[npt.NDArray[np.float64]],
    rows: npt.NDArray[np.int64],
    *,
    acceptance: Acceptance = EVERYTHING,
) -> Film:
    """Move start images along one direction, or two at once, to all (combinations of) shifts.

    Args:
        generator: makes the images.
        classifier: the model under test; no gradients are needed.
        starts: start images, all of one class.
        directions: of that class, D of them.
        shifts: σ, ``[T]`` for each direction.
        rows: which start images, positions in ``starts``, ``[N]``.
        acceptance: decides whether images still show their class.
    """
    lattice = np.meshgrid(np.arange(len(rows)), *shifts, indexing="ij")
    shape = lattice[0].shape
    which = rows[lattice[0].ravel()]
    moves = np.stack([axis.ravel() for axis in lattice[1:]], axis=1).astype(np.float64)
    parts: list[npt.NDArray[np.uint8]] = []
    seen: list[npt.NDArray[np.float32]] = []
    judged: list[npt.NDArray[np.float32]] = []
    accepted: list[npt.NDArray[np.bool_]] = []
    batch = batches_of(generator).images
    for first in range(0, len(which), _CHUNK * batch):
        part = slice(first, first + _CHUNK * batch)
        images = shifted_together(generator, starts, directions, which[part], moves[part])
        parts.append(to_uint8(images.numpy()))
        seen.append(classifier.probabilities(images, batch=batch))
        judgement = acceptance.see(images, among=seen[-1].shape[1], batch=batch)
        strictest = judgement.strictest(starts.class_index)
        judged += [] if strictest is None else [strictest]
        accepted.append(judgement.accepted(starts.class_index))
    pixels = np.concatenate(parts)
    return Film(
        directions=tuple(directions),
        shifts=tuple(shifts),
        starts=rows,
        images=pixels.reshape(*shape, *pixels.shape[1:]),
        classifier=opinion_of(np.concatenate(seen), starts.class_index, shape),
        judge=opinion_of(np.concatenate(judged), starts.class_index, shape) if judged else None,
        accepted=np.concatenate(accepted).reshape(shape),
    )

"""How a search begins: what start images, classifier and guides are like before anything is moved."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.probes.combination.problem import (
    Problem,
    least_odds,
    logs_of,
    margin_of,
    scale_of,
)
from pytest_failcond.probes.direction.ranking import Ranking
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.subjects.acceptance import Acceptance, Judgement
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import as_8_bits

_LEAST, _MOST = 2, 200  # parts of an acceptor's doubt that guides may have
_LOST = 1.0  # of the log odds that guides give a start image
_NOTHING = 1e-30


def pose(
    generator: Generator,
    classifier: Classifier,
    guiding: Acceptance,
    starts: Starts,
    toward: int | None,
    ranking: Ranking,
    dimensions: int,
    max_distance: float,
) -> Problem:
    """Make a problem of a search's arguments: classifier and guides are shown the start images."""
    chosen = ranking.dimensions[:dimensions].copy()
    std = generator.style_space.std[chosen]
    lead = torch.from_numpy(ranking.scores[:dimensions].copy())
    size = batches_of(generator).images
    unmoved = as_8_bits(generator.synthesize(starts.styles))
    p = classifier.probabilities(unmoved, batch=size)
    aims = torch.full((len(starts),), -1 if toward is None else toward)
    margin = margin_of(logs_of(p), starts.class_index, aims)
    return Problem(
        generator,
        classifier,
        guiding,
        _asked(guiding, starts.class_index, guiding.see(unmoved, among=p.shape[1], batch=size)),
        starts,
        toward,
        aims,
        _second(p, starts.class_index),
        chosen,
        std,
        lead / lead.norm().clamp(min=_NOTHING),
        _room(generator, starts, chosen, std, guiding.judged),
        max_distance,
        scale_of(margin),
        p.argmax(axis=1),
    )


def _second(p: npt.NDArray[np.float32], class_index: int) -> Tensor:
    """Return the other class with the second largest p, ``[N]``; -1 among two classes."""
    if p.shape[1] < 3:
        return torch.full((len(p),), -1)
    others = p.copy()
    others[:, class_index] = -1
    return torch.from_numpy(np.argsort(-others, axis=1, kind="stable")[:, 1].copy())


def _asked(guiding: Acceptance, class_index: int, unmoved: Judgement) -> Tensor:
    """Return the log odds that guides must give each image, ``[N]``: nearly those that they give its start image.

    Guides are asked for more than acceptors are, who may doubt what guides do not: half the doubt, and down to a
    200th of it where they are sure of the start image.
    """
    doubt = 1 - guiding.least_p
    least, most = (float(np.log(1 - d) - np.log(d)) for d in (doubt / _LEAST, doubt / _MOST))
    return (least_odds(unmoved, class_index) - _LOST).clamp(least, most)


def _room(
    generator: Generator,
    starts: Starts,
    dimensions: npt.NDArray[np.int64],
    std: npt.NDArray[np.float64],
    judged: bool,
) -> Tensor:
    """Return how far each image may be moved down and up, σ, ``[2, N, D]``: in the generator's range if not
    judged.
    """
    values = starts.styles[:, dimensions].double().numpy()
    if judged:
        ends = np.array([-np.inf, np.inf])[:, None, None]
        return torch.from_numpy(np.broadcast_to(ends, (2, *values.shape)).copy())
    low, high = generator.style_space.range[:, dimensions]
    room = np.stack([np.minimum(low - values, 0), np.maximum(high - values, 0)])
    return torch.from_numpy(room / std)

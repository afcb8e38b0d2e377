"""The question that a search asks: which small shift of a start image breaks the classifier?

Three things are known of a combined shift. Its *margin* is how clearly the classifier has the image right, as
a difference of log p and in units of that at the start: 1 there, 0 at the boundary. Its *doubt* is how much surer
the guides should be of the class, as a difference of log odds: 0 or less, they are sure enough. Both are of
the image rounded to 8 bits, as files and people see it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.probes.combination.record import is_broken
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.subjects.acceptance import Acceptance, Judgement
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import as_8_bits

CLEARLY = 0.01
"""The margin, below 0, from which on an image counts as broken: the last bits of a network's output depend
on the batch, and must not decide."""
CERTAIN = 1e3
"""Log odds that stand for no doubt at all: finite, so that differences are numbers."""
_LEAST, _MOST = 1e-30, 1 - 1e-12  # p, so that logarithms are finite
_SMALLEST = 1e-6  # of the margin at the start, by which all others are divided


@dataclass(frozen=True)
class Seen:
    """Margin and doubt of M images, ``[M]`` each."""

    margin: Tensor
    doubt: Tensor

    @property
    def breaks(self) -> Tensor:
        """Whether each is a break that the guides let pass, bool ``[M]``."""
        return (self.margin <= -CLEARLY) & (self.doubt <= 0)

    @staticmethod
    def joined(parts: list[Seen]) -> Seen:
        """Return those of all parts, in their order."""
        return Seen(
            torch.cat([part.margin for part in parts]), torch.cat([part.doubt for part in parts])
        )


@dataclass(frozen=True)
class Problem:
    """Start images of one class, and what decides of them during the search.

    Attributes:
        generator: makes the images.
        classifier: the model under test.
        guides: they need not be the judges that accept.
        asked: log odds of the class that each guide must give an image, by its start image, ``[N]``.
        starts: N start images.
        toward: the wanted prediction; None: any other class.
        aims: the prediction that margins are of, of each image, int ``[N]``; -1: any other class.
        second: the class that each start image is taken for next but one, int ``[N]``; -1: there are two classes.
        dimensions: that may be moved, int ``[D]``.
        std: their σ, ``[D]``.
        lead: the direction in which the class is lost fastest on the mean, ``[D]``, of length 1.
        room: how far each image may be moved down and up, σ, ``[2, N, D]``.
        most: the longest combined shift, σ.
        scale: the margin of each start image, as a difference of log p, ``[N]``.
        predicted: of each start image, int ``[N]``.
    """

    generator: Generator
    classifier: Classifier
    guides: Acceptance
    asked: Tensor
    starts: Starts
    toward: int | None
    aims: Tensor
    second: Tensor
    dimensions: npt.NDArray[np.int64]
    std: npt.NDArray[np.float64]
    lead: Tensor
    room: Tensor
    most: float
    scale: Tensor
    predicted: npt.NDArray[np.int64]

    @property
    def open(self) -> Tensor:
        """The start images that are not broken before they are moved: rows, int ``[n]``."""
        broken = is_broken(self.predicted, self.starts.class_index, self.toward)
        return torch.from_numpy(np.flatnonzero(~broken))

    def styles(self, rows: Tensor, shifts: Tensor) -> Tensor:
        """Return the style vectors of moved start images: ``[M, S]``."""
        return moved(self.starts, self.dimensions, self.std, rows, shifts)

    def within(self, rows: Tensor, shifts: Tensor) -> Tensor:
        """Return shifts, ``[M, D]``, cut to where the images may be moved."""
        inside = shifts.clamp(self.room[0, rows], self.room[1, rows])
        length = inside.norm(dim=1, keepdim=True)
        within: Tensor = inside * (self.most / length.clamp(min=self.most))
        return within

    def look(self, rows: Tensor, shifts: Tensor) -> Seen:
        """Look at start images ``rows`` moved by ``shifts``, σ, ``[M, D]``; no gradients are needed."""
        return self.judged(rows, self.generator.synthesize(self.styles(rows, shifts)))

    def judged(self, rows: Tensor, images: Tensor) -> Seen:
        """Return what classifier and guides say of images of start images ``rows``."""
        size = batches_of(self.generator).images
        pixels = as_8_bits(images)
        p = self.classifier.probabilities(pixels, batch=size)
        judgement = self.guides.see(pixels, among=p.shape[1], batch=size)
        doubt = self.asked[rows] - least_odds(judgement, self.starts.class_index)
        return Seen(self.margin(rows, logs_of(p)), doubt)

    def margin(self, rows: Tensor, logs: Tensor) -> Tensor:
        """Return the margins of images by their log p or logits, ``[M, K]``."""
        return margin_of(logs, self.starts.class_index, self.aims[rows]) / self.scale[rows]


def moved(
    starts: Starts,
    dimensions: npt.NDArray[np.int64],
    std: npt.NDArray[np.float64],
    rows: Tensor,
    shifts: Tensor,
) -> Tensor:
    """Return the style vectors of start images moved by ``shifts``, σ, ``[M, D]``: float32 ``[M, S]``."""
    by = shifts.float() * torch.from_numpy(std).float()
    return starts.styles[rows].index_add(1, torch.from_numpy(dimensions), by)


def logs_of(p: npt.NDArray[np.float32]) -> Tensor:
    """Return the logarithms of probabilities, float64 of the same shape."""
    return torch.from_numpy(p).double().clamp(min=_LEAST).log()


def margin_of(logs: Tensor, class_index: int, aims: Tensor) -> Tensor:
    """Return how much larger the logarithm of p is where it should not be: ``[M]``, below 0 if broken.

    Args:
        logs: of p, or logits, ``[M, K]``.
        class_index: the class.
        aims: the wanted prediction of each image, int ``[M]``; -1: any other class.
    """
    one = torch.where(aims < 0, class_index, aims)[:, None]
    lead = logs.gather(1, one)[:, 0] - logs.scatter(1, one, -torch.inf).amax(dim=1)
    return torch.where(aims < 0, lead, -lead)


def scale_of(margin: Tensor) -> Tensor:
    """Return the unit of margins by those of the start images."""
    return margin.abs().clamp(min=_SMALLEST)


def least_odds(judgement: Judgement, class_index: int) -> Tensor:
    """Return the least log odds that a guide gives the class, ``[M]``; `CERTAIN` without a guide."""
    least = torch.full((judgement.count,), CERTAIN, dtype=torch.float64)
    for p in judgement.probabilities:
        own = torch.from_numpy(p)[:, class_index].double().clamp(_LEAST, _MOST)
        least = torch.minimum(least, own.log() - (1 - own).log())
    return least

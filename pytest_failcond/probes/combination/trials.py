"""Searches for combinations, tried on other draws of their start images. Pure; see `trials`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.statistics.draws import binomial, first
from pytest_failcond.verdicts.metrics import Case

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]


class CombinedDistance:
    """A loss, in σ: every image that breaks does so that much nearer."""

    def __init__(self, found: Combined) -> None:
        self.images = f"starts:{found.class_index}"  # those of all searches of a class
        self.size = found.total
        self.most = found.max_distance
        self._at, _ = found.steps
        self._broken = (found.found[:, None] <= self._at).astype(np.float32)  # [N, T]

    def sums(self, weights: Weights) -> Floats:
        """See `Trial`: the images broken by each distance, and all."""
        sums: Floats = np.c_[weights @ self._broken, weights.sum(axis=1)].astype(np.float64)
        return sums

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        half = first(sums[:, :-1] >= 0.5 * sums[:, -1:], self._at)
        return np.asarray(np.maximum(half - loss, 0.0))


class CombinedShare:
    """A loss, as a share: images that are not broken are, each as likely as others."""

    def __init__(self, found: Combined, at: float) -> None:
        self.images = f"starts:{found.class_index}"
        self.size = found.total
        self.most = 1.0
        self._broken = (found.found <= at + 1e-9).astype(np.float32)

    def sums(self, weights: Weights) -> Floats:
        """See `Trial`: broken, and all."""
        return np.stack([weights @ self._broken, weights.sum(axis=1)], axis=1).astype(np.float64)

    def values(self, sums: Floats, loss: float, random: np.random.Generator) -> Floats:
        """See `Trial`."""
        broken, total = sums.T
        if loss:
            rate = min(loss / max(1 - float(self._broken.mean()), 1e-12), 1.0)
            broken = broken + binomial(total - broken, np.full(len(total), rate), random)
        shares: Floats = broken / total
        return shares


def combined_distance(case: Case) -> CombinedDistance:
    """Return the trial of a distance."""
    return CombinedDistance(case.measure(case.key))


def combined_share(case: Case) -> CombinedShare:
    """Return the trial of the share broken within a distance."""
    assert case.gate.at is not None
    return CombinedShare(case.measure(case.key), case.gate.at)

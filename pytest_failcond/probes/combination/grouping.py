"""Cases grouped by their looks, so that a few of them show the different ways to fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster import hierarchy
from scipy.spatial import distance
from torch import Tensor

from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.subjects.images import LabeledImages, to_uint8
from pytest_failcond.training.fidelity import features_of

Ints = npt.NDArray[np.int64]


def group(laboratory: Laboratory, images: Tensor, most: int) -> list[Ints]:
    """Group images ``[N, C, H, W]`` by a judge's features of them, into ``most`` groups or fewer.

    Judges without features group by their probabilities; without a judge, the pixels do.
    """
    return grouped(_looks(laboratory, images), most) if len(images) else []


def grouped(looks: npt.NDArray[Any], most: int) -> list[Ints]:
    """Group N vectors ``[N, F]`` by Ward's method: the places in each group, the largest group first.

    Within a group, the vector with the least distance to the others comes first, then those near to it.
    """
    if len(looks) == 1:
        return [np.zeros(1, dtype=np.int64)]
    apart = distance.pdist(np.asarray(looks, dtype=np.float64))
    names = hierarchy.fcluster(hierarchy.linkage(apart, "ward"), most, "maxclust")
    square = distance.squareform(apart)
    found = [_from_typical(np.flatnonzero(names == name), square) for name in np.unique(names)]
    return sorted(found, key=lambda places: (-len(places), int(places[0])))


def _from_typical(places: Ints, apart: npt.NDArray[np.float64]) -> Ints:
    """Sort the places of a group: the most typical first, then the others by their distance to it."""
    inside = apart[np.ix_(places, places)]
    typical = int(inside.sum(axis=1).argmin())
    ordered: Ints = places[np.argsort(inside[typical], kind="stable")]
    return ordered


def _looks(laboratory: Laboratory, images: Tensor) -> npt.NDArray[Any]:
    """Return a vector of each image's looks, ``[N, F]``."""
    pixels = to_uint8(images.numpy())
    if not laboratory.acceptance.judged:
        return pixels.reshape(len(pixels), -1)
    data = LabeledImages(pixels, np.zeros(len(pixels), dtype=np.int64))
    for judge in laboratory.acceptance.judges:
        if (features := features_of(judge, data)) is not None:
            return features
    among = laboratory.classifier.classes or 0
    first = laboratory.acceptance.see(images, among=among).probabilities[0]
    return np.asarray(first)

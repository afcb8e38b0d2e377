"""The classes that a classifier confuses on the test images, changed or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_failcond.records.measurements import Measurement


@dataclass(frozen=True)
class Confusion:
    """Images of one class that are taken for another.

    Attributes:
        label, seen: the class, and the predicted one.
        images: their number.
        total: images of the class.
        lost: those of them that are right when clean; None if that is not known.
    """

    label: int
    seen: int
    images: int
    total: int
    lost: int | None


def confusions(measured: Measurement, clean: Measurement | None, *, most: int) -> list[Confusion]:
    """Return the pairs of classes that are confused most often, largest first."""
    right_before = None
    if clean is not None and clean.key != measured.key and clean.total == measured.total:
        right_before = clean.right
    wrong = ~measured.right
    pairs = measured.labels * measured.classes + measured.predicted
    seen_pairs, counts = np.unique(pairs[wrong], return_counts=True)
    found = []
    for place in np.argsort(-counts, kind="stable")[:most].tolist():
        pair = int(seen_pairs[place])
        label, seen = divmod(pair, measured.classes)
        lost = None if right_before is None else int((right_before & wrong & (pairs == pair)).sum())
        total = int((measured.labels == label).sum())
        found.append(Confusion(label, seen, int(counts[place]), total, lost))
    return found

"""The parts of an image set: a tenth is held out; acceptors and guides learn from halves of the rest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.errors import FailcondError
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.words.printing import count

_HELD_OUT = 10
"""One image in this many is held out."""
LEAST = 20
"""The least number of different images of a class."""


@dataclass(frozen=True)
class Parts:
    """Rows of an image set; the parts share no image.

    Attributes:
        acceptors, guides: the images that each kind of judge learns from, int ``[N]``.
        held_out: the images that no judge learns from, int ``[N]``.
    """

    acceptors: npt.NDArray[np.int64]
    guides: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.int64]


def divide(data: LabeledImages, seed: int) -> Parts:
    """Divide an image set, class by class, keyed by the seed; only the first of equal images counts.

    Raises:
        FailcondError: a class has fewer different images than `LEAST`, or the labels have a gap.
    """
    first = _first_of_each(data.images)
    labels = data.labels[first]
    random = np.random.Generator(np.random.Philox(key=stream_key("judges", "parts", seed)))
    order = random.permutation(len(first))
    parts: tuple[list[npt.NDArray[np.int64]], ...] = ([], [], [])
    classes = int(data.labels.max()) + 1
    if classes < 2:
        raise FailcondError("labels: all images are of one class; judges need two or more")
    for label in range(classes):
        rows = first[order[labels[order] == label]]
        if len(rows) < LEAST:
            raise FailcondError(
                f"labels: class {label} has {count(len(rows), 'different image')}; judges need {LEAST} or "
                "more of each class, numbered without a gap"
            )
        held_out = -(-len(rows) // _HELD_OUT)
        half = held_out + (len(rows) - held_out) // 2
        for part, chosen in zip(
            parts, (rows[held_out:half], rows[half:], rows[:held_out]), strict=True
        ):
            part.append(chosen)
    return Parts(*(np.sort(np.concatenate(part)) for part in parts))


def _first_of_each(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the rows of the images that differ from all earlier ones."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    _, first = np.unique(
        np.array(digests, dtype="V16").view("<u8").reshape(-1, 2), axis=0, return_index=True
    )
    return np.sort(first).astype(np.int64)

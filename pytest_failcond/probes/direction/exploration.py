"""The content of the explorer, as plain data: no torch, no pytest, no HTML."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.keys import DirectionKey


@dataclass(frozen=True)
class Opinion:
    """One model's answers on frames: arrays of one shape.

    Attributes:
        p: probability of the start images' class.
        predicted: predicted class, int; of a judge, the number of classes for none of these.
        top: probability of the predicted class.
    """

    p: npt.NDArray[np.float32]
    predicted: npt.NDArray[np.int64]
    top: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Film:
    """Start images moved along one direction, or along two at once.

    Attributes:
        directions: keys, one or two.
        shifts: σ, one array ``[T]`` per direction.
        starts: positions of these images among the measured start images, int ``[N]``.
        images: uint8 ``[N, T, H, W, C]``, or ``[N, T1, T2, H, W, C]``.
        classifier, judge: of the images, ``[N, T]`` or ``[N, T1, T2]``; of several judges, that which
            accepts the image least; None without one.
        accepted: whether each still shows its class, bool, of the same shape; all, without a judge.
    """

    directions: tuple[DirectionKey, ...]
    shifts: tuple[npt.NDArray[np.float64], ...]
    starts: npt.NDArray[np.int64]
    images: npt.NDArray[np.uint8]
    classifier: Opinion
    judge: Opinion | None
    accepted: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ExploredClass:
    """The directions of one class: the measurements along each, and its frames.

    Attributes:
        class_index: the class.
        starts: positions of the pictured images among the measured start images, int ``[N]``.
        samples: their numbers in the generator's stream, int ``[N]``.
        directions: the measurements, on all start images.
        films: one per direction, of all N.
        pairs: of two directions at once, some of the N.
    """

    class_index: int
    starts: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]
    directions: list[Direction]
    films: list[Film]
    pairs: list[Film]


@dataclass(frozen=True)
class Exploration:
    """A whole page.

    Attributes:
        classes: the names of all classes.
        classifier, generator, judge: their names in the configuration; judge None without one.
        explored: class by class.
        skipped: the reasons why other requested classes are missing, by class index.
    """

    classes: tuple[str, ...]
    classifier: str
    generator: str
    judge: str | None
    explored: list[ExploredClass]
    skipped: dict[int, str] = field(default_factory=dict)

"""The content of the explorer, as plain data: no torch, no pytest, no HTML."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.moved import Moved


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


def opinion_of(
    probabilities: npt.NDArray[np.float32], class_index: int, shape: tuple[int, ...]
) -> Opinion:
    """Return a model's answers, ``[M, K]``, on M frames of a class's start images."""
    return Opinion(
        p=probabilities[:, class_index].reshape(shape),
        predicted=probabilities.argmax(axis=1).reshape(shape),
        top=probabilities.max(axis=1).reshape(shape),
    )


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
class ExploredCases:
    """Start images that are moved along several directions at once, as a search found them.

    Attributes:
        search: its key.
        toward: the wanted prediction, a class by index; None: any other class.
        moved: the N start images, and how they are moved.
        names: ``layer[channel]`` of each dimension that is moved, by its number.
        images: uint8 ``[N, 2, H, W, C]``: unmoved, and moved.
        classifier, judge: of the images, ``[N, 2]``; of several judges, that which accepts the image
            least; None without one.
        accepted: whether each still shows its class, bool ``[N, 2]``; all, without a judge.
    """

    search: str
    toward: int | None
    moved: list[Moved]
    names: dict[int, str]
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
        cases: of several directions at once, by search.
    """

    class_index: int
    starts: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]
    directions: list[Direction]
    films: list[Film]
    pairs: list[Film]
    cases: list[ExploredCases] = field(default_factory=list)


@dataclass(frozen=True)
class Exploration:
    """A whole page.

    Attributes:
        classes: the names of all classes.
        classifier, generator, judge: their names in the configuration; judge None without one.
        explored: class by class.
        skipped: the reasons why other requested classes are missing, by class index.
        not_searched: the reasons why a class has no cases of several directions, by class index.
        options: the options of `failcond show` that choose the same subjects.
    """

    classes: tuple[str, ...]
    classifier: str
    generator: str
    judge: str | None
    explored: list[ExploredClass]
    skipped: dict[int, str] = field(default_factory=dict)
    not_searched: dict[int, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

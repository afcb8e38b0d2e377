"""Corner cases: the directions along which a classifier loses a class, and one typical break of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.probes.direction.outlook import Outlook, Tell
from pytest_failcond.probes.direction.ranking import Ranking, rank_dimensions
from pytest_failcond.probes.direction.record import Way
from pytest_failcond.probes.direction.starts import Starts, start_images
from pytest_failcond.probes.direction.walking import Walk, walk
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance, Judge
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import as_8_bits, to_uint8

LEAST_VALID_RANGE = 1.0  # σ; a shorter range says nothing about the classifier
MOST_CANDIDATES = 10  # times `top`: how far down the ranking directions are tried
_FRAMES = 8
_DIGITS = (
    6  # of a frame's shift: as many as the run file keeps, and enough for every bisected break
)


@dataclass(frozen=True)
class Strip:
    """One start image moved along a direction, from the start to its break.

    Attributes:
        sample: the start image's number in the generator's stream.
        broke: whether it breaks; else the strip ends at the end of the tested range.
        shifts: σ, ``[F]``.
        images: uint8 ``[F, H, W, C]``.
        p: the classifier's probability of the class, ``[F]``.
        predicted: the classifier's prediction, ``[F]``.
        judged: the prediction of the judge that accepts it least, ``[F]``, the number of classes
            for none of these; None without a judge.
        accepted: whether it still shows its class, bool ``[F]``; all, without a judge.
    """

    sample: int
    broke: bool
    shifts: npt.NDArray[np.float64]
    images: npt.NDArray[np.uint8]
    p: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.int64]
    judged: npt.NDArray[np.int64] | None
    accepted: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Finding:
    """A direction, its rank (from 1, None if it was not ranked), and its walk."""

    key: DirectionKey
    rank: int | None
    score: float
    walk: Walk
    strip: Strip


@dataclass(frozen=True)
class PassedOver:
    """A direction that ranks high, but along which images soon stop being their class."""

    key: DirectionKey
    score: float
    valid_range: float


@dataclass(frozen=True)
class Findings:
    """The findings for one class: its ranking, its best directions, and those passed over.

    ``starts``: the start images that were walked; ``right_unmoved``: whether the classifier has each of them
    right before it is moved, bool ``[N]``.
    """

    ranking: Ranking
    starts: Starts
    directions: tuple[Finding, ...]
    passed_over: tuple[PassedOver, ...]
    right_unmoved: npt.NDArray[np.bool_]


@ours()
def find_corner_cases(
    generator: Generator,
    classifier: Classifier,
    class_index: int,
    *,
    top: int = 3,
    samples: int = 128,
    max_shift: float = 8.0,
    judge: Judge = None,
    seed: int = 0,
    truncation: float = 1.0,
    ranking: Way | None = None,
    tell: Tell = lambda left: None,
    besides: int = 0,
) -> Findings:
    """Find a class's ``top`` directions and walk them (arXiv 2410.12814, with validity judged).

    Directions with a valid range under 1 σ are passed over for the next in the ranking.

    Args:
        generator: makes the images.
        classifier: the model under test.
        class_index: the class.
        top: directions wanted; fewer are returned if the ranking's first 10 x ``top`` hold no more, or
            no more dimensions lose anything.
        samples: start images, and images that the ranking averages over.
        max_shift: end of the walks, σ.
        judge: one judge or several, or an `Acceptance`, which decide whether images still show the
            class; None: all do, within the generator's range.
        seed: keys the samples.
        truncation: of the samples, towards the mean of their class; σ and ranges stay those of 1.
        ranking: ``"gradient"`` or ``"effect"``; None: by gradient if the classifier has one.
        tell: called with the seconds that are left, once the first images are ranked.
        besides: images that the caller will synthesise afterwards; their seconds are told too.

    Raises:
        FailcondError: no dimension can be ranked, or the judge accepts too few images.
    """
    acceptance = Acceptance.of(judge)
    outlook = Outlook(tell, generator, samples, top, max_shift, acceptance.judged, besides=besides)
    ranked = rank_dimensions(
        generator,
        classifier,
        class_index,
        samples=samples,
        judge=acceptance,
        seed=seed,
        truncation=truncation,
        way=ranking,
        outlook=outlook,
    )
    starts = start_images(
        generator, acceptance, class_index, samples, seed=seed, truncation=truncation
    )
    found: list[Finding] = []
    passed: list[PassedOver] = []
    right_unmoved = np.zeros(len(starts), dtype=bool)
    position = 0
    last = min(MOST_CANDIDATES * top, int(np.count_nonzero(ranked.scores)))
    while len(found) < top and position < last:
        chosen = range(position, min(position + top - len(found), last))
        keys = [
            DirectionKey(class_index, int(ranked.dimensions[i]), ranked.sign(i)) for i in chosen
        ]
        walks = walk(generator, classifier, keys, starts, judge=acceptance, max_shift=max_shift)
        outlook.walked()
        right_unmoved = walks[0].right_unmoved  # the same along every direction
        for i, key, walked in zip(chosen, keys, walks, strict=True):
            score = float(abs(ranked.scores[i]))
            if walked.valid_range is not None and walked.valid_range < LEAST_VALID_RANGE:
                passed.append(PassedOver(key, score, walked.valid_range))
                continue
            strip = make_strip(generator, classifier, walked, starts, acceptance)
            found.append(Finding(key, len(found) + 1, score, walked, strip))
        position = chosen.stop
    return Findings(ranked, starts, tuple(found), tuple(passed), right_unmoved)


@ours()
def measure_directions(
    generator: Generator,
    classifier: Classifier,
    keys: Sequence[DirectionKey],
    *,
    samples: int = 128,
    max_shift: float = 8.0,
    acceptance: Acceptance = EVERYTHING,
    seed: int = 0,
    truncation: float = 1.0,
) -> list[Finding]:
    """Walk given directions of one class, whatever their rank on this classifier.

    Raises:
        FailcondError: the generator has no such dimension, or the classes differ.
    """
    if len({key.class_index for key in keys}) != 1:
        raise FailcondError(
            "only directions of one class can be walked together; walk each class separately"
        )
    starts = start_images(
        generator, acceptance, keys[0].class_index, samples, seed=seed, truncation=truncation
    )
    walks = walk(generator, classifier, keys, starts, judge=acceptance, max_shift=max_shift)
    return [
        Finding(
            key, None, 0.0, walked, make_strip(generator, classifier, walked, starts, acceptance)
        )
        for key, walked in zip(keys, walks, strict=True)
    ]


@ours()
def make_strip(
    generator: Generator,
    classifier: Classifier,
    walked: Walk,
    starts: Starts,
    acceptance: Acceptance,
) -> Strip:
    """Picture the typical break: the start image whose breaking shift is the median of those moved.

    Breaks beyond the valid range are left out, since nothing is claimed there. Images that are
    wrong before they are moved break at 0 and make a poor picture; one is shown only if there is no
    other. The choice knows no threshold.
    """
    claimed = walked.breaks <= (walked.valid_range or np.inf)
    moved = np.flatnonzero(claimed & (walked.breaks > 0))
    broke = bool(claimed.any())
    if len(moved):
        row = int(moved[np.argsort(walked.breaks[moved], kind="stable")[len(moved) // 2]])
        end = float(walked.breaks[row])
    elif broke:
        row, end = int(np.flatnonzero(walked.breaks == 0)[0]), 0.0
    else:
        row, end = 0, walked.valid_range or float(walked.shifts[-1])
    shifts = np.round(np.linspace(0.0, end, _FRAMES), _DIGITS)
    images = shifted_images(generator, starts, walked.direction, np.full(_FRAMES, row), shifts)
    batch = batches_of(generator).images
    probabilities = classifier.probabilities(images, batch=batch)
    judgement = acceptance.see(images, among=probabilities.shape[1], batch=batch)
    strictest = judgement.strictest(starts.class_index)
    return Strip(
        sample=int(starts.samples[row]),
        broke=broke,
        shifts=shifts,
        images=to_uint8(images.numpy()),
        p=probabilities[:, starts.class_index].astype(np.float64),
        predicted=probabilities.argmax(axis=1),
        judged=None if strictest is None else strictest.argmax(axis=1),
        accepted=judgement.accepted(starts.class_index),
    )


def shifted_images(
    generator: Generator,
    starts: Starts,
    direction: DirectionKey,
    rows: npt.NDArray[np.int64],
    shifts: npt.NDArray[np.float64],
) -> torch.Tensor:
    """Return start images moved along a direction: ``[len(rows), C, H, W]`` in [0, 1]."""
    return shifted_together(generator, starts, [direction], rows, shifts[:, None])


@ours()
def shifted_together(
    generator: Generator,
    starts: Starts,
    directions: Sequence[DirectionKey],
    rows: npt.NDArray[np.int64],
    shifts: npt.NDArray[np.float64],
) -> torch.Tensor:
    """Return start images moved along D directions at once, by ``shifts[i, d]`` σ along each.

    ``[len(rows), C, H, W]`` in [0, 1].
    """
    styles = starts.styles[torch.from_numpy(rows)].clone()
    for direction, amounts in zip(directions, shifts.T, strict=True):
        sigma = generator.style_space.std[direction.dimension]
        moves = torch.from_numpy(amounts * direction.sign * sigma).float()
        styles[:, direction.dimension] += moves
    return generator.synthesize(styles)


def moved_as_tested(
    generator: Generator,
    starts: Starts,
    directions: Sequence[DirectionKey],
    row: int,
    shifts: Sequence[float],
) -> npt.NDArray[np.float32]:
    """Return a start image ``[1, C, H, W]`` moved along directions, as the tests show it to the classifier.

    Walks along one direction show it as it is, searches for combinations in 8 bits.
    """
    moves = np.array([shifts], dtype=np.float64)
    image = shifted_together(generator, starts, directions, np.array([row]), moves)
    return image.numpy() if len(directions) == 1 else as_8_bits(image)

"""Makes the images of Hypothesis cases, and asks the models about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.plugin.case_images import (
    CaseImage,
    CombinedImage,
    CorruptedImage,
    SeenImage,
    margin_of,
)
from pytest_failcond.probes.cases import Case, Combination, Corrupted
from pytest_failcond.probes.direction.record import ClassRanking, Direction
from pytest_failcond.probes.keys import CorruptionKey, DirectionKey, Key, RankingKey
from pytest_failcond.probes.metric import STEP
from pytest_failcond.process.exchange import described
from pytest_failcond.words.judged import judged_name

if TYPE_CHECKING:
    import numpy.typing as npt

    from pytest_failcond.probes.direction.starts import Starts


class Cases:
    """Makes images of cases; the start images of a class are drawn once.

    Args:
        laboratory: the subjects.
        classes: names of the classes, by index.
        measure: returns the record of a key.
        direction: returns the key of a class's direction of a rank, from 1.
    """

    def __init__(
        self,
        laboratory: Laboratory,
        classes: Sequence[str],
        measure: Callable[[Key], Any],
        direction: Callable[[int, int], DirectionKey],
    ) -> None:
        self._laboratory, self._classes = laboratory, classes
        self._measure, self._direction = measure, direction

    def image(self, case: Any) -> SeenImage:
        """Return the image of a case, and the models' answers.

        Raises:
            FailcondError: it is no case, or names what is not there.
        """
        if isinstance(case, Case):
            return self._along(case)
        if isinstance(case, Combination):
            return self._combined(case)
        if isinstance(case, Corrupted):
            return self._corrupted(case)
        raise FailcondError(
            "expected a Case, Combination or Corrupted of pytest_failcond.strategies, got "
            f"{described(case)}"
        )

    def _along(self, case: Case) -> CaseImage:
        last = len(self._classes) - 1
        _check(case, "class_index", case.class_index, 0, last, drawn_from="classes")
        top = self._laboratory.settings.corner_cases.top
        _check(case, "rank", case.rank, 1, top, drawn_from="top")
        _check(case, "steps", case.steps, 0)
        _check(case, "seed", case.seed, 0)
        direction: Direction = self._measure(self._direction(case.class_index, case.rank))
        shift = case.steps * STEP
        image, sample = self._moved(case.class_index, case.seed, [direction.key], [shift])
        return CaseImage(
            **self._seen(image, case.class_index, self._batch),
            direction=direction, shift=shift, sample=sample,
        )  # fmt: skip

    def _combined(self, case: Combination) -> CombinedImage:
        last = len(self._classes) - 1
        _check(case, "class_index", case.class_index, 0, last, drawn_from="classes")
        _check(case, "seed", case.seed, 0)
        moves = _moves(case)
        ranking: ClassRanking = self._measure(RankingKey(case.class_index))
        known = len(ranking.dimensions)
        for rank, _ in moves:
            _check(case, "rank", rank, 1, known, drawn_from="top")
        chosen = [
            (
                ranking.dimensions[rank - 1],
                np.sign(steps) * (1 if ranking.scores[rank - 1] >= 0 else -1),
            )
            for rank, steps in moves
        ]
        keys = [DirectionKey(case.class_index, number, int(sign)) for number, sign in chosen]
        shifts = [abs(steps) * STEP for _, steps in moves]
        image, sample = self._moved(case.class_index, case.seed, keys, shifts)
        return CombinedImage(
            **self._seen(image, case.class_index, self._batch),
            directions=tuple(keys), shifts=tuple(shifts), sample=sample,
        )  # fmt: skip

    def _corrupted(self, case: Corrupted) -> CorruptedImage:
        from pytest_failcond.probes.corruption.measure import corruptions
        from pytest_failcond.subjects.images import to_float

        laboratory = self._laboratory
        images = laboratory.images
        if images is None:
            raise FailcondError(
                f"there are no test images; set images in {laboratory.settings.table()}"
            )
        _check(case, "severity", case.severity, 1, 5, drawn_from="max_severity")
        _check(case, "index", case.index, 0, len(images) - 1, drawn_from="images")
        indices = np.array([case.index])
        pixels = laboratory.once(corruptions).apply(
            case.corruption, images.images[indices], case.severity, indices
        )
        return CorruptedImage(
            **self._seen(to_float(pixels), int(images.labels[case.index])),
            key=CorruptionKey(case.corruption, case.severity), index=int(case.index),
        )  # fmt: skip

    def _moved(
        self, class_index: int, seed: int, keys: Sequence[DirectionKey], shifts: Sequence[float]
    ) -> tuple[npt.NDArray[np.float32], int]:
        """Return a start image moved along directions, ``[1, C, H, W]``, and its number in the stream."""
        from pytest_failcond.probes.direction.corner_cases import moved_as_tested

        assert self._laboratory.generator is not None
        starts = self._starts(class_index)
        row = seed % len(starts)
        image = moved_as_tested(self._laboratory.generator, starts, keys, row, shifts)
        return image, int(starts.samples[row])

    def _seen(self, image: Any, label: int, batch: int | None = None) -> dict[str, Any]:
        """Ask the models about an image ``[1, C, H, W]``: the parts of a `SeenImage`."""
        laboratory = self._laboratory
        p = laboratory.classifier.probabilities(image, batch=batch)[0]
        judgement = laboratory.acceptance.see(image, among=len(p), batch=batch)
        strictest = judgement.strictest(label)
        return {
            "image": np.asarray(image[0]),
            "class_name": self._classes[label],
            "label": label,
            "p": float(p[label]),
            "margin": margin_of(p, label),
            "predicted": int(p.argmax()),
            "judged": None if strictest is None else int(strictest[0].argmax()),
            "accepted": bool(judgement.accepted(label)[0]),
            "given": laboratory.settings.given,
            "judges": tuple(judged_name(self._classes, int(seen[0])) for seen in judgement.labels),
        }

    @property
    def _batch(self) -> int:
        """How many generated images the models see at once: an answer depends on it to the last bit."""
        from pytest_failcond.generators.base import batches_of

        assert self._laboratory.generator is not None
        return batches_of(self._laboratory.generator).images

    @lru_cache(maxsize=128)  # noqa: B019 - one object per session
    def _starts(self, class_index: int) -> Starts:
        from pytest_failcond.probes.direction.starts import starts_of

        laboratory = self._laboratory
        assert laboratory.generator is not None
        return starts_of(
            laboratory.generator, laboratory.acceptance, class_index, laboratory.settings
        )


def _moves(case: Combination) -> list[tuple[int, int]]:
    """Return the moves of a combination: whole numbers, no dimension twice."""
    moves = case.moves
    if not isinstance(moves, tuple | list) or not all(
        isinstance(move, tuple | list) and len(move) == 2 for move in moves
    ):
        raise FailcondError(f"expected moves as pairs (rank, steps), got {described(moves)}")
    for rank, steps in moves:
        _check(case, "rank", rank, 1)
        _check(case, "steps", steps)
    ranks = [rank for rank, _ in moves]
    if len(set(ranks)) < len(ranks):
        raise FailcondError(
            f"the moves of a combination name rank {max(ranks, key=ranks.count)} twice"
        )
    return [(int(rank), int(steps)) for rank, steps in moves]


def _check(
    case: object,
    name: str,
    value: object,
    low: int | None = None,
    high: int | None = None,
    *,
    drawn_from: str = "",
) -> None:
    """Check that a part of a case is a whole number within its range.

    ``drawn_from``: the argument of a strategy that decides how large it may be.

    Raises:
        FailcondError: it is not.
    """
    if not isinstance(value, int | np.integer):
        kind = type(case).__name__
        raise FailcondError(
            f"expected a {kind} of pytest_failcond.strategies, got {described(case)} with {name} = "
            f"{described(value)}"
        )
    if (low is not None and value < low) or (high is not None and value > high):
        until = "" if high is None else f" to {high}"
        remedy = f"; in a strategy, change the argument {drawn_from}" if drawn_from else ""
        raise FailcondError(f"{name} = {value} is outside {low}{until}{remedy}")

"""The content of the explorer: a laboratory's classes, directions and their films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.generators.base import Generator
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.measuring.alone import Alone
from pytest_failcond.probes.direction.exploration import Exploration, ExploredClass, Film
from pytest_failcond.probes.direction.filming import film, film_shifts, pair_shifts
from pytest_failcond.probes.direction.measure import find, measure_direction
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.direction.starts import Starts, starts_of
from pytest_failcond.probes.keys import DirectionKey, RankingKey
from pytest_failcond.words.commands import options_of

_PAIRED = 2  # start images of a film of two directions: it has many frames

Tell = Callable[[str], None]
"""Called with the name of the explored class."""


def explore(
    laboratory: Laboratory,
    classes: Sequence[int],
    directions: Sequence[DirectionKey] = (),
    *,
    samples: int,
    tell: Tell = lambda text: None,
) -> Exploration:
    """Measure and film the directions of some classes, and, unless some are given, the cases of their searches.

    Args:
        laboratory: with a generator.
        classes: indices of the classes.
        directions: to explore instead of those that rank highest; of these classes.
        samples: start images to picture, at most the configured ``corner_cases.samples``.
        tell: called with the current step.

    Raises:
        FailcondError: there is no generator, or no class has a direction to show.
    """
    generator = laboratory.generator
    if generator is None:
        raise FailcondError(NO_GENERATOR)
    settings = laboratory.settings
    explored: list[ExploredClass] = []
    skipped: dict[int, str] = {}
    not_searched: dict[int, str] = {}
    bench = Alone(laboratory)
    names = settings.classes or generator.classes
    judged_by = ", ".join(name for _, name in settings.named_judges) or "judge"
    for number, index in enumerate(classes, start=1):
        tell(f"class {names[index]!r}, {number} of {len(classes)}")
        wanted = [key for key in directions if key.class_index == index]
        try:
            found = _directions(bench, index, wanted)
            one = _explore_class(laboratory, generator, index, found, samples)
        except FailcondError as error:
            skipped[index] = str(error)
            continue
        try:
            cases = [] if directions else bench.explored(index, samples)
        except FailcondError as error:
            cases, not_searched[index] = [], str(error)
        explored.append(replace(one, cases=cases))
    if not explored:
        raise FailcondError(next(iter(skipped.values())))
    return Exploration(
        classes=tuple(names),
        classifier=settings.classifier or "classifier",
        generator=Path(settings.generator or "generator").name,
        judge=judged_by if laboratory.acceptance.judged else None,
        explored=explored,
        skipped=skipped,
        not_searched=not_searched,
        options=tuple(options_of(settings.given)),
    )


def _directions(bench: Alone, class_index: int, wanted: Sequence[DirectionKey]) -> list[Direction]:
    """Measure the requested directions of a class, or those that rank highest."""
    laboratory = bench.laboratory
    if wanted:
        return [measure_direction(laboratory, key, _keep_nothing) for key in wanted]
    ranking, found = find(laboratory, RankingKey(class_index), _keep_nothing)
    bench.know([ranking, *found])
    if not found:
        raise FailcondError(
            f"all {len(ranking.passed_over)} directions tried are valid for less than 1 σ"
        )
    return found


def _keep_nothing(name: str, picture: npt.NDArray[np.uint8]) -> str:
    """Replace the keeping of pictures: films show more than strips."""
    return name


def _explore_class(
    laboratory: Laboratory,
    generator: Generator,
    class_index: int,
    found: list[Direction],
    samples: int,
) -> ExploredClass:
    acceptance = laboratory.acceptance
    starts = starts_of(generator, acceptance, class_index, laboratory.settings)

    def take(
        keys: Sequence[DirectionKey],
        shifts: Sequence[npt.NDArray[np.float64]],
        rows: npt.NDArray[np.int64],
    ) -> Film:
        return film(
            generator, laboratory.classifier, starts, keys, shifts, rows, acceptance=acceptance
        )

    order = _most_telling(found, starts)
    rows = np.sort(order[:samples])
    keys = [direction.key for direction in found]
    films = [
        take([key], [film_shifts(direction.curve.shift[-1])], rows)
        for key, direction in zip(keys, found, strict=True)
    ]
    paired = np.sort(order[: min(_PAIRED, samples)])
    lengths = [pair_shifts(direction.tested_to) for direction in found]
    pairs = [
        take([first, second], [length, other], paired)
        for (first, length), (second, other) in combinations(zip(keys, lengths, strict=True), 2)
        if first.dimension != second.dimension
    ]
    return ExploredClass(class_index, rows, starts.samples[rows], found, films, pairs)


def _most_telling(found: Sequence[Direction], starts: Starts) -> npt.NDArray[np.int64]:
    """Order the start images: the typical breaks of the reports first."""
    typical = [int(np.flatnonzero(starts.samples == one.strip.sample)[0]) for one in found]
    return np.array(list(dict.fromkeys([*typical, *range(len(starts))])))

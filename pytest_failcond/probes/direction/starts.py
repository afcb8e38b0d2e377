"""Start images: accepted images, the same for every version of a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator, batches_of
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.acceptance import Acceptance

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings

MOST_DRAWN = 4  # times as many as needed


@dataclass(frozen=True)
class Starts:
    """Start images of one class.

    Attributes:
        class_index: their class.
        samples: their numbers in the generator's stream, int ``[N]``.
        styles: their style vectors, float32 ``[N, S]``.
    """

    class_index: int
    samples: npt.NDArray[np.int64]
    styles: Tensor

    def __len__(self) -> int:
        return len(self.samples)


@ours()
def start_images(
    generator: Generator,
    acceptance: Acceptance,
    class_index: int,
    count: int,
    *,
    seed: int = 0,
    stream: str = "measure",
    truncation: float = 1.0,
) -> Starts:
    """Draw ``count`` images of a class that are accepted as that class.

    They depend on generator, acceptance, seed, stream and truncation alone. Without a judge, all are accepted. Ranking
    and measuring use two streams and never share a sample: the dimensions that rank highest are
    flattered on the samples that chose them.

    Raises:
        FailcondError: too few of 4 x ``count`` are accepted.
    """
    numbers: list[npt.NDArray[np.int64]] = []
    styles: list[Tensor] = []
    found = 0
    for draw in range(MOST_DRAWN):
        first = draw * count
        labels = torch.full((count,), class_index)
        key = f"{stream}/{class_index}"
        drawn = generator.sample(labels, seed, stream=key, first=first, truncation=truncation)
        accepted = np.ones(count, dtype=bool)
        if acceptance.judged:
            images, among = generator.synthesize(drawn), len(generator.classes)
            batch = batches_of(generator).images
            accepted = acceptance.accepts(images, class_index, among=among, batch=batch)
        numbers.append(first + np.flatnonzero(accepted))
        styles.append(drawn[torch.from_numpy(accepted)])
        found += int(accepted.sum())
        if found >= count:
            return Starts(class_index, np.concatenate(numbers)[:count], torch.cat(styles)[:count])
    raise FailcondError(
        f"{acceptance.who} {'accepts' if len(acceptance.judges) == 1 else 'accept'} only {found} of "
        f"{MOST_DRAWN * count} generated images of class {generator.classes[class_index]!r}, and "
        f"{count} are needed; train the generator or {acceptance.who} further, or lower "
        "acceptance.least_p or corner_cases.samples"
    )


def starts_of(
    generator: Generator,
    acceptance: Acceptance,
    class_index: int,
    settings: Settings,
    *,
    count: int | None = None,
) -> Starts:
    """Draw the start images of a class that a configuration asks for: those of directions, or ``count``.

    They are of one stream: the first of both are the same images.

    Raises:
        FailcondError: too few are accepted.
    """
    options = settings.corner_cases
    return start_images(
        generator,
        acceptance,
        class_index,
        options.samples if count is None else count,
        seed=settings.seed,
        truncation=options.truncation,
    )


@ours()
def start_image(
    generator: Generator,
    class_index: int,
    sample: int,
    count: int,
    *,
    seed: int = 0,
    stream: str = "measure",
    truncation: float = 1.0,
) -> Starts:
    """Return one start image by its number.

    It is drawn with the same ``count`` images as before: a network's last bits depend on an image's
    place in its batch.
    """
    first = sample - sample % count
    labels = torch.full((count,), class_index)
    key = f"{stream}/{class_index}"
    drawn = generator.sample(labels, seed, stream=key, first=first, truncation=truncation)
    row = sample - first
    return Starts(class_index, np.array([sample]), drawn[row : row + 1])

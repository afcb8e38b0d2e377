"""Images of start images that are moved, each in its own way; those past a break, which a corpus keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
import torch
from torch import Tensor

from pytest_failcond.generators.base import Generator
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.moved import Moved
from pytest_failcond.process.surroundings import ours
from pytest_failcond.records.found import FoundCase
from pytest_failcond.subjects.images import to_float, to_uint8

PAST = 0.5
"""σ past its break at which an image is kept: a break is where the classifier is least sure."""


@dataclass(frozen=True)
class Break:
    """A start image at its break, or on a way that may lead to one.

    Attributes:
        moved: the start image, and its shifts.
        style: its style vector before it is moved, float32 ``[S]``.
        search: the key of the search that found it; None: it is moved along one direction.
        level: the least probability that any judge gave its class: on the way along a direction, or of
            the image that a search found; None without a judge.
        name: of the way that it was moved, in ids.
    """

    moved: Moved
    style: Tensor
    search: str | None = None
    level: float | None = None
    name: str = ""


@dataclass(frozen=True)
class Breaks:
    """The images that a review may draw.

    Attributes:
        breaks: broken images that the judges accept.
        ways: start images and directions; some lead to broken images that the judges reject.
        rejected: broken images that the judges reject.
    """

    breaks: list[Break] = field(default_factory=list)
    ways: list[Break] = field(default_factory=list)
    rejected: list[Break] = field(default_factory=list)

    def add(self, others: Breaks) -> None:
        """Add others to these."""
        self.breaks.extend(others.breaks)
        self.ways.extend(others.ways)
        self.rejected.extend(others.rejected)


@ours()
def moved_images(generator: Generator, styles: Tensor, moved: Sequence[Moved]) -> Tensor:
    """Return start images of any classes, each moved in its own way.

    Args:
        generator: makes the images.
        styles: the style vectors of the start images, float32 ``[N, S]``.
        moved: how each is moved.

    Returns:
        float32 ``[N, C, H, W]`` in [0, 1].
    """
    styles, std = styles.clone(), generator.style_space.std
    for row, one in enumerate(moved):
        for key, shift in zip(one.directions, one.shifts, strict=True):
            styles[row, key.dimension] += float(np.float32(shift * key.sign * std[key.dimension]))
    return generator.synthesize(styles)


def past_the_break(
    laboratory: Laboratory, breaks: Sequence[Break], end: float = inf
) -> Iterable[FoundCase]:
    """Move images 0.5 σ past their breaks, and ask classifier and judges about the very pixels.

    None is moved beyond ``end``, σ: nothing is known there.

    All are of one class.
    """
    if not breaks:
        return
    generator, acceptance = laboratory.generator, laboratory.acceptance
    assert generator is not None
    index = breaks[0].moved.class_index
    moved = [one.moved.beyond(PAST, end) for one in breaks]
    styles = torch.stack([one.style for one in breaks])
    pixels = to_uint8(moved_images(generator, styles, moved).numpy())
    p = laboratory.classifier.probabilities(to_float(pixels), owned=True)
    judgement = acceptance.see(to_float(pixels), among=p.shape[1])
    accepted, strictest = judgement.accepted(index), judgement.strictest(index)
    for i, one in enumerate(breaks):
        yield FoundCase(
            name=one.name,
            search=one.search,
            moved=moved[i],
            broke_at=round(one.moved.distance, 4),
            pixels=pixels[i],
            predicted=int(p[i].argmax()),
            p=round(float(p[i, index]), 4),
            judged=None if strictest is None else int(strictest[i].argmax()),
            accepted=bool(accepted[i]),
        )

"""Ranking and walks, against the same at batch 1, and against the paper's own procedure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.example import load_example
from benchmarks.timing import seconds
from pytest_failcond import Classifier, Generator
from pytest_failcond.generators.base import BATCH
from pytest_failcond.probes.direction.by_gradient import mean_gradient
from pytest_failcond.probes.direction.ranking import rank_dimensions
from pytest_failcond.probes.direction.starts import Starts, start_images
from pytest_failcond.probes.direction.walking import walk
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.metric import STEP
from pytest_failcond.subjects.acceptance import Acceptance

CLASS, SAMPLES, MAX_SHIFT = 7, 64, 8.0
ONE_IN = 4  # start images that are walked at batch 1, whose time grows with their number
LOOKS = 32  # a step of the grid is searched to 1/32
CASES, COARSE, BACK = 10, 5.0, 0.01  # of the paper: ten cases, steps in σ


def run() -> None:
    """Print seconds and ratios."""
    generator, model, classifier, packed, acceptance = load_example()
    starts = start_images(generator, acceptance, CLASS, SAMPLES)

    def plainly(images: Tensor) -> tuple[Tensor, Tensor]:
        """Which images break the classifier, and which the judges accept: calls of the modules alone."""
        seen = images.mul(255).round() / 255
        wrong, valid = model(seen).argmax(1) != CLASS, torch.ones(len(seen), dtype=torch.bool)
        for judge in packed.acceptors:
            p = torch.softmax(judge(seen), 1)
            valid &= (p.argmax(1) == CLASS) & (p[:, CLASS] >= acceptance.least_p)
        return wrong, valid

    ranking = rank_dimensions(generator, classifier, CLASS, samples=SAMPLES, judge=acceptance)
    keys = [DirectionKey(CLASS, int(ranking.dimensions[i]), ranking.sign(i)) for i in range(3)]

    def single(styles: Tensor) -> Tensor:
        with torch.no_grad():
            return generator.render(styles)

    def gradients_one_by_one() -> None:
        for styles in starts.styles:
            s = styles[None].clone().requires_grad_()
            image = generator.render(s)
            p = torch.softmax(classifier.logits(image), 1)[0, CLASS]
            torch.autograd.grad(p, s)

    one, batched = seconds(
        gradients_one_by_one, lambda: mean_gradient(generator, classifier, starts)
    )
    print(f"ranking, {SAMPLES} images: batch 1 {one:.2f} s, ours {batched:.2f} s")
    print(f"  batching: {one / batched:.1f} x\n")

    _walks(generator, starts, keys, classifier, acceptance, plainly)
    last = len(generator.style_space.layers) - 1
    space, late = generator.style_space, []
    for layer in (last - 1, last):
        i = next(i for i, k in enumerate(ranking.dimensions) if space.layer_of(int(k)) == layer)
        late.append(DirectionKey(CLASS, int(ranking.dimensions[i]), ranking.sign(i)))
    print("the same along the best directions of the last two layers, where most can be reused:")
    _walks(generator, starts, late, classifier, acceptance, plainly)
    _paper(generator, starts, keys[0], single, classifier, acceptance)


def _walks(
    generator: Generator,
    starts: Starts,
    keys: list[DirectionKey],
    classifier: Classifier,
    acceptance: Acceptance,
    plainly: Callable[[Tensor], tuple[Tensor, Tensor]],
) -> None:
    """The same starts, grid and outputs: at batch 1, then with one idea after the other."""
    grid = np.arange(0, MAX_SHIFT + STEP, STEP)
    inside = np.arange(1, LOOKS) * STEP / LOOKS  # shifts inside a step, for a linear search
    rows = np.arange(len(starts))

    def broken(key: DirectionKey, rows: Any, shifts: Any, batch: int) -> Any:
        """Whole syntheses: whether start image ``rows[i]`` is broken at ``shifts[i]``, and judged."""
        sigma = generator.style_space.std[key.dimension] * key.sign
        seen, valid = [], []
        for first in range(0, len(rows), batch):
            part = slice(first, first + batch)
            styles = starts.styles[torch.from_numpy(rows[part])].clone()
            styles[:, key.dimension] += torch.from_numpy(shifts[part] * sigma).float()
            with torch.no_grad():
                images = generator.render(styles)
                both = plainly(images)
            seen.append(both[0])
            valid.append(both[1])
        return torch.cat(seen).numpy(), torch.cat(valid).numpy()

    def first_steps(key: DirectionKey, some: Any, batch: int) -> tuple[Any, Any]:
        """Of some images those that break, and the grid's first step at which they do."""
        wrong, valid = broken(key, np.repeat(some, len(grid)), np.tile(grid, len(some)), batch)
        ends = (wrong | ~valid).reshape(len(some), -1)
        step = ends.argmax(axis=1)
        valid = valid.reshape(ends.shape)[np.arange(len(some)), step]
        which = np.flatnonzero(ends.any(axis=1) & (step > 0) & valid)
        return some[which], grid[step[which]]

    def linear(batch: int, some: Any) -> None:
        for key in keys:
            which, high = first_steps(key, some, batch)
            shifts = (high[:, None] - STEP + inside).reshape(-1)
            broken(key, np.repeat(which, len(inside)), shifts, batch)

    def bisected() -> None:
        for key in keys:
            which, high = first_steps(key, rows, BATCH)
            low = high - STEP
            for _ in range(int(np.log2(LOOKS))):
                middle = (low + high) / 2
                wrong, valid = broken(key, which, middle, BATCH)
                high = np.where(wrong & valid, middle, high)
                low = np.where(wrong & valid, low, middle)

    def built() -> Any:
        return walk(
            generator,
            classifier,
            keys,
            starts,
            judge=acceptance,
            max_shift=MAX_SHIFT,
        )

    times = seconds(
        lambda: linear(1, rows[::ONE_IN]), lambda: linear(BATCH, rows), bisected, built, rounds=2
    )
    times[0] *= len(rows) / len(rows[::ONE_IN])
    count = sum(int(np.isfinite(w.breaks).sum()) for w in built())
    print(
        f"walks, {len(keys)} directions x {len(starts)} images x {len(grid)} shifts, {count} breaks"
    )
    labels = (
        f"batch 1 (1 in {ONE_IN} measured)",
        f"+ batches of {BATCH}",
        "+ bisection",
        "+ earlier layers reused (as built)",
    )
    for i, (label, spent) in enumerate(zip(labels, times, strict=True)):
        gained = f"{times[i - 1] / spent:8.1f} x" if i else ""
        print(f"  {label:36}{spent:8.2f} s{gained}")
    print(f"  in all {times[0] / times[-1]:.1f} x\n")


def _paper(
    generator: Generator,
    starts: Starts,
    key: DirectionKey,
    single: Any,
    classifier: Classifier,
    acceptance: Acceptance,
) -> None:
    """Ten cases by steps of 5 σ until the prediction breaks, then back by 0.01 σ (arXiv 2410.12814)."""
    walked = walk(
        generator,
        classifier,
        [key],
        starts,
        judge=acceptance,
        max_shift=MAX_SHIFT,
    )[0]
    rows = np.flatnonzero(walked.breaks > 0)[:CASES]
    ten = Starts(CLASS, starts.samples[rows], starts.styles[torch.from_numpy(rows)])
    sigma = float(generator.style_space.std[key.dimension]) * key.sign
    looks = 0

    def broken(styles: Tensor) -> bool:
        with torch.no_grad():
            image = single(styles[None])
            seen = classifier.logits(image).argmax()
        return bool(seen != CLASS)

    def theirs() -> None:
        nonlocal looks
        looks = 0
        for start in ten.styles:
            shift, styles = 0.0, start.clone()
            while not broken(styles) and shift < 50:
                shift += COARSE
                looks += 1
                styles[key.dimension] = start[key.dimension] + shift * sigma
            while broken(styles) and shift > 0:
                shift -= BACK
                looks += 1
                styles[key.dimension] = start[key.dimension] + shift * sigma

    def ours() -> None:
        walk(
            generator,
            classifier,
            [key],
            ten,
            judge=acceptance,
            max_shift=MAX_SHIFT,
        )

    paper, built = seconds(theirs, ours, rounds=2)
    print(f"{len(rows)} cases by the paper's procedure ({looks} syntheses): {paper:.2f} s")
    print(f"  as built, judged as well: {built:.2f} s, {paper / built:.1f} x")

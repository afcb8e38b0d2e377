"""Ranking and walks, against the same at batch 1, and against the paper's own procedure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import seconds
from pytest_failcond import Classifier, Generator
from pytest_failcond.failures.ranking import rank_dimensions
from pytest_failcond.failures.starts import Starts, start_images
from pytest_failcond.failures.walking import STEP, walk
from pytest_failcond.keys import DirectionKey

EXAMPLE = Path(__file__).parents[1] / "example_project"
CLASS, SAMPLES, MAX_SHIFT, FINE = 7, 64, 8.0, 0.5 / 32
CASES, COARSE, BACK = 10, 5.0, 0.01  # of the paper: ten cases, steps in σ


def run() -> None:
    """Print seconds and ratios."""
    generator = Generator.load(EXAMPLE / "models" / "digits-stylegan2.safetensors")
    _ = generator.style_space.std
    sys.path.insert(0, str(EXAMPLE))
    import digits

    classifier = Classifier(digits.load_mlp(), classes=10)
    judge = Classifier(digits.load_judge(), classes=10, name="judge")
    starts = start_images(generator, judge, CLASS, SAMPLES)
    ranking = rank_dimensions(generator, classifier, CLASS, samples=SAMPLES, judge=judge)
    keys = [DirectionKey(CLASS, int(ranking.dimensions[i]), ranking.sign(i)) for i in range(3)]

    def single(styles: Tensor) -> Tensor:
        with torch.no_grad():
            return generator.finish(generator.network.synthesis(styles))

    def wrong(image: Tensor) -> bool:
        with torch.no_grad():
            seen, judged = classifier.logits(image).argmax(), judge.logits(image).argmax()
        return bool(seen != CLASS) and bool(judged == CLASS)

    def gradients_one_by_one() -> None:
        for styles in starts.styles:
            s = styles[None].clone().requires_grad_()
            image = generator.finish(generator.network.synthesis(s))
            p = torch.softmax(classifier.logits(image), 1)[0, CLASS]
            torch.autograd.grad(p, s)

    from pytest_failcond.failures.ranking import _mean_gradient

    one, batched = seconds(
        gradients_one_by_one, lambda: _mean_gradient(generator, classifier, starts)
    )
    print(f"ranking, {SAMPLES} images: batch 1 {one:.2f} s, ours {batched:.2f} s")
    print(f"  batching: {one / batched:.1f} x\n")

    grid = np.arange(0, MAX_SHIFT + STEP, STEP)
    moved = _moved(starts, generator, keys, grid)

    def walks_at_batch_1() -> None:
        """The same starts and grid with the same resolution at the break, an image at a time."""
        for direction in moved:
            for image_styles in direction:
                for styles in image_styles:
                    wrong(single(styles[None]))

    def walks_batched() -> None:
        for direction in moved:
            flat = direction.reshape(-1, direction.shape[-1])
            for part in torch.split(flat, 256):
                images = single(part)
                classifier.probabilities(images)
                judge.probabilities(images)

    def ours() -> list[Any]:
        return walk(generator, classifier, keys, starts, judge=judge, max_shift=MAX_SHIFT)

    one, batched, built = seconds(walks_at_batch_1, walks_batched, ours, rounds=2)
    walks = ours()
    broken = sum(int(np.isfinite(w.breaks).sum()) for w in walks)
    refine = int(STEP / FINE) / 5  # a linear search of the breaking step against five bisections
    print(f"walks, 3 directions x {SAMPLES} images x {len(grid)} shifts, {broken} breaks")
    print(f"  batch 1, whole grid          {one:8.2f} s")
    print(f"  in batches, whole grid       {batched:8.2f} s  {one / batched:6.1f} x by batching")
    print(
        f"  as built, breaks bisected    {built:8.2f} s  {batched / built:6.1f} x more: layers reused, "
        "stopped where nothing more is claimed"
    )
    print(
        f"  in all {one / built:.1f} x; a break to {FINE:.3f} σ takes 5 looks in place of ", end=""
    )
    print(f"{int(STEP / FINE)}: {refine:.1f} x fewer\n")
    _paper(generator, starts, keys[0], single, wrong, classifier, judge)


def _moved(
    starts: Starts, generator: Generator, keys: list[DirectionKey], grid: Any
) -> list[Tensor]:
    out = []
    for key in keys:
        styles = starts.styles[:, None].repeat(1, len(grid), 1)
        sigma = generator.style_space.std[key.dimension] * key.sign
        styles[:, :, key.dimension] += torch.from_numpy(grid * sigma).float()
        out.append(styles)
    return out


def _paper(
    generator: Generator,
    starts: Starts,
    key: DirectionKey,
    single: Any,
    wrong: Any,
    classifier: Classifier,
    judge: Classifier,
) -> None:
    """Ten cases by steps of 5 σ until the prediction breaks, then back by 0.01 σ (arXiv 2410.12814)."""
    walked = walk(generator, classifier, [key], starts, judge=judge, max_shift=MAX_SHIFT)[0]
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
        walk(generator, classifier, [key], ten, judge=judge, max_shift=MAX_SHIFT)

    paper, built = seconds(theirs, ours, rounds=2)
    print(f"{len(rows)} cases by the paper's procedure ({looks} syntheses): {paper:.2f} s")
    print(f"  as built, judged as well: {built:.2f} s, {paper / built:.1f} x")

"""The search for combinations, stage by stage, against one image at a time and against a plain recipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.example import load_example
from pytest_failcond import Classifier, Generator
from pytest_failcond.probes.combination import finding, stages
from pytest_failcond.probes.combination.finding import find_combinations
from pytest_failcond.probes.direction.ranking import rank_dimensions
from pytest_failcond.probes.direction.starts import Starts, start_images
from pytest_failcond.subjects.acceptance import Acceptance

CLASSES, SAMPLES, TRUNCATION, DIMENSIONS = (0, 2, 6, 8), 32, 0.7, 32
ONE_BY_ONE = 4  # start images of a class that are searched alone
STEPS, RATE, SHORT = 50, 0.25, 0.15  # of the plain recipe
STAGES = {"begin": finding, "search": stages, "prune": stages, "bisect": stages}


def run() -> None:
    """Print CPU-seconds for 100 start images, and what they find."""
    generator, _, classifier, packed, acceptance = load_example()
    guides = [Classifier(model, name="guide") for model in packed.guides]
    spent = dict.fromkeys((*STAGES, "one by one", "plain recipe"), 0.0)
    lengths: dict[str, list[float]] = {"as built": [], "plain recipe": []}
    moved: dict[str, list[int]] = {"as built": [], "plain recipe": []}
    rejected = 0
    for class_index in CLASSES:
        starts = start_images(
            generator, acceptance, class_index, SAMPLES, truncation=TRUNCATION, stream="measure"
        )
        ranking = rank_dimensions(
            generator, classifier, class_index, judge=acceptance, truncation=TRUNCATION
        )

        def find(some: Starts, ranking: Any = ranking, class_index: int = class_index) -> Any:
            return find_combinations(
                generator, classifier, class_index, dimensions=DIMENSIONS, judge=acceptance,
                guides=guides, ranking=ranking, starts=some,
            )  # fmt: skip

        with _Timed(spent):
            found = find(starts)
        before = _now()
        for row in range(ONE_BY_ONE):
            find(_some(starts, row))
        spent["one by one"] += (_now() - before) * SAMPLES / ONE_BY_ONE
        rows = np.flatnonzero(found.found & (found.distance > 0))
        lengths["as built"] += found.distance[rows].tolist()
        moved["as built"] += found.moved[rows].tolist()
        rejected += int(found.rejected.sum())
        before = _now()
        shifts, accepted = _plainly(generator, classifier, acceptance, starts, ranking)
        spent["plain recipe"] += _now() - before
        lengths["plain recipe"] += np.linalg.norm(shifts[accepted], axis=1).tolist()
        moved["plain recipe"] += (np.abs(shifts[accepted]) > 0.3).sum(axis=1).tolist()
    count = SAMPLES * len(CLASSES)
    print(
        f"{count} start images of classes {', '.join(map(str, CLASSES))}, {DIMENSIONS} dimensions:"
    )
    for name, seconds in spent.items():
        print(f"  {name:14}{100 * seconds / count:8.1f} CPU-s for 100 start images")
    whole = sum(spent[stage] for stage in STAGES)
    print(
        f"  in all {100 * whole / count:.1f}: {spent['one by one'] / whole:.1f} x faster than one by one"
    )
    for name in lengths:
        middle, many = np.median(lengths[name]), np.median(moved[name])
        print(f"  {name}: {len(lengths[name])} found, median {middle:.1f} σ, {many:.0f} dimensions")
    print(f"  as built, {rejected} more were rejected by judges that the search did not see;")
    print("  the plain recipe had the deciding judges in its loss (dimensions: by more than 0.3 σ)")


def _now() -> float:
    return time.process_time()


def _some(starts: Starts, row: int) -> Starts:
    return replace(
        starts, samples=starts.samples[row : row + 1], styles=starts.styles[row : row + 1]
    )


class _Timed:
    """Adds the CPU time of each stage while it is entered."""

    def __init__(self, spent: dict[str, float]) -> None:
        self._spent = spent
        self._kept: dict[str, Callable[..., Any]] = {}

    def __enter__(self) -> None:
        for name, module in STAGES.items():
            self._kept[name] = getattr(module, name)
            setattr(module, name, self._measured(name))

    def __exit__(self, *_: object) -> None:
        for name, function in self._kept.items():
            setattr(STAGES[name], name, function)

    def _measured(self, name: str) -> Callable[..., Any]:
        def measured(*arguments: Any) -> Any:
            before = _now()
            result = self._kept[name](*arguments)
            self._spent[name] += _now() - before
            return result

        return measured


def _plainly(
    generator: Generator,
    classifier: Classifier,
    acceptance: Acceptance,
    starts: Starts,
    ranking: Any,
) -> tuple[Any, Any]:
    """Adam on a sum of margin, doubt and length: shifts ``[N, D]``, and which are accepted breaks."""
    own, dimensions = starts.class_index, torch.from_numpy(ranking.dimensions[:DIMENSIONS].copy())
    std = torch.from_numpy(generator.style_space.std[dimensions.numpy()]).float()
    shifts = torch.zeros(len(starts), DIMENSIONS, requires_grad=True)
    optimizer = torch.optim.Adam([shifts], lr=RATE)
    kept, shortest = torch.zeros_like(shifts), torch.full((len(starts),), torch.inf)
    for _ in range(STEPS):
        images = generator.render(starts.styles.index_add(1, dimensions, shifts * std))
        logits = classifier.logits(images)
        margin = logits[:, own] - logits.scatter(
            1, torch.full_like(logits[:, :1], own).long(), -1e9
        ).amax(1)
        p = torch.stack(
            [torch.softmax(j.logits(images), 1)[:, own] for j in acceptance.judges]
        ).amin(0)
        length = (shifts.square().sum(dim=1) + 1e-12).sqrt()
        better = (margin < 0) & (p >= acceptance.least_p) & (length < shortest)
        kept[better], shortest[better] = shifts.detach()[better], length.detach()[better]
        loss = torch.relu(margin + 0.3) + 6 * torch.relu(0.9 - p) + SHORT * length
        optimizer.zero_grad()
        torch.autograd.backward(loss.sum())
        optimizer.step()
    return kept.numpy(), shortest.isfinite().numpy()

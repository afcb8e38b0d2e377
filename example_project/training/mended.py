"""What fine-tuning on hard images gained and lost: prints the table of the README.

All models are searched from the same start images, of a seed and a stream that the export did not use; the
acceptors decide. A search by evolution needs no gradient, and is given the dimensions at which the first model's
gradient is steepest: no model can hide from it. The test digits are read here for the first time, once for
all models.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import digits
import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import beta
from training import mend

from pytest_failcond import (
    Acceptance,
    Classifier,
    Generator,
    LabeledImages,
    combined_images,
    corrupt,
    find_combinations,
    load_judges,
    rank_dimensions,
)

SEED = 1  # the exports have 0 and 3
SAMPLES = {"gradient": 16, "evolution": 3}  # start images of each class
CONFIDENCE = 0.95
MODELS = {
    "first": digits.load_mlp,
    "mended": mend.load_mended,
    "control": mend.load_control,
    "corrupted": mend.load_corrupted,
}


Cases = list[tuple[torch.Tensor, int]]


class Search:
    """Combined corner cases of all models, from the same start images."""

    def __init__(self) -> None:
        packed = load_judges(mend.MODELS / "judge.safetensors")
        acceptors, guides = (
            tuple(Classifier(judge, name="judge") for judge in judges)
            for judges in (packed.acceptors, packed.guides)
        )
        self.acceptance, self.guides = Acceptance(acceptors), list(guides)
        self.generator = Generator.load(mend.GENERATOR)
        self.of_first = [self.ranked(Classifier(digits.load_mlp()), label) for label in range(10)]

    def ranked(self, model: Classifier, label: int) -> Any:
        """Rank a class's dimensions by a model's gradient."""
        return rank_dimensions(
            self.generator,
            model,
            label,
            judge=self.acceptance,
            seed=SEED,
            truncation=mend.TRUNCATION,
        )

    def distances(self, name: str, way: str) -> tuple[npt.NDArray[np.float64], Cases]:
        """Return the smallest combined shift that breaks each start image, σ (infinite: none), and images there."""
        model = Classifier(MODELS[name]())
        distances, images = [], []
        for label in range(10):
            found = find_combinations(
                self.generator,
                model,
                label,
                samples=SAMPLES[way],
                judge=self.acceptance,
                guides=self.guides,
                seed=SEED,
                truncation=mend.TRUNCATION,
                ranking=self.of_first[label] if way == "evolution" else self.ranked(model, label),
                way=way,
            )
            rows = np.flatnonzero(found.distance > 0)
            at = combined_images(
                self.generator, found.starts, found.dimensions, rows, found.shifts[rows]
            )
            distances.append(np.where(found.found, found.distance, np.inf))
            images.append((at, label))
        return np.concatenate(distances), images


def searched(way: str, name: str) -> tuple[npt.NDArray[np.float64], Cases]:
    """Search one model, in a process of its own."""
    torch.set_num_threads(1)
    found = Search().distances(name, way)
    print(f"searched by {way}: {name}", flush=True)
    return found


def cells(data: LabeledImages) -> Iterator[LabeledImages]:
    """Yield the test digits under each corruption and severity."""
    for corruption in mend.CORRUPTIONS:
        for severity in range(1, 6):
            yield LabeledImages(corrupt(data.images, corruption, severity), data.labels)


def bounds(count: int, total: int) -> tuple[float, float]:
    """Return one-sided bounds of a share, from below and from above (Clopper and Pearson)."""
    low = beta.ppf(1 - CONFIDENCE, count, total - count + 1) if count else 0.0
    high = beta.ppf(CONFIDENCE, count + 1, total - count) if count < total else 1.0
    return float(low), float(high)


def main() -> None:
    torch.set_num_threads(1)
    models = {name: Classifier(load()) for name, load in MODELS.items()}
    asked = [(way, name) for way in SAMPLES for name in models]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = dict(zip(asked, pool.map(searched, *zip(*asked, strict=True)), strict=True))
    rows, within = {name: {} for name in models}, {}
    cases = found["gradient", "first"][1]
    for way, name in asked:
        distances = found[way, name][0]
        limit = float(np.median(found[way, "first"][0]))
        within[way, name] = int((distances <= limit).sum()), len(distances)
        low, high = bounds(*within[way, name])
        share = within[way, name][0] / len(distances)
        rows[name][f"broken within {limit:.1f} σ, by {way}"] = (
            f"{share:.2f} ({low:.2f} to {high:.2f})"
        )
        if way == "gradient":
            model = models[name]
            wrong = np.concatenate([model.probabilities(at).argmax(1) != c for at, c in cases])
            rows[name]["first model's cases: wrong"] = f"{wrong.mean():.2f} of {len(wrong)}"
            half = np.median(distances)
            rows[name]["half are broken at"] = f"{half:.1f} σ" if half < np.inf else "never"
    test = digits.load_test_images()
    clean = {name: mend.accuracy(model, test) for name, model in models.items()}
    corrupted = {name: [] for name in models}
    for cell in cells(test):
        for name, model in models.items():
            corrupted[name].append(mend.accuracy(model, cell))
    for name in models:
        rows[name]["clean accuracy"] = f"{clean[name]:.4f}"
        rows[name]["mean corruption accuracy"] = f"{np.mean(corrupted[name]):.4f}"
    print(f"\n| | {' | '.join(models)} |\n|---|{'---|' * len(models)}")
    for what in rows["first"]:
        print(f"| {what} | {' | '.join(rows[name][what] for name in models)} |")
    share = {key: count / total for key, (count, total) in within.items()}
    print()
    for way in SAMPLES:
        high, low = bounds(*within[way, "mended"])[1], bounds(*within[way, "control"])[0]
        print(
            f"by {way}: {share[way, 'mended'] / share[way, 'first']:.2f} of the first model's share "
            f"(aim: 0.5 at most); {'clearly' if high < low else 'not clearly'} under the control's "
            f"({high:.2f}, {low:.2f})"
        )
    lost = clean["first"] - clean["mended"]
    print(f"clean accuracy: {-100 * lost:+.2f} points (aim: -0.3 at least)")


if __name__ == "__main__":
    main()

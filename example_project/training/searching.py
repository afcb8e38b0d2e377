"""Searches for the smallest combined shifts that break a model, from start images that no export has.

All models are searched from the same start images; the acceptors decide. A search by evolution needs no gradient,
and is given the dimensions at which the first model's gradient is steepest: no model can hide from it.
"""

from __future__ import annotations

import digits
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from pytest_failcond import (
    Acceptance,
    Classifier,
    Generator,
    combined_images,
    find_combinations,
    load_judges,
    rank_dimensions,
)

GENERATOR = digits.HERE / "models" / "digits-stylegan2.safetensors"
JUDGE = digits.HERE / "models" / "judge.safetensors"
TRUNCATION = 0.7  # as in the configuration
FARTHEST = 8.0  # σ, that are searched

Distances = npt.NDArray[np.float64]
Cases = list[tuple[torch.Tensor, int]]


def acceptors() -> Acceptance:
    """Return the judges that decide."""
    return Acceptance(tuple(Classifier(j, name="judge") for j in load_judges(JUDGE).acceptors))


def search(
    model: nn.Module, *, seed: int, samples: int, way: str = "gradient"
) -> tuple[Distances, Cases]:
    """Return the smallest shift that breaks each start image, σ (infinite: none), and images there with their classes.

    Args:
        model: searched.
        seed: of the start images.
        samples: start images of each class.
        way: as of `find_combinations`.
    """
    generator, acceptance = Generator.load(GENERATOR), acceptors()
    guides = [Classifier(judge, name="guide") for judge in load_judges(JUDGE).guides]
    searched = Classifier(model)
    ranking = Classifier(digits.load_mlp()) if way == "evolution" else searched
    how = {"judge": acceptance, "seed": seed, "truncation": TRUNCATION}
    distances, cases = [], []
    for label in range(10):
        found = find_combinations(
            generator,
            searched,
            label,
            samples=samples,
            guides=guides,
            max_distance=FARTHEST,
            ranking=rank_dimensions(generator, ranking, label, **how),
            way=way,
            **how,
        )
        rows = np.flatnonzero(found.distance > 0)
        cases.append(
            (
                combined_images(
                    generator, found.starts, found.dimensions, rows, found.shifts[rows]
                ),
                label,
            )
        )
        distances.append(np.where(found.found, found.distance, np.inf))
    return np.concatenate(distances), cases

"""The recipes of docs/classifiers.md: each is valid Python, and that of preprocessing prepares."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pytest_failcond import Classifier

TEXT = (Path(__file__).parents[2] / "docs/classifiers.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def test_every_recipe_can_be_compiled_and_loads_a_classifier():
    assert len(RECIPES) == 8
    for recipe in RECIPES:
        compile(recipe, "recipe", "exec")
        assert re.search(
            r"^(def load_(classifier|images)\(\):|class Prepared)", recipe, re.MULTILINE
        )
        assert len(recipe.splitlines()) <= 18


def test_preprocessing_belongs_to_the_model_and_counts_in_its_hash():
    (recipe,) = [recipe for recipe in RECIPES if "class Prepared" in recipe]
    found: dict[str, type[nn.Module]] = {}
    exec(recipe, found)
    made = found["Prepared"]
    images = np.random.default_rng(0).random((4, 3, 8, 8), dtype=np.float32)
    hashes = set()
    for deviation in (0.25, 0.5):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
        classifier = Classifier(made(model, (0.5,) * 3, (deviation,) * 3, (16, 16)).eval())
        large = nn.functional.interpolate(
            torch.from_numpy(images), (16, 16), mode="bilinear", antialias=True
        )
        expected = torch.softmax(model((large - 0.5) / deviation), 1).detach()
        np.testing.assert_allclose(classifier.probabilities(images), expected, atol=1e-6)
        hashes.add(classifier.hash)
    assert len(hashes) == 2

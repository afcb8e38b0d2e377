"""The example's generator, failing classifier and judges, for benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from torch import nn

from pytest_failcond import Classifier, Generator
from pytest_failcond.judges.file import PackedJudges, load_judges
from pytest_failcond.subjects.acceptance import Acceptance

EXAMPLE = Path(__file__).parents[1] / "example_project"


class Example(NamedTuple):
    """The subjects; σ of the generator's dimensions is computed already.

    Attributes:
        generator: makes the digits.
        model: the module under test, trained on clean digits.
        classifier: the same, as a `Classifier`.
        judges: those of the file of judges.
        acceptance: by its acceptors.
    """

    generator: Generator
    model: nn.Module
    classifier: Classifier
    judges: PackedJudges
    acceptance: Acceptance


def load_example() -> Example:
    """Load the example's subjects."""
    generator = Generator.load(EXAMPLE / "models" / "digits-stylegan2.safetensors")
    _ = generator.style_space.std
    sys.path.insert(0, str(EXAMPLE))
    import digits

    model = digits.load_mlp()
    judges = load_judges(EXAMPLE / "models" / "judge.safetensors")
    acceptance = Acceptance.of([Classifier(judge, name="judge") for judge in judges.acceptors])
    return Example(generator, model, Classifier(model, classes=10), judges, acceptance)

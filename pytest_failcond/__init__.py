"""Robustness checks for image classifiers: when does the model fail?

The public names load when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_failcond.corruptions import corrupt
    from pytest_failcond.errors import FailcondError, FailcondWarning
    from pytest_failcond.generators.stylegan2.generator import Generator
    from pytest_failcond.hard.dataset import HardImages
    from pytest_failcond.judges.file import load_judges
    from pytest_failcond.probes.combination.finding import combined_images, find_combinations
    from pytest_failcond.probes.direction.corner_cases import find_corner_cases
    from pytest_failcond.probes.direction.ranking import rank_dimensions
    from pytest_failcond.probes.direction.walking import walk
    from pytest_failcond.runs.run import Run
    from pytest_failcond.subjects.acceptance import Acceptance
    from pytest_failcond.subjects.classifier import Classifier
    from pytest_failcond.subjects.images import LabeledImages

_HOMES = {
    "Acceptance": "subjects.acceptance",
    "Classifier": "subjects.classifier",
    "FailcondError": "errors",
    "FailcondWarning": "errors",
    "Generator": "generators.stylegan2.generator",
    "HardImages": "hard.dataset",
    "LabeledImages": "subjects.images",
    "Run": "runs.run",
    "combined_images": "probes.combination.finding",
    "corrupt": "corruptions",
    "find_combinations": "probes.combination.finding",
    "find_corner_cases": "probes.direction.corner_cases",
    "load_judges": "judges.file",
    "rank_dimensions": "probes.direction.ranking",
    "walk": "probes.direction.walking",
}

__all__ = [
    "Acceptance",
    "Classifier",
    "FailcondError",
    "FailcondWarning",
    "Generator",
    "HardImages",
    "LabeledImages",
    "Run",
    "combined_images",
    "corrupt",
    "find_combinations",
    "find_corner_cases",
    "load_judges",
    "rank_dimensions",
    "walk",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

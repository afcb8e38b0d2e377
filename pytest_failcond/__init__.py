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
    "corrupt": "corruptions",
    "find_corner_cases": "probes.direction.corner_cases",
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
    "corrupt",
    "find_corner_cases",
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

"""The search for combined corner cases: ``[tool.failcond.combinations]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, field_validator

from pytest_failcond import ranges
from pytest_failcond.config.gate_settings import Table, once
from pytest_failcond.errors import nearest

_FARTHEST = 100.0  # σ
EVERY: Literal["every"] = "every"
"""Every other class, in place of names."""


class CombinationSettings(Table):
    """``[tool.failcond.combinations]``: from how many images, along how many dimensions, how far.

    ``toward``: the classes towards which every other class is also searched; None: none.
    """

    samples: Annotated[int, AfterValidator(ranges.SAMPLES.check)] = 32
    dimensions: Annotated[int, AfterValidator(ranges.DIMENSIONS.check)] = 32
    max_distance: float = 8.0
    toward: tuple[str, ...] | Literal["every"] | None = None

    @field_validator("max_distance")
    @classmethod
    def _a_distance(cls, value: float) -> float:
        if not 0 < value <= _FARTHEST:
            raise ValueError(
                f"{value:g}: give a distance over 0 and at most {_FARTHEST:g} σ, like 8"
            )
        return value

    @field_validator("toward", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str) and value != EVERY:
            raise ValueError(f"{value!r}: give a list of classes, like [{value!r}], or {EVERY!r}")
        return value

    @field_validator("toward")
    @classmethod
    def _some_once(cls, value: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        if value == ():
            raise ValueError("is empty; name a class, or leave it out")
        return once(value) if isinstance(value, tuple) else value

    def pairs(self, class_names: Sequence[str]) -> list[tuple[int, int]]:
        """Return the pairs (class, class wanted) that are searched, by index."""
        wanted = class_names if self.toward == EVERY else self.toward or ()
        places = [i for i, name in enumerate(class_names) if name in set(wanted)]
        return [(c, t) for c in range(len(class_names)) for t in places if t != c]

    def too_many(self, size: int) -> str:
        """Say in one sentence that a generator has fewer dimensions than are searched; empty if it has them."""
        if self.dimensions <= size:
            return ""
        return f"combinations.dimensions = {self.dimensions}: the generator has only {size} dimensions; lower it"

    def unknown(self, class_names: Sequence[str]) -> str:
        """Say in one sentence which of the wanted classes does not exist; empty if all do."""
        wanted = () if self.toward == EVERY else self.toward or ()
        for name in wanted:
            if name not in class_names:
                return (
                    f"combinations.toward: there is no class {name!r}{nearest(name, class_names)}"
                )
        return ""

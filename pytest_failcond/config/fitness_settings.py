"""``[tool.failcond.fitness]``: the least that a generator must show of a class."""

from __future__ import annotations

from pydantic import field_validator

from pytest_failcond.config.gate_settings import Table

_FARTHEST = 1e6  # which sets no limit


class FitnessSettings(Table):
    """The limits of a generator's fitness; docs/fitness.md justifies the defaults.

    Attributes:
        real: the least share of a class's real images that the judges accept; 0 sets no limit.
        acceptance: the least share of a class's generated images that the judges accept, divided by
            that of its real images; 0 sets no limit.
        distance: the largest Fréchet distance from real images, less that of real images from each
            other, in the spread of the real images' features.
        coverage: the least share of real images with a generated one near, divided by that of real
            ones; 0 sets no limit.
    """

    real: float = 0.25
    acceptance: float = 0.5
    distance: float = 1.0
    coverage: float = 0.2

    @field_validator("real", "acceptance", "coverage")
    @classmethod
    def _a_share(cls, value: float) -> float:
        if not 0 <= value <= 1:
            raise ValueError(f"{value:g}: give a number from 0, which sets no limit, to 1")
        return value

    @field_validator("distance")
    @classmethod
    def _a_distance(cls, value: float) -> float:
        if not 0 < value <= _FARTHEST:
            raise ValueError(f"{value:g}: give a number over 0 and at most {_FARTHEST:g}, like 1.0")
        return value

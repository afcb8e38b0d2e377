"""How a search begins: with the slopes of its start images, by gradient, or by steps without one."""

from __future__ import annotations

from typing import NamedTuple

from pytest_failcond.probes.combination.differences import BySteps
from pytest_failcond.probes.combination.problem import Problem
from pytest_failcond.probes.combination.slopes import (
    ByGradient,
    Measure,
    Slopes,
    unmoved_by_gradient,
    unmoved_slopes,
)

WAYS = ("gradient", "evolution")


class Begun(NamedTuple):
    """A search that has begun.

    Attributes:
        problem: its question.
        way: of `WAYS`.
        measure: measures slopes in that way.
        unmoved: slopes of the start images that are not broken already, ``[n, D]``.
    """

    problem: Problem
    way: str
    measure: Measure
    unmoved: Slopes


def begin(problem: Problem, way: str | None = None) -> Begun:
    """Measure the slopes of the start images, by gradient if no other way is given and there is one."""
    unmoved = None if way == "evolution" else unmoved_by_gradient(problem)
    if way is None:
        way = "evolution" if unmoved is None else "gradient"
    measure: Measure = ByGradient() if way == "gradient" else BySteps()
    if unmoved is None:
        unmoved = unmoved_slopes(measure, problem)
    return Begun(problem, way, measure, unmoved)

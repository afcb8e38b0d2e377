"""The seconds that are left of a search, by its looks at images so far."""

from __future__ import annotations

from torch import Tensor

from pytest_failcond.probes.combination.problem import Problem, Seen
from pytest_failcond.probes.combination.slopes import Measure, Slopes
from pytest_failcond.probes.direction.outlook import Tell, clock


class Telling:
    """Measures slopes and looks at images, and tells the seconds that are left of a search.

    Args:
        measure: measures them.
        tell: called with the seconds.
        expected: the looks at all images; slopes by gradient count as `ByGradient.price` of them.
    """

    def __init__(self, measure: Measure, tell: Tell, expected: int) -> None:
        self._measure, self._tell, self._expected = measure, tell, expected
        self._done, self._spent = 0, 0.0

    def price(self, problem: Problem) -> int:
        """See `Measure`."""
        return self._measure.price(problem)

    def slopes(self, problem: Problem, rows: Tensor, shifts: Tensor) -> Slopes:
        """See `Measure`."""
        started = clock()
        slopes = self._measure.slopes(problem, rows, shifts)
        self._note(len(rows) * self._measure.price(problem), started)
        return slopes

    def seen(self, problem: Problem, rows: Tensor, shifts: Tensor) -> Seen:
        """See `Measure`."""
        started = clock()
        seen = self._measure.seen(problem, rows, shifts)
        self._note(len(rows), started)
        return seen

    def _note(self, looks: int, started: float) -> None:
        self._done, self._spent = self._done + looks, self._spent + clock() - started
        self._tell(max(self._expected - self._done, 0) * self._spent / max(self._done, 1))

"""The three stages of a search: a short break, the fewest dimensions, the boundary."""

from __future__ import annotations

from pytest_failcond.probes.combination.beginning import Begun
from pytest_failcond.probes.combination.pruning import bisect, prune
from pytest_failcond.probes.combination.searching import Best, Effort, search
from pytest_failcond.probes.combination.telling import Telling
from pytest_failcond.probes.direction.outlook import Tell


def smallest(begun: Begun, effort: Effort, tell: Tell = lambda left: None) -> Best:
    """Search the smallest break of each start image.

    Args:
        begun: the search.
        effort: for each image.
        tell: called with the seconds that are left.
    """
    problem = begun.problem
    by_gradient = begun.way == "gradient"
    expected = (effort.usual if by_gradient else effort.looks) * len(problem.open)
    measure = Telling(begun.measure, tell, expected)
    if by_gradient:
        best = search(problem, measure, effort, begun.unmoved)
    else:
        from pytest_failcond.probes.combination.evolution import evolve  # only here is cmaes loaded

        best = evolve(problem, measure, begun.unmoved, effort.looks)
    prune(problem, measure, best, effort.repairs if by_gradient else 0)
    bisect(problem, measure, best)
    return best

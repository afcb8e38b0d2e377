"""The generated tests, as `failcond init` writes them, and a property of our own beside them."""

from dataclasses import replace

from hypothesis import assume, given, settings

from pytest_failcond.strategies import corner_cases
from pytest_failcond.suite import *  # noqa: F403


@settings(derandomize=True, deadline=None, max_examples=50)
@given(case=corner_cases(classes=10, top=1, max_steps=1))
def test_half_a_sigma_turns_no_sure_prediction(failcond, case):
    """Gates speak of shares of images; this speaks of every image that Hypothesis draws."""
    start = failcond.image(replace(case, steps=0))
    assume(start.p > 0.95)
    moved = failcond.image(case)
    assert not moved.broken, moved

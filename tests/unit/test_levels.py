"""Of what breaks at the loosest acceptance, what has a level breaks at that level too, at the same shift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond import Classifier
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.probes.direction.walking import walk
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance
from tests.unit.linear import FAINT, LOST, linear_generator


def by_brightness(points: dict[float, float], name: str) -> Classifier:
    """p(class 0) by an image's brightness, between points; the rest goes to class 1."""
    brightness, p0 = np.array(sorted(points.items())).T

    def look(images):
        p = np.interp(images.mean(axis=(1, 2, 3)), brightness, p0)
        return np.log(np.stack([p, 1 - p, np.full_like(p, 1e-9)], axis=1))

    return Classifier(look, name=name)


BAND = by_brightness({0.0: 0.9, 0.3: 0.9, 0.302: 0.1, 0.35: 0.1, 0.352: 0.9, 0.4: 0.1, 1.0: 0.9}, "classifier")  # fmt: skip
"""Wrong in bands of brightness, so that what a bisection finds depends on what is accepted."""
shares = st.integers(2, 99).map(lambda percent: percent / 100)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.lists(shares, min_size=8, max_size=8), min_size=1, max_size=2),
    st.sampled_from([0.3, 0.5, 0.55, 0.7, 0.8, 0.9]),
    st.integers(0, 3),
)
def test_what_holds_a_stricter_level_breaks_there_as_well(drawn, least_p, seed):
    generator = linear_generator()
    grid = np.linspace(0, 1, 8)
    judges = [by_brightness(dict(zip(grid, p, strict=True)), "judge") for p in drawn]
    acceptance = Acceptance.of(judges, least_p)
    starts = start_images(generator, EVERYTHING, 0, 24, seed=seed)
    keys = [DirectionKey(0, LOST, 1), DirectionKey(0, FAINT, -1)]
    loose, strict = (
        walk(generator, BAND, keys, starts, judge=judge, max_shift=5.0)
        for judge in (acceptance.loosest, acceptance)
    )
    for one, other in zip(loose, strict, strict=True):
        broken = ~np.isnan(one.breaks)
        np.testing.assert_array_equal(broken, ~np.isnan(one.levels))
        assert (one.levels[broken] > 0).all()
        holds = broken & (one.levels >= least_p)
        np.testing.assert_array_equal(one.breaks[holds], other.breaks[holds])
        np.testing.assert_array_equal(one.levels[holds], other.levels[holds])
        # At the stricter one, nothing else breaks but what its bisection finds elsewhere.
        also = ~np.isnan(other.breaks) & ~holds
        assert (one.breaks[also] <= other.breaks[also] + 1e-9).all()
        assert (other.levels[~np.isnan(other.breaks)] >= least_p).all()


def test_a_level_is_the_least_on_the_way():
    """The judge is least sure at .5 of brightness, on the way to the classifier's loss at .4."""
    generator = linear_generator()
    judge = by_brightness({0.0: 0.99, 0.45: 0.95, 0.5: 0.6, 0.55: 0.95, 1.0: 0.99}, "judge")
    classifier = by_brightness({0.0: 0.1, 0.395: 0.1, 0.405: 0.9, 1.0: 0.9}, "classifier")
    starts = start_images(generator, EVERYTHING, 0, 16)
    (found,) = walk(
        generator, classifier, [DirectionKey(0, LOST, 1)], starts, judge=Acceptance.of(judge).loosest
    )  # fmt: skip
    bright = generator.synthesize(starts.styles).mean(dim=(1, 2, 3)).numpy()
    steps = bright[:, None] - 0.05 * np.arange(17)
    for row, level in enumerate(found.levels):
        if found.breaks[row] > 0:
            last = int(np.ceil(found.breaks[row] / 0.5))
            on_grid = np.interp(steps[row, : last + 1], [0, 0.45, 0.5, 0.55, 1], [0.99, 0.95, 0.6, 0.95, 0.99])  # fmt: skip
            assert level == pytest.approx(on_grid.min(), abs=0.02)
    assert (found.breaks > 0).sum() >= 10


def test_without_a_judge_every_break_is_sure():
    generator = linear_generator()
    starts = start_images(generator, EVERYTHING, 0, 8)
    (found,) = walk(generator, BAND, [DirectionKey(0, LOST, 1)], starts)
    assert set(found.levels[~np.isnan(found.breaks)]) == {1.0}
    assert np.isnan(found.levels[np.isnan(found.breaks)]).all()

"""Classes that a generator does not show are planted: exactly those are not fit, for any classifier."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pytest_failcond import Classifier
from pytest_failcond.config.settings import Settings
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.direction.fitness import measure_fitness
from pytest_failcond.probes.keys import FitnessKey
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.training.fidelity import coverage, frechet_distance, spread
from tests.unit import banded
from tests.unit.banded import CLASSES, BandedGenerator, Bands

SHOWN = [some for count in range(CLASSES + 1) for some in combinations(range(CLASSES), count)]


def fit_classes(generator, judge, classifier):
    laboratory = Laboratory(
        Settings(classes=BandedGenerator.classes),
        Classifier(classifier),
        banded.load_images(),
        generator,
        Acceptance.of(Classifier(judge)),
    )
    found = [measure_fitness(laboratory, FitnessKey(index)) for index in range(CLASSES)]
    return tuple(one.class_index for one in found if one.fit), found


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("judge", ["load_judge", "load_naive"])
def test_exactly_the_planted_classes_are_not_fit(shown, judge):
    """Faint bands are sure to a judge that never says none of these: features tell."""
    generator = BandedGenerator(shown, instead=0.3)
    fit, _ = fit_classes(generator, getattr(banded, judge)(), banded.load_classifier())
    assert fit == shown


def test_the_classifier_has_no_say():
    """Right, wrong or random: the same figures, so that none is excused."""
    generator = BandedGenerator((0, 2))
    found = [
        fit_classes(generator, banded.load_judge(), model)
        for model in (banded.load_classifier(), banded.load_bad(), Bands(2, sharp=0.01).eval())
    ]
    assert found[0] == found[1] == found[2]
    assert found[0][0] == (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_coverage_counts_the_real_images_with_a_generated_one_near(seed):
    random = np.random.default_rng(seed)
    real = random.normal(size=(200, 4)).astype(np.float32)
    alike = random.normal(size=(200, 4)).astype(np.float32)
    half = np.where(real[:, :1] > 0, real, 100.0).astype(np.float32)
    distances = np.sqrt(((real[:, None] - alike[None]) ** 2).sum(axis=2, dtype=np.float64))
    own = np.sqrt(((real[:, None] - real[None]) ** 2).sum(axis=2, dtype=np.float64))
    radii = np.sort(own, axis=1)[:, 3]  # the nearest is the image itself
    assert coverage(alike, real) == pytest.approx((distances.min(axis=1) <= radii).mean())
    assert coverage(real, real) == 1.0
    assert coverage(np.full((200, 4), 9.0, np.float32), real) == 0.0
    assert 0.5 <= coverage(half, real) < 0.8
    assert spread(real) == pytest.approx(np.trace(np.cov(real.T)), rel=1e-5)
    far = frechet_distance(alike + 3, real) / spread(real)
    assert far == pytest.approx(
        frechet_distance(7 * (alike + 3), 7 * real) / spread(7 * real), rel=1e-4
    )

"""Measurements of the grid: flat memory, the judge beside the classifier, errors that name an image."""

from __future__ import annotations

import hashlib
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_failcond import Classifier, FailcondError, LabeledImages
from pytest_failcond.config.settings import Settings
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.corruption.measure import corruptions, measure_corruption
from pytest_failcond.probes.keys import CleanKey, CorruptionKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.subjects.acceptance import Acceptance

CORRUPTIONS = {"names": ["gaussian_noise", "gaussian_blur"], "severities": [1]}


def by_brightness(images: np.ndarray) -> np.ndarray:
    bright = images.mean(axis=(1, 2, 3))
    return np.stack([0.5 - bright, bright - 0.5], axis=1)


def laboratory(count: int, judge=None, batch_size: int = 64, **settings) -> Laboratory:
    labels = np.arange(count) % 2
    images = (
        np.full((count, 8, 8, 1), 40, dtype=np.uint8)
        + (labels * 150).astype(np.uint8)[:, None, None, None]
    )
    return Laboratory(
        Settings(corruptions=CORRUPTIONS, **settings),
        Classifier(by_brightness, batch_size=batch_size),
        LabeledImages(images, labels),
        acceptance=Acceptance.of(judge),
    )


@pytest.mark.parametrize("name", CORRUPTIONS["names"])
def test_memory_stays_flat_when_the_set_grows_tenfold(name):
    peaks = []
    for count in (2_000, 20_000):
        measuring = laboratory(count)
        measure_corruption(measuring, CorruptionKey(name, 1))  # tables are made once
        tracemalloc.start()
        measure_corruption(measuring, CorruptionKey(name, 1))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # What grows is 8 bytes per prediction, twice while they are joined.
    assert peaks[1] - peaks[0] < 18_000 * 24


@pytest.mark.parametrize("named", [{}, {"classes": ("a", "b")}])
def test_labels_outside_the_classes_are_refused_with_the_remedy(named):
    images = LabeledImages(np.zeros((4, 8, 8, 1), np.uint8), np.array([1, 2, 1, 2]))
    with pytest.raises(
        FailcondError, match=r"labels: 2 is outside the .*2 classes; labels count from 0$"
    ):
        Laboratory(Settings(**named), Classifier(by_brightness), images).classify(CleanKey())


def test_the_judge_is_shown_the_same_corrupted_images():
    always_first = Classifier(
        lambda x: np.tile([9.0, 0.0], (len(x), 1)), name="judge", batch_size=64
    )
    noise = CorruptionKey("gaussian_noise", 1)
    few = measure_corruption(laboratory(300, always_first), noise)
    assert (few.judge_correct, few.judge_total, few.judge_accuracy) == (150, 300, 0.5)
    noticed = []
    always_first.notice = noticed.append
    many = laboratory(5_000, always_first).classify(CleanKey())
    assert (many.judge_correct, many.judge_total) == (1000, 2000)
    (remark,) = noticed
    assert (remark.model, remark.what) == ("judge", "worse")
    assert remark.text == (
        "the judge reads 50.0 % of the clean test images, the classifier 100.0 %: what it rejects may "
        "well be readable; train it longer (`failcond judge … --epochs N`), or give a better judge"
    )
    assert laboratory(300).classify(CleanKey()).judge_accuracy is None


@pytest.mark.parametrize(
    "key", [CleanKey(), *(CorruptionKey(name, 3) for name in CORRUPTIONS["names"])]
)
def test_images_made_again_for_a_picture_are_those_that_were_classified(key):
    subjects = laboratory(300, max_images=200)
    bench = SimpleNamespace(
        laboratory=subjects, save_example=None, measure=lambda key: subjects.classify(key)
    )
    ((_, measured),) = PROBES.measure(key, bench)
    every = PROBES.images(key, subjects, np.arange(200))
    assert f"sha256:{hashlib.sha256(every.data).hexdigest()[:32]}" == measured.pixels
    some = np.array([150, 3, 77])
    np.testing.assert_array_equal(PROBES.images(key, subjects, some), every[some])


def test_a_corruption_that_raises_names_the_image():
    def fragile(images, severity, random):
        if (images[:, 0, 0, 0] == 7).any():
            raise ZeroDivisionError("seven")
        return images

    measuring = laboratory(300)
    assert measuring.images is not None
    measuring.images.images[123] = 7
    measuring.once(corruptions).by_name["fragile"] = fragile
    with pytest.raises(
        FailcondError,
        match=r"'fragile' raised ZeroDivisionError .* image 123: seven .*test_measure.py:",
    ):
        measure_corruption(measuring, CorruptionKey("fragile", 1))

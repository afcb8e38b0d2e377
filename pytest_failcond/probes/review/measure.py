"""The measurement of a review: the file's answers that apply to the present subjects."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.base import Bench, Record
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.review.record import Reviewed
from pytest_failcond.review.answers import Review, read_review
from pytest_failcond.review.standing import standing
from pytest_failcond.review.subjects import subjects_of


def measure(key: Key, bench: Bench) -> Iterator[tuple[Key, Record]]:
    """Return the standing of the configured review; a missing file counts as an empty review."""
    settings = bench.settings
    if settings.review is None:
        raise FailcondError(
            f'review: none is configured; set review = "failcond-review.json" in {settings.table()}'
        )
    review = read_review(settings.path(settings.review)) or Review()
    laboratory = bench.laboratory
    now = subjects_of(laboratory.subjects, settings, lambda: laboratory.guide_hashes)
    yield key, Reviewed(standing(review, now, settings.given), settings.confidence)

"""The subjects of the present session, in the form of a review file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_failcond.review.deck import Subjects

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings


def subjects_of(subjects: Mapping[str, Any], settings: Settings) -> Subjects:
    """Return the subjects of a session.

    Args:
        subjects: hashes, as in `Laboratory.subjects` and in a run.
        settings: the configuration.
    """
    classifier = subjects["classifier"]
    name = settings.classifier or "the classifier"
    known = f" ({classifier.rpartition(':')[2][:8]})" if classifier else ""
    least_p, truncation = subjects.get("least_p"), subjects.get("truncation")
    return Subjects(
        classifier=classifier,
        generator=subjects["generator"],
        judges=subjects["judge"],
        version=f"{name}{known}",
        least_p=0.0 if least_p is None else least_p,
        truncation=1.0 if truncation is None else truncation,
        max_shift=settings.corner_cases.max_shift,
        seed=settings.seed,
    )

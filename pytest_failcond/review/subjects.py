"""The subjects of the present session, in the form of a review file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_failcond.review.deck import Searched, Subjects

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings

Guides = Callable[[], Sequence[str | None]]


def subjects_of(
    subjects: Mapping[str, Any], settings: Settings, guides: Guides = tuple
) -> Subjects:
    """Return the subjects of a session.

    Args:
        subjects: hashes, as in `Laboratory.subjects` and in a run.
        settings: the configuration.
        guides: returns the hashes of the judges that lead a search for combinations, if one is configured.
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
        combinations=_searched(settings, guides),
    )


def _searched(settings: Settings, guides: Guides) -> Searched | None:
    search = settings.combinations
    if search is None:
        return None
    toward = search.toward or ()
    return Searched(
        dimensions=search.dimensions,
        max_distance=search.max_distance,
        toward=[toward] if isinstance(toward, str) else sorted(toward),
        guides=list(guides()),
    )

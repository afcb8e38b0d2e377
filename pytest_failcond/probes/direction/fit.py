"""A generator's fitness to show a class, without which its images prove nothing; as plain data for JSON.

The classifier under test is not asked, so that a bad classifier on a good generator is never excused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_failcond.probes.keys import FitnessKey, Key

if TYPE_CHECKING:
    from pytest_failcond.config.fitness_settings import FitnessSettings
    from pytest_failcond.laboratory.measure import Laboratory


@dataclass(frozen=True)
class Likeness:
    """The likeness of two sets of images of one class, in a judge's features.

    Attributes:
        distance: their Fréchet distance, in units of the spread of the real images' features.
        coverage: the share of the real images that have an image of the other set near.
    """

    distance: float
    coverage: float


@dataclass(frozen=True)
class Fitness:
    """The judges' figures of a generator's images of one class, and of real ones.

    Attributes:
        key: of the class.
        class_index: the class.
        accepted, drawn: the unmoved generated images that the judges accept, and all of them.
        real_accepted, real: the same for real test images.
        likeness: of generated images to real ones; None if no judge has features, or there are too
            few real images.
        real_likeness: of real images to other real ones.
        why: the reason why the class is not fit, a clause that names the class; empty if it is fit.
        remedy: for a class that is not fit.
    """

    key: FitnessKey
    class_index: int
    accepted: int
    drawn: int
    real_accepted: int
    real: int
    likeness: Likeness | None = None
    real_likeness: Likeness | None = None
    why: str = ""
    remedy: str = ""

    @property
    def fit(self) -> bool:
        """Whether the class is fit."""
        return not self.why

    @property
    def sentence(self) -> str:
        """The reason and the remedy."""
        return f"{self.why}; {self.remedy}"

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""

        def likeness(found: Likeness | None) -> dict[str, float] | None:
            return None if found is None else vars(found)

        return {
            "key": self.key,
            "kind": "fitness",
            "class": self.class_index,
            "accepted": self.accepted,
            "drawn": self.drawn,
            "real_accepted": self.real_accepted,
            "real": self.real,
            "likeness": likeness(self.likeness),
            "real_likeness": likeness(self.real_likeness),
            "why": self.why,
            "remedy": self.remedy,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Fitness:
        """Read an entry of the run file."""

        def likeness(found: dict[str, float] | None) -> Likeness | None:
            return None if found is None else Likeness(**found)

        fields = {k: v for k, v in data.items() if k not in ("kind", "class")}
        index = data["class"]
        read = {name: likeness(fields[name]) for name in ("likeness", "real_likeness")}
        return cls(**fields | read | {"key": FitnessKey(index), "class_index": index})


def is_judged(laboratory: Laboratory, class_index: int) -> bool:
    """Whether fitness is judged: there are a judge and test images of the class."""
    if not laboratory.acceptance.judged or laboratory.images is None:
        return False
    return bool((laboratory.test_images.labels == class_index).any())


def reason(found: Fitness, limits: FitnessSettings, name: str, who: str) -> tuple[str, str]:
    """Return why a class is not fit, and the remedy; two empty texts if it is.

    Args:
        found: the figures.
        limits: the limits.
        name: of the class.
        who: the judges' name in sentences.
    """
    share, real_share = found.accepted / found.drawn, found.real_accepted / found.real
    accept = "accepts" if who == "the judge" else "accept"
    if real_share < limits.real:
        why = (
            f"{who} {accept} {found.real_accepted} of {found.real} real images of class {name!r}, too "
            "few to tell whether the generator shows it"
        )
        return why, (
            "train judges on such images (`failcond judge`), lower acceptance.least_p, or change "
            f"fitness.real = {limits.real:g}, the least share"
        )
    if share < limits.acceptance * real_share:
        why = (
            f"{who} {accept} {found.accepted} of {found.drawn} generated images of class {name!r}, and "
            f"{found.real_accepted} of {found.real} real ones"
        )
        return why, _remedy("acceptance", limits.acceptance, "least share of that of real images")
    if found.likeness is None or found.real_likeness is None:
        return "", ""
    mine, theirs = found.likeness, found.real_likeness
    if mine.distance - theirs.distance > limits.distance:
        why = (
            f"generated images of class {name!r} are {mine.distance:.2f} spreads away from real ones, and "
            f"real ones {theirs.distance:.2f} from each other"
        )
        return why, _remedy("distance", limits.distance, "largest difference")
    if mine.coverage < limits.coverage * theirs.coverage:
        why = (
            f"{mine.coverage:.0%} of the real images of class {name!r} have a generated image near, and "
            f"{theirs.coverage:.0%} have another real one"
        )
        return why, _remedy("coverage", limits.coverage, "least share of that of real images")
    return "", ""


def _remedy(limit: str, value: float, meaning: str) -> str:
    return (
        f"train the generator longer (`failcond train`), or change fitness.{limit} = {value:g}, the "
        f"{meaning}"
    )


def fitness_of(records: Mapping[Key, Any]) -> list[Fitness]:
    """Return the fitness of each class, by index."""
    found = [record for key, record in records.items() if isinstance(key, FitnessKey)]
    return sorted(found, key=lambda one: one.class_index)


def unfit(found: Iterable[Fitness]) -> list[Fitness]:
    """Return the classes that are not fit."""
    return [one for one in found if not one.fit]


def nothing_fit(records: Mapping[Key, Any]) -> str:
    """Return a clause if no class is fit, so that no direction is measured; otherwise an empty text."""
    found: Sequence[Fitness] = fitness_of(records)
    if not found or len(unfit(found)) < len(found):
        return ""
    if len(found) == 1:
        return found[0].why
    return f"none of {len(found)} classes is fit: {found[0].why}"

"""Whether an export that goes on has the models that it began with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.hard.manifest import HardImage, Manifest, Subjects
from pytest_failcond.hard.rendering import BLOCK, StartStyles
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import to_float

_NAMES = {
    "count": "--count",
    "classes": "--classes",
    "kinds": "--kinds",
    "directions": "--directions",
    "max_shift": "corner_cases.max_shift",
    "dimensions": "combinations.dimensions",
    "max_distance": "combinations.max_distance",
    "seed": "seed",
    "truncation": "corner_cases.truncation",
    "manifest_only": "--manifest-only",
}
_LISTED = 8  # names in a sentence
_SAME_P = 0.05  # another machine may make a pixel one level brighter
_REMEDY = "give the same again, or choose an empty folder"


def check_same(place: str, then: Manifest, now: Manifest) -> None:
    """Check that an export goes on as it began.

    Raises:
        FailcondError: a setting or a model is another one.
    """
    why = _other_models(then.subjects, now.subjects) or _other_setting(then, now)
    if why:
        raise FailcondError(f"{place} has an export {why}; {_REMEDY}")


def check_answers(
    place: str,
    classifier: Classifier,
    acceptance: Acceptance,
    styles: StartStyles,
    images: Sequence[HardImage],
    std: Mapping[int, float],
) -> None:
    """Check that models without a hash answer some images as the manifest says.

    Raises:
        FailcondError: one answers otherwise.
    """
    some = images[:: -(-len(images) // BLOCK) or 1]
    asked = classifier.hash is None, None in [judge.hash for judge in acceptance.judges]
    if not some or not any(asked):
        return
    seen = to_float(styles.render(some, std))
    labels = np.array([image.label for image in some])
    p = classifier.aside().probabilities(seen)
    if asked[0]:
        then = [image.p for image in some]
        _check_alike(
            f"{place} has an export of another classifier", some, then, p[range(len(some)), labels]
        )
    if asked[1]:
        judgement = acceptance.see(seen, among=p.shape[1])
        then = [image.level for image in some]
        _check_alike(f"{place} has an export of other judges", some, then, judgement.level(labels))


def _check_alike(
    what: str, images: Sequence[HardImage], then: Sequence[float], now: npt.NDArray[np.float32]
) -> None:
    """Check that probabilities of the images' classes are what they were.

    Raises:
        FailcondError: one is another.
    """
    apart = np.abs(now - then)
    most = int(apart.argmax())
    if apart[most] > _SAME_P:
        raise FailcondError(
            f"{what}: in {images[most].file} the class had p = {then[most]:.2f}, and now it has "
            f"p = {now[most]:.2f}; {_REMEDY}"
        )


def _other_models(then: Subjects, now: Subjects) -> str:
    """Return which model is another one, in words; empty: none is."""
    if then.generator != now.generator:
        return f"of the generator {then.generator}, and this one is {now.generator}"
    before, after = then.classifier_name, now.classifier_name
    if _differ([then.classifier], [before], [now.classifier], [after]):
        if before != after:
            return (
                f"of the classifier {before or _hashed(then.classifier)}, and this one is "
                f"{after or _hashed(now.classifier)}"
            )
        name = "" if after is None else f"{after}, "
        return (
            f"of another classifier: {name}{_hashed(then.classifier)}, and now it is "
            f"{_hashed(now.classifier)}"
        )
    if _differ(then.judges, then.judge_names, now.judges, now.judge_names):
        if then.judge_names != now.judge_names:
            return f"judged by {_listed(then.judge_names)}, and this one is by {_listed(now.judge_names)}"
        return (
            f"of other judges: {_listed(map(_hashed, then.judges))}, and now they are "
            f"{_listed(map(_hashed, now.judges))}"
        )
    if then.least_p != now.least_p:
        return f"with least_p {then.least_p}, and now it is {now.least_p}"
    return ""


def _differ(
    hashes: Sequence[str | None],
    names: Sequence[str | None],
    other_hashes: Sequence[str | None],
    other_names: Sequence[str | None],
) -> bool:
    """Tell whether models are others: their hashes differ, or for plain callables, which have none, the names."""
    return hashes != other_hashes or (None in hashes and names != other_names)


def _hashed(found: str | None) -> str:
    return found or "a plain callable"


def _listed(names: Iterable[str]) -> str:
    return " and ".join(names) or "no judge"


def _other_setting(then: Manifest, now: Manifest) -> str:
    """Return which setting is another one, in words; empty: none is."""
    before, after = _settings(then), _settings(now)
    for key in before | after:
        if before.get(key) != after.get(key):
            was, has = (
                _written(one.get(key), other.get(key))
                for one, other in ((before, after), (after, before))
            )
            return f"with {key} {was}, and now it is {has}"
    return ""


def _settings(manifest: Manifest) -> dict[str, Any]:
    """Return the settings of an export, by the names that users know."""
    asked, names = manifest.asked.model_dump(), manifest.class_names
    asked["manifest_only"] = not asked["files"]
    asked["classes"] = [names[label] for label in asked["classes"]]
    return (
        {name: asked[key] for key, name in _NAMES.items()}
        | {f"class {label}": [name] for label, name in enumerate(names)}
        | {"image shape": " × ".join(map(str, manifest.image_shape))}
    )


def _written(value: Any, other: Any) -> str:
    """Write a setting; of a long list what the other lacks, first."""
    match value:
        case None:
            return "missing"
        case bool():
            return "on" if value else "off"
        case list() if len(value) > _LISTED:
            first = sorted(value, key=lambda name: name in (other or []))[:_LISTED]
            return f"{', '.join(first)}, … and {len(value) - _LISTED:,} more"
        case list():
            return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)

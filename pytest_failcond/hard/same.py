"""Whether an export that goes on has the models that it began with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_failcond.errors import FailcondError
from pytest_failcond.hard.manifest import HardImage, Manifest, Subjects
from pytest_failcond.hard.rendering import BLOCK, StartStyles
from pytest_failcond.storage.reading import shown
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import to_float

_SAME = ("asked", "class_names", "image_shape")
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
    styles: StartStyles,
    images: Sequence[HardImage],
    std: Mapping[int, float],
) -> None:
    """Check that a classifier without a hash answers some images as the manifest says.

    Raises:
        FailcondError: it answers one otherwise.
    """
    some = images[:: -(-len(images) // BLOCK) or 1]
    if not some:
        return
    p = classifier.aside().probabilities(to_float(styles.render(some, std)))
    now = p[np.arange(len(some)), [image.label for image in some]]
    apart = np.abs(now - [image.p for image in some])
    most = int(apart.argmax())
    if apart[most] > _SAME_P:
        image = some[most]
        raise FailcondError(
            f"{place} has an export of another classifier: in {image.file} it saw the class with "
            f"p = {image.p:.2f}, and this one does with p = {now[most]:.2f}; {_REMEDY}"
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
        return f"with least_p {then.least_p}, and this one has {now.least_p}"
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
    for name in _SAME:
        before, after = (_parts(getattr(manifest, name)) for manifest in (then, now))
        for key in after:
            if before.get(key) != after[key]:
                return f"with {key or name} {shown(before.get(key))}, and this one has {shown(after[key])}"
    return ""


def _parts(value: Any) -> dict[str, Any]:
    """Return the fields of a record; of another value, itself."""
    dumped = value.model_dump() if hasattr(value, "model_dump") else {"": value}
    return dict(dumped)

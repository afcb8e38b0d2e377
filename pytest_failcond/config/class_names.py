"""The classes' names: all sources agree, or an error names the difference."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.words.printing import count


def class_names(settings: Settings, generator: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the names by index: the configured, the generator's, or those of the images' files.

    Args:
        settings: the configuration.
        generator: the names in the generator's file, by index; None or empty: there is no file, or its
            generator has no classes.

    Raises:
        FailcondError: they differ in number or order, or those of the images are not the same.
    """
    names, by = settings.classes, "`classes`"
    if generator:
        if names is not None:
            _check_generator(names, generator)
        else:
            names, by = tuple(generator), "the generator's classes"
    if settings.images_place is None:
        return names
    from pytest_failcond.subjects.files import classes_of

    return classes_of(settings.images_place, names, by)


def _check_generator(names: Sequence[str], generator: Sequence[str]) -> None:
    """Check that a generator fits the configured names: it may have others, but no known name at
    another index.
    """
    if len(names) != len(generator):
        raise FailcondError(
            f"classes: names {count(len(names), 'class')}, but the generator has {len(generator)}: "
            f"{', '.join(generator)}"
        )
    for index, name in enumerate(names):
        if name in generator and generator[index] != name:
            raise FailcondError(
                f"classes: {name!r} is number {index}, but number {list(generator).index(name)} of "
                "the generator's classes; put `classes` and the generator's training labels into "
                "the order of the classifier's outputs"
            )

"""Image files with labels: in a folder per class, or listed in a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_failcond.subjects import csv_files, folders
from pytest_failcond.subjects.csv_files import is_csv
from pytest_failcond.subjects.folders import ImageFile


def files_of(reference: str, folder: Path = Path()) -> Path | None:
    """Return the folder or CSV file that a setting names; None: it is taken for ``module:callable``.

    Args:
        reference: the setting.
        folder: relative paths begin there.
    """
    place = folder / reference
    return place if place.is_dir() or is_csv(place) else None


def classes_of(
    place: Path, named: Sequence[str] | None = None, by: str = "`classes`"
) -> tuple[str, ...] | None:
    """Return the class names of image files, by index; None: a CSV file labels them with indices.

    Args:
        place: a folder with a folder per class, or a CSV file.
        named: the names in the order of the classifier's outputs, if they are known.
        by: the source of these names, for messages.

    Raises:
        FailcondError: as `folders.classes_of` and `csv_files.classes_of`.
    """
    if is_csv(place):
        return csv_files.classes_of(place, named, by)
    return folders.classes_of(place, named, by)


def image_files(place: Path, named: Sequence[str] | None = None) -> list[ImageFile]:
    """Return image files with their labels, in a fixed order.

    Args:
        place: as for `classes_of`.
        named: the class names by index, if they are known.

    Raises:
        FailcondError: as `classes_of`, or a class has no files, or a file is listed twice.
    """
    if is_csv(place):
        return csv_files.image_files(place, named)
    return folders.class_files(place, folders.classes_of(place, named))


def unread(place: Path) -> tuple[str, ...]:
    """Return the files that are not read though they are in the folder, a sentence each."""
    return () if is_csv(place) else folders.unread(place)

"""A folder with one folder of image files per class: the classes, their order, and the files."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_failcond.errors import FailcondError

SUFFIXES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".bmp",
        ".webp",
        ".tif",
        ".tiff",
        ".gif",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    ]
)
_NO_CLASSES = frozenset(
    ("__pycache__", "__MACOSX", "lost+found", "@eaDir", "$RECYCLE.BIN", "System Volume Information")
)
_SHOWN = 8


class ImageFile(NamedTuple):
    """An image file of a set.

    Attributes:
        path: of the file.
        label: its class index.
        name: its name in errors.
        short: its path within the set.
    """

    path: Path
    label: int
    name: str
    short: str


def classes_of(
    folder: Path, named: Sequence[str] | None = None, by: str = "`classes`"
) -> tuple[str, ...]:
    """Return the class names of a folder of image files, by index.

    Args:
        folder: it has a folder per class.
        named: the names in the order of the classifier's outputs, if they are known; those of the
            folders must be the same. None: the folders' names, in the order of their text.
        by: the source of these names, for messages.

    Raises:
        FailcondError: it has no such folders, their names differ from those given, or no order is
            given and that by text differs from that by number.
    """
    found = sorted(_class_folders(folder))
    if named is None:
        check_order(f"the folders in {folder}", found)
        return tuple(found)
    known = {unicodedata.normalize("NFC", name) for name in named}
    missing, unknown = known.difference(found), set(found) - known
    if missing or unknown:
        said = [f"no folder for {listed(sorted(missing))}"] if missing else []
        said += [f"no class for {listed(sorted(unknown))}"] if unknown else []
        raise FailcondError(
            f"images: the folders in {folder} and {by} differ: {'; '.join(said)}; give them the "
            "same names"
        )
    return tuple(named)


def class_files(folder: Path, names: Iterable[str]) -> list[ImageFile]:
    """Return the image files of each class, in a fixed order.

    Raises:
        FailcondError: a class has none, or image files lie a folder too deep.
    """
    places = _class_folders(folder)
    files = []
    for label, name in enumerate(names):
        place = places[unicodedata.normalize("NFC", name)]
        visible = sorted(_visible(place))
        images = [path for path in visible if path.suffix.lower() in SUFFIXES]
        for path in visible:
            if path.suffix.lower() not in SUFFIXES and path.is_dir() and _holds_images(path):
                raise FailcondError(
                    f"images: {path} lies a folder too deep; move its image files up, or name "
                    f"{place} if that is the folder with a folder per class"
                )
        if not images:
            others = f", but {_counted(visible)}" if visible else ""
            raise FailcondError(
                f"images: there are no image files in the class folder {place}{others}; add some, or "
                "remove it if there is no such class"
            )
        files += [
            ImageFile(path, label, f"images: {path}", path.relative_to(folder).as_posix())
            for path in images
        ]
    return files


def unread(folder: Path) -> tuple[str, ...]:
    """Return the files of a folder that are not read, a sentence each."""
    beside = [path for path in _visible(folder) if path.suffix.lower() in SUFFIXES]
    within = [
        path
        for place in _class_folders(folder).values()
        for path in _visible(place)
        if path.suffix.lower() not in SUFFIXES and path.is_file()
    ]
    said = []
    if beside:
        said.append(
            f"images: not read, because beside the class folders of {folder}: {_counted(beside)}"
        )
    if within:
        said.append(f"images: not read in the class folders of {folder}: {_counted(within)}")
    return tuple(said)


def _class_folders(folder: Path) -> dict[str, Path]:
    """The folder of each class by its name, which some systems decompose, as e and an accent."""
    if not folder.exists():
        raise FailcondError(
            f"images: there is no folder {folder}; name one with a folder of image files per class, "
            "a CSV file of paths and labels, or module:callable"
        )
    if not folder.is_dir():
        raise FailcondError(
            f"images: {folder} is a file, expected a folder with a folder of image files per class, "
            "a CSV file of paths and labels, or module:callable"
        )
    places: dict[str, Path] = {}
    alike: dict[str, Path] = {}
    for path in _visible(folder):
        if path.is_symlink() and not path.exists():
            raise FailcondError(f"images: {path} is a broken link; mend or remove it")
        if path.is_dir() and path.name not in _NO_CLASSES:
            name = unicodedata.normalize("NFC", path.name)
            other = alike.setdefault(name.casefold(), path)
            if other is not path:
                raise FailcondError(
                    f"images: {folder} has two folders whose names differ only in case or Unicode "
                    f"form, {other.name!r} and {path.name!r}; join them, or rename one"
                )
            places[name] = path
    if not places:
        raise FailcondError(f"images: {folder} has no folder per class; sort the images by class")
    return places


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise FailcondError(
            f"images: {folder} cannot be read ({error.strerror or error})"
        ) from error


def _holds_images(folder: Path) -> bool:
    if folder.name in _NO_CLASSES:
        return False
    return any(
        path.suffix.lower() in SUFFIXES or (path.is_dir() and _holds_images(path))
        for path in _visible(folder)
    )


def check_order(what: str, names: Sequence[str]) -> None:
    """Check that names with numbers have one order: models are trained in either, without a record
    of it.

    Args:
        what: the named things, for messages.
        names: in the order of their text.

    Raises:
        FailcondError: the order by number is another.
    """
    by_number = sorted(names, key=_numbers)
    if by_number != list(names):
        raise FailcondError(
            f"images: {what} have one order by text, {listed(names)}, and another by number, "
            f"{listed(by_number)}; set classes = [...] in the order of the classifier's "
            "outputs"
        )


def _numbers(name: str) -> list[tuple[int, int]]:
    """A name by its letters, but a number as a whole, so that 2 comes before 10."""
    return [
        (ord("0"), int(part)) if part.isdecimal() else (ord(part), 0)
        for part in re.findall(r"[0-9]+|[^0-9]", name, re.DOTALL)
    ]


def listed(names: Sequence[str]) -> str:
    """Name the first few, quoted, and the number of the others."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def _counted(paths: Iterable[Path]) -> str:
    """Count the files by suffix, most first."""
    counts = Counter(path.suffix.lower() or "without a suffix" for path in paths)
    return ", ".join(f"{number} {suffix}" for suffix, number in counts.most_common(_SHOWN))

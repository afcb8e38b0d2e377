"""Outputs and inputs: never the same file, by identity and not by spelling."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.files import check_writable, kind_of, said, write_atomically

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the summary file to which the steps of a GitHub job append."""

_ANOTHER = "choose another place"


@dataclass(frozen=True)
class Place:
    """A file that is read or written.

    Attributes:
        name: its name for the user: an option, or ``the baseline``.
        path: its path; the file may be missing.
        folder: whether it is a folder, with all its content.
        instead: the remedy if an output is this input.
    """

    name: str
    path: Path
    folder: bool = False
    instead: str = _ANOTHER


def pictures_folder(run_file: Path) -> Path:
    """Return the folder of a run file's pictures.

    Raises:
        FailcondError: the path has no file name, such as ``/``.
    """
    if not run_file.name:
        raise FailcondError(f"{run_file}: expected a run file, found a folder; name a file")
    return run_file.with_name(f"{run_file.name}.files")


def of_run(name: str, path: Path, instead: str = _ANOTHER) -> list[Place]:
    """Return the places of a run: its file, and its pictures."""
    if not is_file(path):
        return [Place(name, path, instead=instead)]
    pictures = Place(f"the pictures of {name}", pictures_folder(path), folder=True)
    return [Place(name, path, instead=instead), pictures]


def check_outputs(outputs: Sequence[Place], inputs: Iterable[Place] = ()) -> None:
    """Check that no output overwrites an input or another output, and that each can be written.

    Raises:
        FailcondError: one does or cannot; nothing has been touched.
    """
    _refuse_overlaps(outputs, inputs)
    for output in outputs:
        if not output.folder:
            if output.path.exists() and output.path.resolve().suffix == ".py":
                raise FailcondError(
                    f"{output.name}: {output.path} is Python code, which pytest-failcond does not "
                    f"overwrite; {_ANOTHER}"
                )
            try:
                check_writable(output.path)
            except FailcondError as error:
                raise FailcondError(f"{output.name}: {error}") from error


def _refuse_overlaps(outputs: Sequence[Place], inputs: Iterable[Place]) -> None:
    files = [output for output in outputs if not _is_device(output.path)]
    read = list(inputs)
    for output in files:
        for place in read:
            if how := _overlap(output, place):
                raise FailcondError(
                    f"{output.name}: {output.path} {how} {place.name}, which is an input; "
                    f"{place.instead}"
                )
    for one, other in combinations(files, 2):
        if how := _overlap(one, other):
            raise FailcondError(
                f"{one.name}: {one.path} {how} {other.name}, which is an output too; give each "
                f"its own place"
            )


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to one file, existing or not, in whatever spelling."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return _identity(one) == _identity(other)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether it is a file, or will be; writing to a folder fails later, with its own message."""
    try:
        return kind_of(path) == "file"
    except OSError:
        return True


def write_summary(path: str | os.PathLike[str], text: str) -> None:
    """Write a summary; append it to the file that ``GITHUB_STEP_SUMMARY`` names.

    Raises:
        FailcondError: the place cannot be written.
    """
    shared = os.environ.get(STEP_SUMMARY)
    if not shared or not is_file(path) or not is_same_file(path, shared):
        write_atomically(path, text)
        return
    with said(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("a+b") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - 1, 0))
            ended = stream.read(1) in (b"", b"\n")
            between = ("" if ended else "\n") + ("\n" if size else "")
            stream.write((between + text).encode(errors="backslashreplace"))


def _overlap(one: Place, other: Place) -> str:
    """Return the relation of a place to another in words; empty if they have nothing in common."""
    if is_same_file(one.path, other.path):
        return "is"
    if other.folder and _lies_in(one.path, other.path):
        return "lies in"
    if one.folder and _lies_in(other.path, one.path):
        return "holds"
    return ""


def _lies_in(path: Path, folder: Path) -> bool:
    return any(is_same_file(parent, folder) for parent in Path(os.path.realpath(path)).parents)


def _identity(path: str | os.PathLike[str]) -> tuple[object, ...]:
    """Identify a file that may be missing: by the nearest existing folder, and the names below
    it.
    """
    whole = Path(os.path.realpath(path))
    for folder in whole.parents:
        with suppress(OSError):
            found, names = folder.stat(), whole.relative_to(folder).parts
            if _ignores_case(folder):
                names = tuple(unicodedata.normalize("NFC", name).casefold() for name in names)
            return (found.st_dev, found.st_ino, *names)
    return (str(whole),)


def _ignores_case(folder: Path) -> bool:
    """Whether the file system of a folder takes ``A`` and ``a`` for one name."""
    swapped = folder.name.swapcase()
    try:
        return swapped != folder.name and folder.with_name(swapped).samefile(folder)
    except OSError:
        return False


def _is_device(path: Path) -> bool:
    """Whether it is a device, which keeps nothing and may be written to twice."""
    try:
        return kind_of(path) == "device"
    except OSError:
        return False

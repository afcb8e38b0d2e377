"""What is written and what is read: never the same file, by identity and not by spelling."""

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
"""Names the file to which the steps of a GitHub job add what they have to say."""

_ANOTHER = "choose another place"


@dataclass(frozen=True)
class Place:
    """A file that is read or written.

    Attributes:
        name: what it is to the user: an option, or ``the baseline``.
        path: where it is; may not be there.
        folder: whether it is a folder, with all that lies in it.
        instead: the remedy where an output is this input.
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
        raise FailcondError(f"{run_file}: is a folder, and no run file; name a file")
    return run_file.with_name(f"{run_file.name}.files")


def of_run(name: str, path: Path, instead: str = _ANOTHER) -> list[Place]:
    """Return the places of a run: its file, and its pictures."""
    if not is_file(path):
        return [Place(name, path, instead=instead)]
    pictures = Place(f"the pictures of {name}", pictures_folder(path), folder=True)
    return [Place(name, path, instead=instead), pictures]


def check_outputs(outputs: Sequence[Place], inputs: Iterable[Place] = ()) -> None:
    """See that nothing is written over what is read, or twice to one place, and that it can be written.

    Raises:
        FailcondError: it is not so; nothing has been touched.
    """
    _refuse_overlaps(outputs, inputs)
    for output in outputs:
        if not output.folder:
            if output.path.exists() and output.path.resolve().suffix == ".py":
                raise FailcondError(
                    f"{output.name}: {output.path} is Python code, which is not written over; {_ANOTHER}"
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
                    f"{output.name}: {output.path} {how} {place.name}, which is read; {place.instead}"
                )
    for one, other in combinations(files, 2):
        if how := _overlap(one, other):
            raise FailcondError(
                f"{one.name}: {one.path} {how} {other.name}, which is written too; "
                "give each a place of its own"
            )


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to one file, however they are spelled, be it there or not."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return _identity(one) == _identity(other)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether it is a file, or will be; whoever writes to a folder there says what is wrong."""
    try:
        return kind_of(path) == "file"
    except OSError:
        return True


def write_summary(path: str | os.PathLike[str], text: str) -> None:
    """Write a summary; to the file that ``GITHUB_STEP_SUMMARY`` names, it is added.

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
    """Say how a place lies to another; empty where they have nothing in common."""
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
    """Identify a file that may not be there: by the nearest folder that is, and the names below it."""
    whole = Path(os.path.realpath(path))
    for folder in whole.parents:
        with suppress(OSError):
            found, names = folder.stat(), whole.relative_to(folder).parts
            if _ignores_case(folder):
                names = tuple(unicodedata.normalize("NFC", name).casefold() for name in names)
            return (found.st_dev, found.st_ino, *names)
    return (str(whole),)


def _ignores_case(folder: Path) -> bool:
    """Whether the file system that a folder lies in takes ``A`` and ``a`` for one name."""
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

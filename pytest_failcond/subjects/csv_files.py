"""A CSV file of paths and labels: the classes, their order, and the image files, row by row."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.storage.opening import read_bytes
from pytest_failcond.storage.reading import shown, what_it_is
from pytest_failcond.subjects.folders import ImageFile, check_order, listed

_COLUMNS = {
    "path": ("path", "file", "filename", "file_name", "filepath", "file_path", "image"),
    "label": ("label", "class", "class_name", "target"),
}
_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?")  # 01 is a name


class _Row(NamedTuple):
    where: str  # file and line, for messages
    path: str
    label: str


def is_csv(path: Path) -> bool:
    """Whether a path names a CSV file, existing or not."""
    return path.suffix.lower() == ".csv" and not path.is_dir()


def classes_of(
    file: Path, named: Sequence[str] | None = None, by: str = "`classes`"
) -> tuple[str, ...] | None:
    """Return the class names of a CSV file, by index; None: its labels are indices.

    Args:
        file: it has a header, with columns of paths and labels.
        named: the names in the order of the classifier's outputs, if they are known; each label must
            be one of them, or an index of one. None: the labels, in the order of their text.
        by: the source of these names, for messages.

    Raises:
        FailcondError: the file cannot be read as such, a label is not known, or no order is given and
            that by text differs from that by number.
    """
    rows = _rows(file)
    names = _names(file, rows, named)
    _class_indices(rows, names, by)
    return names


def image_files(file: Path, named: Sequence[str] | None) -> list[ImageFile]:
    """Return the image files of a CSV file, in the order of its rows.

    Args:
        file: paths in it are relative to its folder.
        named: the names in the order of the classifier's outputs, if they are known.

    Raises:
        FailcondError: as `classes_of`, or a path is listed twice.
    """
    rows = _rows(file)
    labels = _class_indices(rows, _names(file, rows, named))
    seen: dict[str, _Row] = {}
    found = []
    for row, label in zip(rows, labels, strict=True):
        path = file.parent / row.path
        first = seen.setdefault(os.path.normpath(path), row)
        if first is not row:
            also = f" with label {shown(first.label)}" if first.label != row.label else ""
            raise FailcondError(
                f"{row.where}: {shown(row.path)} is listed before{also}, in {_line(first)}; remove one "
                "of the two"
            )
        found.append(ImageFile(path, label, f"{row.where}: {path}", row.path))
    return found


def _line(row: _Row) -> str:
    return row.where.rpartition(", ")[2]


def _are_indices(rows: Sequence[_Row], named: Sequence[str] | None) -> bool:
    """Whether labels are indices: all are numbers, and not all of them are names of classes."""
    known = set(named or ())
    return all(_NUMBER.fullmatch(row.label) for row in rows) and not all(
        row.label in known for row in rows
    )


def _names(file: Path, rows: Sequence[_Row], named: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the class names by index: those given, or the labels; None: these are indices."""
    if named is not None:
        return tuple(named)
    if _are_indices(rows, None):
        return None
    found = sorted({row.label for row in rows})
    check_order(f"the labels in {file}", found)
    return tuple(found)


def _class_indices(
    rows: Sequence[_Row], names: Sequence[str] | None, by: str = "`classes`"
) -> list[int]:
    """Return the class index of each row."""
    from pytest_failcond.subjects.labels import class_index

    if names is None or _are_indices(rows, names):
        found = [class_index(float(row.label), f"{row.where}: label") for row in rows]
        for row, label in zip(rows, found, strict=True):
            if names is not None and label >= len(names):
                raise FailcondError(
                    f"{row.where}: label {label} is beyond {by}, which are {len(names)}; give an index "
                    f"from 0 to {len(names) - 1}, or a name"
                )
        return found
    index = {unicodedata.normalize("NFC", name): number for number, name in enumerate(names)}
    for row in rows:
        if row.label not in index:
            raise FailcondError(
                f"{row.where}: label {shown(row.label)} is not one of {by}, {listed(names)}"
                f"{nearest(row.label, names)}; correct it, or add it to the classes"
            )
    return [index[row.label] for row in rows]


def _rows(file: Path) -> list[_Row]:
    """Read a CSV file; every row has a path and a label.

    Raises:
        FailcondError: one sentence that names the line.
    """
    lines = _lines(file)
    columns = next(lines, (0, []))[1]
    path, label = (_column(file, columns, name) for name in _COLUMNS)
    rows = []
    for number, cells in lines:
        where = f"images: {file}, line {number}"
        if len(cells) != len(columns):
            raise FailcondError(
                f"{where}: expected {len(columns)} columns as in the header, got {len(cells)}; put "
                "quotes around values with commas"
            )
        for name, column in (("path", path), ("label", label)):
            if not cells[column]:
                raise FailcondError(f"{where}: the {name} is empty; fill it in, or remove the line")
        rows.append(_Row(where, cells[path], unicodedata.normalize("NFC", cells[label])))
    if not rows:
        raise FailcondError(f"images: {file} has no rows below its header; list at least one image")
    return rows


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that is not blank, and the line's number from 1."""
    try:
        content = read_bytes(file)
    except FailcondError as error:
        raise FailcondError(f"images: {error}") from error
    content = content.removeprefix(_BOM)
    try:
        if known := what_it_is(content):
            raise ValueError(f"it is {known}")
        reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FailcondError(
            f"images: {file}, line {line}: not UTF-8 text; save the file as UTF-8"
        ) from error
    except csv.Error as error:
        raise FailcondError(
            f"images: {file}, line {reader.line_num}: not CSV ({error}); save the file anew"
        ) from error
    except ValueError as error:
        raise FailcondError(
            f"images: {file}: expected a CSV file of paths and labels, but {error}"
        ) from error


def _column(file: Path, columns: Sequence[str], name: str) -> int:
    """Return the position of a column: of that name, or the only one whose name means the same."""
    alike = [column.casefold() for column in columns]
    exact = [i for i, column in enumerate(alike) if column == name]
    found = exact or [i for i, column in enumerate(alike) if column in _COLUMNS[name]]
    if len(found) != 1:
        several = f"several may be {name!r}" if found else f"none of them is {name!r}"
        raise FailcondError(
            f"images: {file}: the header has the columns {listed(columns)}, and {several}; name one "
            "'path' and one 'label', separated by commas"
        )
    return found[0]

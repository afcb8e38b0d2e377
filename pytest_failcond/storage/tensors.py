"""Safetensors files: whole or refused, with everything that they say of themselves in the header.

The header is JSON that the standard library reads, so that texts and shapes are known without torch;
nothing in such a file can execute code. What it claims is held against the file's size before anything is
allocated.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.opening import unreadable
from pytest_failcond.storage.reading import (
    Many,
    Record,
    parse_json,
    shown,
    validate,
    what_it_is,
)

if TYPE_CHECKING:
    import numpy.typing as npt

_LARGEST_HEADER = 100_000_000  # the safetensors format's own limit, bytes
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "U16": 16, "F16": 16,
         "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64}  # fmt: skip
_WRITTEN = {"F16": "<f2", "F32": "<f4"}


class Tensor(Record):
    """A tensor of a file: its type, its shape, and where its bytes lie."""

    dtype: str
    shape: Many[Annotated[int, Field(ge=0)]]
    data_offsets: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]

    @model_validator(mode="after")
    def _fills_its_place(self) -> Self:
        if self.dtype not in _BITS:
            raise ValueError(f"unknown type {shown(self.dtype)}")
        size = math.prod(self.shape) * _BITS[self.dtype] // 8
        if self.data_offsets[1] - self.data_offsets[0] != size:
            raise ValueError(f"takes {size} bytes, but lies at {self.data_offsets}")
        return self


class _Metadata(Record):
    """Texts by name."""

    texts: dict[str, str]


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself: texts, and its tensors by name."""

    metadata: dict[str, str]
    tensors: dict[str, Tensor]


def read_header(path: str | os.PathLike[str], remedy: str = "", source: str = "") -> Header:
    """Return a safetensors file's header, after checking that the file is whole.

    Args:
        path: of the file.
        remedy: what to do where it is something else.
        source: what makes such a file, in the message if it is missing.

    Raises:
        FailcondError: the file is missing, truncated, or not a safetensors file.
    """
    where = Path(path)
    try:
        found = where.stat()
        if not stat.S_ISREG(found.st_mode):
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "no ordinary file"
            raise FailcondError(f"{where}: cannot be read: it is {what}; name a .safetensors file")
        with where.open("rb") as stream:
            start = stream.read(8)
            length = int.from_bytes(start, "little")
            whole = len(start) == 8 and length <= min(_LARGEST_HEADER, found.st_size - 8)
            text = stream.read(length if whole else 512)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise unreadable(where, error, source) from error
    if len(start) == 8 and not whole and text.startswith(b"{") and length <= _LARGEST_HEADER:
        raise FailcondError(f"{where}: truncated within its header; copy the file again")
    if not whole or not text.startswith(b"{"):
        known = what_it_is(start + text[:512])
        raise FailcondError(
            f"{where}: not a safetensors file{f': it is {known}' if known else ''}"
            f"{f'; {remedy}' if remedy else ''}"
        )
    try:
        header, end = _parsed(text)
    except ValueError as error:
        raise FailcondError(f"{where}: not a safetensors file: its header: {error}") from error
    if found.st_size != 8 + length + end:
        how = "truncated" if found.st_size < 8 + length + end else "too long"
        raise FailcondError(
            f"{where}: {how}: {found.st_size} bytes of {8 + length + end}; copy the file again"
        )
    return header


def packed(
    tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str], dtype: str
) -> bytes:
    """Return a safetensors file: the same bytes for the same content.

    Args:
        tensors: by name.
        metadata: texts by name.
        dtype: of all tensors in the file: F16 or F32.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    parts, end = [], 0
    for name, value in sorted(tensors.items()):
        part = value.astype(_WRITTEN[dtype]).tobytes()
        place = [end, end + len(part)]
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": place}
        parts.append(part)
        end = place[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def misfit(header: Header, shapes: Mapping[str, tuple[int, ...]], dtype: str = "F32") -> str:
    """Say in what a file's tensors depart from those that it should have; or nothing.

    Args:
        header: of the file.
        shapes: of the tensors, by name.
        dtype: of all of them, as safetensors calls it.
    """
    for name, shape in shapes.items():
        tensor = header.tensors.get(name)
        if tensor is None:
            return f"{name} is missing"
        if (tensor.dtype, tuple(tensor.shape)) != (dtype, shape):
            found = f"{tensor.dtype} {shown(tensor.shape)}"
            return f"{name} is {found} where {dtype} {list(shape)} belongs"
    more = next((name for name in header.tensors if name not in shapes), None)
    return "" if more is None else f"{shown(more)} does not belong there"


def _parsed(text: bytes) -> tuple[Header, int]:
    """Return a header, and how many bytes its tensors take, without gaps or overlaps."""
    data = parse_json(text)
    metadata = validate(_Metadata, {"texts": data.pop("__metadata__", {})}).texts
    tensors: dict[str, Tensor] = {}
    for name, entry in data.items():
        try:
            tensors[name] = validate(Tensor, entry)
        except ValueError as error:
            raise ValueError(f"{shown(name)}: {error}") from error
    end = 0
    for tensor in sorted(tensors.values(), key=lambda t: t.data_offsets):
        if tensor.data_offsets[0] != end:
            raise ValueError(f"its tensors overlap, or leave a gap, at byte {end}")
        end = tensor.data_offsets[1]
    return Header(metadata, tensors), end

"""Files from anywhere: their content as plain data, or one sentence on the fault.

A file's claims are checked against its content before anything is allocated; nothing is executed.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationError,
    model_validator,
)

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.ranges import shorten
from pytest_failcond.storage.opening import read_bytes

_DEEPEST = 100  # levels of lists and objects; a run file has 8, each training from another's end 2
_LONGEST_NUMBER = 400  # digits
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # of a surrogate pair, which may be whole
_NUMBERS = (
    "int_type",
    "int_parsing",
    "float_type",
    "float_parsing",
)  # pydantic's names of findings
_LONGEST_MESSAGE = 600  # characters: Python's own messages quote all of a value
_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; fetch it: git lfs pull"),
    (b"PK\x03\x04", "a zip archive, in which torch.save keeps a pickle"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\xff\xfe", "UTF-16 text, where UTF-8 is needed"),
    (b"\xfe\xff", "UTF-16 text, where UTF-8 is needed"),
    (b"\xef\xbb\xbf", "text with a byte order mark, where plain UTF-8 is needed"),
    (b"<", "HTML or XML, as a server sends in place of a file"),
)
_PICKLE = "a pickle, which executes code when it is read, and is never opened here"


class Known(BaseModel):
    """A model without unknown keys; its error names the first of them alone."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        """Refuse the first unknown key, before a million findings are made."""
        if isinstance(data, dict) and cls.model_config.get("extra") == "forbid":
            names = {field.alias or name for name, field in cls.model_fields.items()}
            by_name = cls.model_fields if cls.model_config.get("populate_by_name") else ()
            for key in data:
                if key not in names and key not in by_name:
                    raise ValueError(f"unknown key {shown(key)}{nearest(str(key)[:99], names)}")
        return data


class Record(Known):
    """Part of a file, of known types: frozen and strict."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,  # what is written is written in full
    )


R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True)
class _FailFast:
    """Like pydantic's own, which has no hash and so cannot be part of a union."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return {**handler(source), "fail_fast": True}


Many = Annotated[list[T], _FailFast()]
"""A list; reading stops at the first wrong entry."""


def validate(model: type[R], data: Any) -> R:
    """Return data as a record.

    Raises:
        ValueError: a sentence about the first fault.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ValueError(sentence_of(error, data)) from error


def sentence_of(error: ValidationError, data: Any) -> str:
    """Return the first of pydantic's findings: its place, the expected value, and the actual
    one.
    """
    first = error.errors(include_url=False)[0]
    where = place(first["loc"], data)
    if first["type"] == "missing":
        return f"{where} is missing"
    message = shorten(first["msg"].removeprefix("Value error, "), _LONGEST_MESSAGE)
    if first["type"] == "value_error":
        return f"{where}: {message}" if where else message
    message = message.replace("valid tuple", "valid list")  # as TOML and JSON call them
    text = f"{message[0].lower()}{message[1:]}, got {shown(first['input'])}"
    if first["type"] == "string_type" and type(first["input"]) in (int, float):
        text += f'; put it in quotes: "{shown(first["input"])}"'
    if first["type"] in _NUMBERS and _is_number(first["input"]):
        text += f"; write it without quotes: {first['input'].strip()}"
    return f"{where}: {text}" if where else text


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+(\.\d+)?\s*", value) is not None


def place(path: Sequence[str | int], data: Any) -> str:
    """Name a place in data: ``directions 'direction:8:322:+'.curve.broken[3]``.

    A list's entries are named by their key or id, if they have one.
    """
    text = ""
    for number, part in enumerate(path):
        last = number == len(path) - 1
        if isinstance(part, int):
            data = data[part] if isinstance(data, list | tuple) and part < len(data) else None
            name = _name(data)
            text += f"[{part}]" if name is None else f" {name}"
        elif isinstance(data, Mapping) and part in data:
            text, data = f"{text}.{part}", data[part]
        elif last and isinstance(data, Mapping):
            text += f".{part}"
        # Anything else is a branch of a union, which means nothing to a reader.
    return text.removeprefix(".")


def _name(entry: Any) -> str | None:
    if isinstance(entry, Mapping):
        for field in ("key", "id"):
            if isinstance(entry.get(field), str):
                return shown(entry[field])
    return None


def shown(value: Any) -> str:
    """Show a value in a sentence, shortened."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 60
    short.maxlevel, short.maxlist, short.maxdict, short.maxtuple = 2, 4, 2, 4
    return short.repr(value)


def read_json(path: Path, what: str, remedy: str = "", source: str = "") -> Any:
    """Return a file's JSON.

    Args:
        path: of the file.
        what: the expected kind: "a run file of pytest-failcond".
        remedy: the advice if it is another kind.
        source: what makes such a file, in the message if it is missing.

    Raises:
        FailcondError: it cannot be read, or is another kind of file.
    """
    content = read_bytes(path, source)
    try:
        return parse_json(content)
    except ValueError as error:
        told = f"; {remedy}" if remedy else ""
        raise FailcondError(f"{path}: not {what}: {error}{told}") from error


def what_it_is(content: bytes) -> str | None:
    """Name the kind of a foreign file by its first bytes; None: unknown."""
    if not content:
        return "empty"
    if content[0] == 0x80 and content[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return _PICKLE
    start = content[:512].lstrip()
    return next((what for known, what in _STARTS if start.startswith(known)), None)


def parse_json(content: bytes) -> Any:
    """Read JSON: UTF-8, no field twice, finite numbers, not nested too deeply.

    Raises:
        ValueError: a clause on the fault: "it is empty", "it has 'key' twice".
    """
    if known := what_it_is(content):
        raise ValueError(f"it is {known}")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is binary, not UTF-8 text") from None
    try:
        data = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        raise ValueError(
            f"it is not JSON: {error.msg[0].lower()}{error.msg[1:]} in line {error.lineno}, column "
            f"{error.colno}"
        ) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check_depth(data)
    if _HALF.search(text):  # looked for in the text, which is far quicker than in all that it holds
        _check_halves(data)
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"it has the field {shown(twice)} twice in one object")
    return made


def _constant(text: str) -> Any:
    raise ValueError(f"it has {text} for a number")


def _whole(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"it has a number of {len(text)} digits")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"it has a number out of range, {shown(text)}")
    return value


def _check_depth(data: Any) -> None:
    """Refuse nesting that is too deep for recursion."""
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(_DEEPEST):
        level = [
            value
            for holder in level
            for value in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(value, dict | list)
        ]
        if not level:
            return
    raise ValueError("it is nested too deeply")


def _check_halves(data: Any) -> None:
    """Refuse text that no file or terminal accepts."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it has half a surrogate pair in its text") from None

"""Changes to JSON-like data, at random: any field left out, doubled, retyped, nested, swapped, made extreme."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.packing import pack, pack_bits

Place = tuple[Any, Any]
"""A list or object, and an index or key of it."""


def _nested(depth: int) -> Any:
    made: Any = 1
    for _ in range(depth):
        made = [made]
    return made


@cache
def extremes() -> list[Any]:
    """Values that no reader should stumble over."""
    import numpy as np

    zeros = np.zeros(200, dtype=np.int64)
    return [
        *(None, True, False, 0, 1, -1, 2, 7, 100, 65536, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30),
        *(0.0, -0.0, 0.5, 1.5, -0.5, 1e-320, 1e308, -1e308),
        *("", "x", " ", "\0", "\x1b[31m", "a\n::error::b", "ü" * 300, "a" * 10_000, "../x", "/etc/passwd", "."),
        *("clean", "corpus", "corpus:x", "corruption:fog:9", "corruption:fog:1", "corruption::1"),
        *("ranking:0", "ranking:99999999999999999999", "direction:0:0:+", "direction:9:0:-", "direction:٣:1:+"),
        *("gate:none", "regression:clean", "corner_case:0:1", "corner_case:9:9", "corner_case:a:b"),
        *("2026-13-01", "failed", "passed", "waived", "accuracy", "nan", "1"),
        *([], {}, [[]], [None], [1, 2, 3], {"a": 1}, {"key": "clean"}, _nested(60), _nested(200)),
        *(pack(zeros), pack(zeros + 9), pack(np.zeros(10**6, dtype=np.int64)), pack(zeros, "<u4")),
        *(pack_bits(zeros > 0), "AAAA", "eJwDAAAAAAE=", "!"),
    ]  # fmt: skip


def places(data: Any) -> dict[str, list[Place]]:
    """Every place in the data, by its path without indices: rare fields are as likely as common ones."""
    found: dict[str, list[Place]] = {}

    def walk(value: Any, path: str) -> None:
        if type(value) is dict:
            for key, below in value.items():
                where = f"{path}.{key}"
                found.setdefault(where, []).append((value, key))
                if type(below) in (dict, list):
                    walk(below, where)
        elif value:
            where = f"{path}[]"
            found.setdefault(where, []).extend((value, index) for index in range(len(value)))
            for below in value:
                if type(below) in (dict, list):
                    walk(below, where)

    walk(data, "")
    return found


def mutate(data: Any, draw: random.Random) -> tuple[str, Any]:
    """Return a changed copy of the data, and what was done to it."""
    changed = json.loads(json.dumps(data))  # a tenth of the time of a deep copy
    found = places(changed)
    path = draw.choice(sorted(found))
    holder, key = draw.choice(found[path])
    value = holder[key]
    kind, change = draw.choice(sorted(_KINDS.items()))
    change(holder, key, value, draw, found)
    return f"{kind} at {path}[{key!r}]", changed


def _remove(holder: Any, key: Any, value: Any, draw: random.Random, found: Any) -> None:
    del holder[key]


def _double(holder: Any, key: Any, value: Any, draw: random.Random, found: Any) -> None:
    if isinstance(holder, list):
        holder.insert(key, copy.deepcopy(value))
    else:
        holder[f"{key}x"] = copy.deepcopy(value)


def _extreme(holder: Any, key: Any, value: Any, draw: random.Random, found: Any) -> None:
    holder[key] = copy.deepcopy(draw.choice(extremes()))


def _retype(holder: Any, key: Any, value: Any, draw: random.Random, found: Any) -> None:
    if isinstance(value, bool | None):
        holder[key] = draw.choice([str(value), int(value or 0)])
    elif isinstance(value, int):
        holder[key] = draw.choice([str(value), float(value), bool(value), value + 0.5])
    elif isinstance(value, float):
        holder[key] = draw.choice([str(value), int(value), bool(value)])
    elif isinstance(value, list):
        holder[key] = draw.choice([dict(enumerate(map(str, value))), str(value)[:99], len(value)])
    elif isinstance(value, dict):
        holder[key] = draw.choice([list(value.values()), list(value), str(value)[:99]])
    else:
        holder[key] = draw.choice([list(value), {value: value}, len(value)])
    if isinstance(holder[key], dict):
        holder[key] = {str(k): v for k, v in holder[key].items()}


def _nest(holder: Any, key: Any, value: Any, draw: random.Random, found: Any) -> None:
    holder[key] = draw.choice([[value], {"value": value}, [value, value]])


def _nudge(holder: Any, key: Any, value: Any, draw: random.Random, found: Any) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        holder[key] = draw.choice([value + 1, value - 1, -value, value * 1000, value / 2])
    elif isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, str):
        holder[key] = draw.choice([value[:-1], value + "x", value.upper(), value[::-1]])
    else:
        holder[key] = (
            value[:-1]
            if isinstance(value, list)
            else dict(list(value.items())[:-1])
            if value
            else value
        )


def _swap(holder: Any, key: Any, value: Any, draw: random.Random, found: Any) -> None:
    other, name = draw.choice(found[draw.choice(sorted(found))])
    holder[key] = copy.deepcopy(other[name])


def _sibling(holder: Any, key: Any, value: Any, draw: random.Random, found: Any) -> None:
    """Take the value of a place of the same kind, or of a field beside it."""
    other = draw.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = copy.deepcopy(holder[other]), copy.deepcopy(value)


_KINDS: dict[str, Callable[[Any, Any, Any, random.Random, Any], None]] = {
    "remove": _remove, "double": _double, "extreme": _extreme, "retype": _retype, "nest": _nest,
    "nudge": _nudge, "swap": _swap, "sibling": _sibling,
}  # fmt: skip


def scramble(content: bytes, draw: random.Random) -> tuple[str, bytes]:
    """Return bytes with one place changed, cut out, doubled or filled, and what was done to them."""
    at, size = draw.randrange(len(content)), draw.choice([1, 1, 2, 7, 100, 5000])
    kind = draw.choice(["flip", "cut", "double", "fill", "end"])
    part = content[at : at + size]
    new = {
        "flip": bytes(b ^ (1 << draw.randrange(8)) for b in part),
        "cut": b"",
        "double": part + part,
        "fill": draw.choice([b"\0", b"\xff", b"9", b"[", b'"', b"\xed\xa0\x80"]) * size,
        "end": b"",
    }[kind]
    rest = b"" if kind == "end" else content[at + size :]
    return f"{kind} {size} bytes at {at}", content[:at] + new + rest


def outcome(read: Callable[[Path], None], path: Path, what: str) -> str:
    """Try a reader; a traceback, or an error that is no sentence, fails the test."""
    told = ""
    try:
        read(path)
    except FailcondError as error:
        told = str(error)
    except Exception as error:
        pytest.fail(f"{what}: {type(error).__name__}: {error}")
    assert "\n" not in told, f"{what}: {told}"
    assert len(told) < 2000, f"{what}: {told}"
    return "a sentence" if told else "read"

"""The part of a model's output that holds its logits: alone, named ``logits``, or chosen by ``head``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.process.exchange import described, is_tensor
from pytest_failcond.words.judged import the

Head: TypeAlias = "str | int"
"""An output among several: its key or attribute, or its position from 0."""

_LOGITS = "logits"
_LISTED = 4  # parts that a sentence names


def chosen(out: Any, name: str, count: int, head: Head | None) -> Any:
    """Return the part of an output that holds the logits; the output itself if it has no parts.

    Without a ``head``, the part named ``logits`` counts, else the only one of the shape of logits.

    Args:
        out: the output of a model.
        name: the model's name in messages.
        count: N, the images that it got.
        head: the part that the user chose.

    Raises:
        FailcondError: the head is not there, or several parts may be the logits.
    """
    parts = _parts(out, head)
    if head is not None:
        return _at(head, parts, out, name)
    if _LOGITS in parts:
        return parts[_LOGITS]
    fitting = [key for key, part in parts.items() if _may_be_logits(part, count)]
    if len(fitting) > 1:
        raise FailcondError(
            f"{the(name)} returned {described(out)}, of which several may be the logits [{count}, classes]; "
            f"{_choice({key: parts[key] for key in fitting}, name)}"
        )
    return parts[fitting[0]] if fitting else out


def is_array(value: object) -> bool:
    """Whether it is a tensor or an array."""
    return is_tensor(value) or isinstance(value, np.ndarray)


def _parts(out: Any, head: Head | None) -> dict[Head, Any]:
    """Return the parts of an output by key, attribute or position; nothing if it has none.

    Lists of numbers are one array, written as lists.
    """
    if is_array(out):
        return {}
    if isinstance(out, Mapping):
        return {key: part for key, part in out.items() if isinstance(key, str | int)}
    if isinstance(out, tuple) and hasattr(out, "_fields"):
        return dict(zip(out._fields, out, strict=True))
    if isinstance(out, tuple | list):
        arrays = any(is_array(part) and part.ndim > 1 for part in out)
        return dict(enumerate(out)) if arrays else {}
    found: dict[Head, Any] = {}
    if is_dataclass(out):
        found = {field.name: getattr(out, field.name) for field in fields(out)}
    for key in (_LOGITS, head):
        if isinstance(key, str) and hasattr(out, key):
            found[key] = getattr(out, key)
    return found


def _at(head: Head, parts: dict[Head, Any], out: Any, name: str) -> Any:
    if head in parts:
        return parts[head]
    if isinstance(head, int) and isinstance(out, tuple) and head < len(parts):
        return out[head]  # of a named tuple
    if not parts:
        raise FailcondError(
            f"{the(name)} returned {described(out)}, which has no heads; leave out head = {head!r}"
        )
    raise FailcondError(
        f"{the(name)} returned {described(out)}, which has no head {head!r}"
        f"{nearest(str(head), [str(key) for key in parts])}; {_choice(parts, name)}"
    )


def _choice(parts: Mapping[Head, Any], name: str) -> str:
    """Return how to choose one of some parts, each with its shape."""
    if name != "classifier":
        return "wrap it, so that it returns one of them alone"
    known = [f"{key!r} ({described(part)})" for key, part in list(parts.items())[:_LISTED]]
    more = ["…"] if len(parts) > _LISTED else []
    return f"in the configuration, set head = {' or '.join(known + more)}"


def _may_be_logits(part: Any, count: int) -> bool:
    return is_array(part) and part.ndim == 2 and len(part) == count and part.shape[1] > 1

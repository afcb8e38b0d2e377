"""Self-contained pages: templates, filled with text, data and code, that load nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from pytest_failcond.words.printing import printable


def template(name: str, room: str = "report") -> str:
    """Return a file of a room's ``templates`` folder."""
    folder = resources.files(f"pytest_failcond.{room}") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def fill(page: str, contents: Mapping[str, str]) -> str:
    """Put HTML, code and data in the places of a template, such as ``{{title}}``."""
    # In one pass: inserted text is never searched for places.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: contents[found[1]], page)


def source_hash(text: str) -> str:
    """Return the hash by which a Content-Security-Policy allows a script or a style sheet."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def embedded(data: Any) -> str:
    """Write JSON for a script element: no name in it can end the element."""
    text = json.dumps(_printable(data), separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def data_uri(content: bytes, kind: str) -> str:
    """Return a picture as a data address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _printable(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _printable(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_printable(entry) for entry in data]
    return printable(data) if isinstance(data, str) else data

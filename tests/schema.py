"""The schema of the run file, to hold files against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[1]


def read_schema() -> dict[str, Any]:
    """Return the schema that users get."""
    return json.loads((ROOT / "docs" / "run.schema.json").read_text(encoding="utf-8"))


def errors_of(path: Path) -> list[tuple[str, str]]:
    """Return where a run file departs from the schema, and how."""
    validator = Draft202012Validator(read_schema())
    data = json.loads(path.read_text(encoding="utf-8"))
    return [("/".join(map(str, e.absolute_path)), e.message) for e in validator.iter_errors(data)]

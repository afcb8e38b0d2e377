"""The JSON Schema of the run file, made from its records."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from pytest_failcond.runs.run_file.whole import RunRecord

_LEFT_OUT = {
    "MeasurementRecord": {"corruption", "severity"},
    "EnvironmentRecord": {"options", "remarks", "strict"},
    "BesideOfKey": {"lost", "gained", "replayed", "still"},
}
"""Fields that entries of other kinds, or runs without remarks or options, do not have."""


class _Generator(GenerateJsonSchema):
    """Leaves out titles: they repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_text() -> str:
    """Return the schema of this version's run files, as the text of docs/run.schema.json."""
    schema = RunRecord.model_json_schema(
        by_alias=True, mode="serialization", schema_generator=_Generator
    )
    schema = {"$schema": GenerateJsonSchema.schema_dialect, **schema}
    schema["title"] = "Run file of pytest-failcond"
    for name in (
        "records",
        "combinations",
        "fitness",
        "withheld",
        "beside",
    ):  # left out if there are none
        schema["required"].remove(name)
    for name, definition in schema["$defs"].items():
        definition.pop("title", None)
        optional = _LEFT_OUT.get(name, set())
        definition["required"] = [f for f in definition["required"] if f not in optional]
    return json.dumps(_plain(schema), indent=2, ensure_ascii=False) + "\n"


def _plain(schema: Any) -> Any:
    """Leave out defaults: files are written in full."""
    if isinstance(schema, dict):
        return {
            key: _plain(value)
            for key, value in schema.items()
            if key != "default" or not isinstance(schema.get("description"), str)
        }
    return [_plain(value) for value in schema] if isinstance(schema, list) else schema

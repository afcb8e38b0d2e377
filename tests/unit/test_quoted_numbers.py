"""A number in quotes is refused with the way to write it, wherever the configuration takes a number."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from pytest_failcond.config.settings import Settings, load_settings
from pytest_failcond.errors import FailcondError

NAMED = {"generator_images": "generator"}  # as the file names it
ABOVE = {
    "generator_images": {"file": "g"},
    "corruptions": {"names": ["fog"], "severities": [1]},
    "gates": {"metric": "clean_accuracy"},
}


def numbers(model: type[BaseModel], *above: str) -> Iterator[tuple[str, ...]]:
    """The keys of a table and of those in it that take a number and no text."""
    for name, field in model.model_fields.items():
        kinds = {field.annotation, *typing.get_args(field.annotation)}
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from numbers(kind, *above, name)
        if kinds & {int, float} and str not in kinds:
            yield (*above, name)


KEYS = [*numbers(Settings)]


def test_all_tables_are_seen():
    assert {("seed",), ("confidence",), ("corner_cases", "samples")} <= {*KEYS}
    assert len(KEYS) > 15


@pytest.mark.parametrize("key", KEYS, ids=".".join)
def test_a_number_in_quotes_is_answered_by_the_number(key):
    *above, name = key
    table: dict[str, object] = {name: ["8"] if name == "severities" else "8"}
    if above:
        table = ABOVE.get(above[0], {}) | table
        table = {NAMED.get(above[0], above[0]): [table] if above == ["gates"] else table}
    with pytest.raises(FailcondError) as caught:
        load_settings(Path("failcond.toml"), table)
    assert str(caught.value).endswith("got '8'; write it without quotes: 8")
    assert name in str(caught.value)


def test_other_text_is_no_number_in_quotes():
    with pytest.raises(FailcondError, match=r"got 'eight'$"):
        load_settings(Path("failcond.toml"), {"seed": "eight"})

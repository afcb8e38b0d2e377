"""docs/run.schema.json: every field is described, and the runs of the tests keep to it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.runs.run_file.schema import schema_text
from pytest_failcond.runs.run_file.whole import SCHEMA
from tests.combinations import anywhere, combined
from tests.runs import changed, make_comparison, make_run
from tests.schema import ROOT, errors_of, read_schema

ENVIRONMENT = {
    "date": "2026-01-01T00:00:00Z", "python": "3.13.0", "platform": "linux x86_64",
    "device": "cpu", "threads": 1, "waiting": None, "cores": None, "packages": {"torch": "2.9", "scipy": None},
    "commit": None, "commit_date": None, "dirty": None,
}  # fmt: skip
SUBJECTS = {
    "classifier": "sha256:1", "judge": None, "judges": [], "least_p": None, "truncation": None, "generator": None, "images": "sha256:2",
    "max_images": None, "seed": 3, "corruptions": "imagenet-c/1",
}  # fmt: skip


def fields(schema):
    """All schemas of fields, with their paths."""
    for name, definition in {"": schema, **schema["$defs"]}.items():
        queue = [(name, definition)]
        while queue:
            path, at = queue.pop()
            yield path, at
            queue += [(f"{path}.{key}", value) for key, value in at.get("properties", {}).items()]
            if "properties" in at.get("items", {}):
                queue.append((f"{path}[]", at["items"]))


def test_it_is_a_schema_of_the_version_that_is_written():
    schema = read_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == SCHEMA


def test_it_is_the_one_that_the_reader_keeps_to():
    text = (ROOT / "docs" / "run.schema.json").read_text(encoding="utf-8")
    assert text == schema_text(), (
        "write it again: python -m pytest_failcond.runs.run_file > docs/run.schema.json"
    )


def test_every_field_is_described_and_none_is_let_through_unknown():
    found = list(fields(read_schema()))
    assert len(found) > 120
    for path, schema in found:
        assert schema.get("description"), f"{path} has no description"
        if "properties" in schema:
            assert schema["additionalProperties"] is False, path


@pytest.mark.parametrize("kind", ["whole", "bare", "part", "compared"])
def test_runs_keep_to_it(tmp_path, kind):
    run = replace(make_run(tmp_path / "pictures"), environment=ENVIRONMENT, subjects=SUBJECTS)
    if kind == "whole":
        entries = (Replayed("0-1-up-2", "fixed", 0, 1, 0.2, "x.png", "sha256:1"),)
        run = changed(run, corpus=Replay(entries, "sha256:2"), notes=("gate 'x' needs 299 images",))
        more = (anywhere(CombinationKey(0), 20, 1), combined(CombinationKey(1, 2), [None] * 3))
        run = replace(run, records=run.records | {found.key: found for found in more})
    if kind == "bare":
        run = changed(run, gates=(), directions={}, rankings={}, errors={})
    if kind == "part":
        run = replace(run, part=(1, 2), gates=(), kept=np.arange(200) * 2, planned=("clean",))
    if kind == "compared":
        run = replace(run, comparison=make_comparison(tmp_path / "pictures"))
    run.save(tmp_path / "run.json")
    assert errors_of(tmp_path / "run.json") == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda run: run["measurements"][0].pop("pixels"), "measurements/0"),
        (lambda run: run["directions"][0].update(sign=0), "directions/0/sign"),
        (lambda run: run["gates"][0].update(verdict="fine"), "gates/0/verdict"),
        (lambda run: run.update(schema=2), "schema"),
        (lambda run: run.update(more=1), ""),
    ],
)
def test_what_does_not_keep_to_it_is_found(tmp_path, change, where):
    run = replace(make_run(tmp_path / "pictures"), environment=ENVIRONMENT, subjects=SUBJECTS)
    run.save(tmp_path / "run.json")
    data = json.loads((tmp_path / "run.json").read_text())
    change(data)
    (tmp_path / "run.json").write_text(json.dumps(data))
    assert [place for place, _ in errors_of(tmp_path / "run.json")] == [where]

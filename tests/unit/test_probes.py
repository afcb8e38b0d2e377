"""Probes and keys: keys are text that knows its parts; see `test_probe_contract` for all probes."""

from __future__ import annotations

import ast
import copy
import json
import pickle
from pathlib import Path

import pytest

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import (
    CleanKey,
    CombinationKey,
    CornerCaseKey,
    CorpusKey,
    CorruptionKey,
    DirectionKey,
    EntryKey,
    Key,
    MeanKey,
    RankingKey,
    RowKey,
)
from pytest_failcond.probes.metric import resolved
from pytest_failcond.probes.registry import OURS, PROBES, Registry
from pytest_failcond.verdicts.metrics import Value
from tests.runs import make_run
from tests.sources import FILES, ROOT, nodes_of

KEYS = [
    CombinationKey(8), CombinationKey(8, 3), CleanKey(), CorruptionKey("fog", 3), RankingKey(8), DirectionKey(8, 322, -1), CorpusKey(),
    RowKey("fog"), MeanKey(), CornerCaseKey(8, 1), EntryKey("a-1"),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_text_that_knows_its_parts(key):
    assert {key: 1}[str(key)] == 1
    assert json.loads(json.dumps({key: key})) == {str(key): str(key)}
    for again in (PROBES.about(str(key)), copy.deepcopy(key), pickle.loads(pickle.dumps(key))):
        assert again == key
        assert type(again) is type(key)
        assert vars(again) == vars(key)
        assert again.probe == key.probe
    with pytest.raises(AttributeError):
        key.probe = "other"


@pytest.mark.parametrize("key", KEYS[7:])
def test_what_cannot_be_measured_by_itself_is_no_key_for_tests(key):
    with pytest.raises(FailcondError, match="unknown key"):
        PROBES.parse(str(key))


def test_records_go_through_json_and_back_and_stand_in_order():
    run = make_run()
    again = [
        PROBES.read(key, json.loads(json.dumps(record.to_json())), run.labels)
        for key, record in reversed(run.records.items())
    ]
    grid = run.settings["corruptions"] | {"custom": {"column_blur": "mine:blur"}}
    settings = Settings.model_validate({"corruptions": grid})
    ordered = PROBES.in_order(again, settings)
    assert list(ordered) == list(run.records)
    assert {k: r.to_json() for k, r in ordered.items()} == {
        k: r.to_json() for k, r in run.records.items()
    }


def test_a_probe_that_is_not_here_keeps_its_record_as_it_is():
    key = Key("foreign", "one")
    kept = Registry(()).read(key, {"any": [1]}, make_run().labels)
    assert (kept.key, kept.to_json()) == (key, {"any": [1]})
    assert PROBES.read_key("foreign:one") == key
    assert PROBES.metric("foreign_share").noun == "foreign_share"


def test_a_value_is_of_the_metrics_module():
    assert resolved("pytest_failcond.verdicts.metrics:Value") is Value


PREFIXES = tuple(
    f"{name}:"
    for name in (
        "corruption",
        "ranking",
        "direction",
        "corner_case",
        "corpus",
        "gate",
        "regression",
    )
)


def names_compared(path: Path) -> list[str]:
    """Return where a file asks for a probe or a metric by its name, in place of what the row says."""
    # history follows the accuracy of several probes by that name, too
    names = {probe.name for probe in OURS} | PROBES.metrics.keys() - {"accuracy"}
    return [
        f"{path.name}:{node.lineno} {ast.unparse(node)}"
        for node in nodes_of(path)
        if isinstance(node, ast.Compare)
        and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
        and any(isinstance(c, ast.Constant) and c.value in names for c in ast.walk(node))
    ]


def test_no_probe_and_no_metric_is_asked_for_by_name_outside_the_probes(tmp_path):
    files = [path for path in FILES if "probes" not in path.relative_to(ROOT).parts]
    assert [line for path in files for line in names_compared(path)] == []
    such = tmp_path / "such.py"
    such.write_text('if probe.name == "corpus" or metric != "mce":\n    pass\n')
    assert len(names_compared(such)) == 2


def texts_of_keys(path: Path) -> list[str]:
    """Return where a file puts a key together from text, or takes it apart."""
    found = []
    for node in nodes_of(path):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            made = str(node.values[0].value)
            if made in PREFIXES:  # followed by a value; a sentence has a space there
                found.append(f"{path.name}:{node.lineno} makes {made}…")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            asked = [a.value for a in node.args if isinstance(a, ast.Constant)]
            taken = node.func.attr in ("startswith", "removeprefix", "fullmatch", "match")
            if taken and any(str(text).startswith(PREFIXES) for text in asked):
                found.append(f"{path.name}:{node.lineno} asks for {asked[0]}")
    return found


def test_keys_are_neither_made_of_text_nor_taken_apart_outside_the_probes():
    files = [path for path in FILES if "probes" not in path.relative_to(ROOT).parts]
    assert len(files) > 100
    assert [line for path in files for line in texts_of_keys(path)] == []
    assert texts_of_keys(ROOT / "probes" / "keys.py")  # such are found

"""Whole numbers, names and paths out of range: one sentence, wherever they are given."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond import cli, ranges
from pytest_failcond.commands.arguments import count, not_negative, number, positive, up_to
from pytest_failcond.config.settings import load_settings
from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.plugin.option_table import read_part
from pytest_failcond.ranges import Whole
from pytest_failcond.runs.merge import _one_of, missing_parts
from pytest_failcond.words.test_ids import class_id
from tests.runs import make_run

WHOLE = {
    "seed": ranges.SEED,
    "seeds": ranges.SEEDS,
    "max_images": ranges.MAX_IMAGES,
    "batch_size": ranges.BATCH_SIZE,
    "threads": ranges.THREADS,
    "corner_cases.top": ranges.TOP,
    "corner_cases.samples": ranges.SAMPLES,
}


def load(key: str, value: object) -> None:
    table, _, name = key.rpartition(".")
    load_settings(Path("p.toml"), {table: {name: value}} if table else {name: value})


@pytest.mark.parametrize("key", WHOLE)
def test_a_setting_out_of_its_range_names_key_value_and_range(key):
    low, high = WHOLE[key].least, WHOLE[key].most
    load(key, low)
    load(key, high)
    for value in (low - 1, high + 1, -(10**30), 10**30):
        with pytest.raises(FailcondError) as error:
            load(key, value)
        message = str(error.value)
        assert message.startswith(f"p.toml: {key}: {str(value)[:40]}")
        assert f"give a whole number from {low} to {high}" in message
    for value in (True, 1.0, "1", None if key == "seed" else "", [1], float("nan")):
        with pytest.raises(FailcondError, match=f"p.toml: {key}"):
            load(key, value)


@pytest.mark.parametrize("key", ["confidence", "corner_cases.max_shift"])
@pytest.mark.parametrize(
    "value", [0, -1, 1e9, 0.999999999999, float("nan"), float("inf"), True, "0.9", 0.3, 1e-300]
)
def test_other_numbers_out_of_range_name_their_key(key, value):
    with pytest.raises(FailcondError, match=f"p.toml: {key}: "):
        load(key, value)


WHOLES = st.builds(
    lambda a, b: Whole(min(a, b), max(a, b)), st.integers(-1000, 1000), st.integers(-1000, 1000)
)


@settings(deadline=None)
@given(WHOLES, st.one_of(st.integers(-2000, 2000).map(str), st.text(), st.from_regex(r"[+-]?\d+")))
def test_an_option_is_read_as_python_reads_it_or_refused(whole, text):
    try:
        value = int(text) if text.isascii() else None
    except ValueError:
        value = None
    if value is not None and whole.least <= value <= whole.most and len(text) < 30:
        assert whole.read(text) == value == whole.check(value)
    else:
        with pytest.raises(argparse.ArgumentTypeError, match="give a whole number from"):
            whole.read(text)


@settings(deadline=None)
@given(
    st.one_of(
        st.text(max_size=30), st.from_regex(r"\A[0-9]*\.?[0-9]*[kKmM]?\Z"), st.floats().map(str)
    )
)
def test_what_reads_an_option_raises_nothing_else(text):
    for read in (count, up_to(5), number, not_negative, positive):
        try:
            value = read(text)
        except argparse.ArgumentTypeError as error:
            assert "give " in str(error)  # noqa: PT017
        else:
            assert abs(value) < float("inf")


COMMANDS = [
    ("selftest r.json --seed -1", "--seed"),
    ("selftest r.json --resamples 1e400", "--resamples"),
    ("selftest r.json --resamples 10000001", "--resamples"),
    ("show direction:0:1:+ --shift nan --sample 1", "--shift"),
    ("show direction:0:1:+ --shift 1 --sample -1", "--sample"),
    ("show direction:0:1:+ --shift 1 --sample 1 --seed -3", "--seed"),
    ("history r.json --at -1", "--at"),
    ("quality g --images a:b --judge a:b --seed 1.5", "--seed"),
    ("explore --top 0", "--top"),
    ("explore --samples 99999999", "--samples"),
    ("train x.safetensors --images a:b --batch 100000000", "--batch"),
    ("train x.safetensors --images a:b --r1-gamma inf", "--r1-gamma"),
    ("train x.safetensors --images a:b --threads 100000", "--threads"),
    ("train x.safetensors --images a:b --probability nan", "--probability"),
]


@pytest.mark.parametrize(("command", "option"), COMMANDS)
def test_a_commands_option_out_of_range_is_refused_by_name(command, option, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(command.split())
    assert end.value.code == 2
    assert f"argument {option}: " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["selftest", "report", "history", "merge", "baseline"])
def test_a_path_that_no_file_can_have_is_a_sentence(command, capsys):
    assert cli.main([command, "a" * 300]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "aaa" in said


@pytest.mark.parametrize(
    "part",
    ["0/3", "4/3", "1/10001", "1/1000000000", "1/" + "9" * 5000, "-1/3", "1", "1/3/5", "٣/٤"],
)
def test_parts_are_few_enough_to_be_told_apart(part):
    with pytest.raises(FailcondError, match=r"--failcond-shard=.*give I/N") as error:
        read_part(part)
    assert len(str(error.value)) < 200
    assert read_part("10000/10000") == (10_000, 10_000)


def test_of_many_missing_parts_ten_are_named():
    from dataclasses import replace

    parts = [replace(make_run(), part=(number, 10_000)) for number in (1, 3)]
    said = _one_of(missing_parts(parts))
    assert said.startswith("2/10000 or 4/10000 or ")
    assert said.endswith(" or one of 9988 more")
    assert _one_of(missing_parts([replace(make_run(), part=(1, 2))])) == "2/2"


@pytest.mark.parametrize("length", [1, 100, 101, 300, 5000])
def test_a_name_is_short_enough_for_a_test_and_a_file_or_refused(length):
    name = "a" * length
    table = {
        "corruptions": {"names": [name], "severities": [1], "custom": {name: "m:f"}},
        "gates": [{"id": name, "metric": "accuracy", "min": 0.5}],
    }
    if length <= 100:
        load_settings(Path("p.toml"), table)
    for key in ("corruptions", "gates") if length > 100 else ():
        with pytest.raises(FailcondError, match=f"{key}.*characters.* is too long") as error:
            load_settings(Path("p.toml"), {key: table[key]})
        assert len(str(error.value)) < 300
    assert class_id([name, "b"], 0) == (name if length <= 100 else "0")


def test_no_two_classes_share_a_test_id():
    names = ["1", "a b", "1.", "ü", "3"]
    assert [class_id(names, index) for index in range(5)] == ["1", "1..", "1.", "3.", "3"]


def test_the_id_of_a_gate_of_long_names_is_short():
    names = ["a" * 3000, "b" * 3000]
    gates = [{"metric": "clean_accuracy", "min": 0.5, "classes": names[:n]} for n in (1, 2)]
    found = load_settings(Path("p.toml"), {"classes": names, "gates": gates})
    assert len({gate.id for gate in found.gates}) == 2
    assert all(len(gate.id) <= 110 for gate in found.gates)


@pytest.mark.parametrize("key", ["images", "baseline", "corpus", "generator", "judge", "device"])
def test_a_null_character_is_part_of_no_path(key):
    with pytest.raises(FailcondError, match=f"{key}: .*null character"):
        load(key, "a\0b")


def test_a_long_list_of_names_is_not_recited():
    said = nearest("?", map(str, range(1000)))
    assert said.endswith(", … and 970 more")
    assert len(said) < 200
    assert nearest("x" * 10_000, ["y"]) == "; known: y"


def test_a_list_is_called_as_the_file_calls_it():
    with pytest.raises(FailcondError, match="classes: input should be a valid list, got 'a'"):
        load("classes", "a")

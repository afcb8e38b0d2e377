"""Messages name a table as the found file has it: with the prefix, or without."""

from __future__ import annotations

import pytest

from pytest_failcond.commands.next_step import set_key
from pytest_failcond.config.configuration import read_configuration
from pytest_failcond.config.settings import load_settings
from pytest_failcond.errors import FailcondError
from tests.sources import FILES, ROOT, tree_of
from tests.unit.test_sentences import messages

FREE = {
    # modules whose messages have no file to follow: none was found, or they write one, or document all
    "config/configuration.py", "commands/init.py", "commands/baseline.py", "plugin/option_table.py",
    "plugin/fixtures.py", "runs/run_file/whole.py",
}  # fmt: skip


def test_no_other_message_names_a_table_by_itself():
    named = {
        str(path.relative_to(ROOT))
        for path in FILES
        if "[tool.failcond" in path.read_text(encoding="utf-8")
        and any("[tool.failcond" in text for text in messages(tree_of(path)))
    }
    assert named <= FREE


GATE = 'min = 0.1\nmetric = "{}"\n'
GATES = {
    # the gate → the table that its message names
    GATE.format("combined_distance") + 'toward = ["8"]\n': "combinations",
    GATE.format("accuracy"): "corruptions",
}


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("pyproject.toml", "tool.failcond."),
        ("failcond.toml", "tool.failcond."),
        ("failcond.toml", ""),
        ("other.toml", ""),
    ],
)
@pytest.mark.parametrize("gate", GATES, ids=GATES.values())
def test_a_gate_that_lacks_a_table_names_it_as_its_file_does(tmp_path, name, prefix, gate):
    (tmp_path / name).write_text(f"[[{prefix}gates]]\n{gate}")
    found = read_configuration(tmp_path / name, "--config")
    with pytest.raises(FailcondError) as caught:
        load_settings(found.path, found.table, prefixed=found.prefixed)
    assert f" [{prefix}{GATES[gate]}]" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[tool.failcond]\n", "[tool.failcond]"),
        ("seed = 1\n", "the configuration, above its tables"),
    ],
)
def test_a_key_of_the_top_level_is_put_where_the_file_has_such_keys(
    tmp_path, monkeypatch, text, place
):
    (tmp_path / "failcond.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert (
        set_key("judge", tmp_path / "j.safetensors")
        == f'Next: set judge = "j.safetensors" in {place}'
    )
    found = read_configuration(tmp_path / "failcond.toml", "--config")
    settings = load_settings(found.path, found.table, prefixed=found.prefixed)
    assert settings.table() == place

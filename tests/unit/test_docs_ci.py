"""docs/ci.md: its workflows are YAML, and what they call exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pytest_failcond.cli import COMMANDS
from pytest_failcond.plugin.option_table import add_options

TEXT = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
WORKFLOWS = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)


def commands(found):
    """Return every shell command of a workflow."""
    if isinstance(found, dict):
        own = [found["run"]] if "run" in found else found.get("script", [])
        return [*own, *(c for value in found.values() for c in commands(value))]
    if isinstance(found, list):
        return [c for value in found for c in commands(value)]
    return []


class Options:
    """Stands in for pytest's parser, and keeps the names of what is added."""

    def __init__(self):
        self.names = set()

    def getgroup(self, *_):
        return self

    def addoption(self, name, **_):
        self.names.add(name)


@pytest.mark.parametrize("text", WORKFLOWS, ids=range(len(WORKFLOWS)))
def test_workflows_call_what_there_is(text):
    called = commands(yaml.safe_load(text))
    assert any(command.startswith("pytest ") for command in called)
    known = Options()
    add_options(known)
    options = {o for c in called for o in re.findall(r"--failcond-[a-z]+", c)}
    assert options
    assert options <= known.names
    for name in re.findall(r"^failcond ([a-z]+)", "\n".join(called), flags=re.MULTILINE):
        assert name in COMMANDS

"""Help, errors and results on terminals that know ASCII or a legacy code page alone."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from pytest_failcond.cli import COMMANDS, main
from tests.runs import make_run

ENCODINGS = ("ascii", "cp1252", "utf-8")


@pytest.fixture(params=ENCODINGS)
def printed(request, monkeypatch):
    """Return a function that runs a command and returns its status, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), request.param) for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        try:
            status = main(arguments)
        except SystemExit as leaving:
            status = leaving.code
        out, errors = (stream.buffer.getvalue().decode(request.param) for stream in streams)
        return status, out, errors

    run.encoding = request.param
    return run


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_there_in_every_encoding(command, printed):
    status, out, errors = printed(*command.split(), "--help")
    assert status == 0
    assert out.startswith(f"usage: failcond {command}".rstrip())
    assert len(out.splitlines()) > 5
    assert not errors
    assert r"\u" not in out, "all of our own signs have words in ASCII"


@pytest.mark.parametrize(
    "arguments",
    [("そんな",), ("report", "そんな.json"), ("history", "x.json", "--数=∞")],
)
def test_errors_are_there_in_every_encoding(arguments, printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, errors = printed(*arguments)
    assert status == 2
    assert not out
    typed = arguments[-1].encode(printed.encoding, "backslashreplace").decode(printed.encoding)
    assert typed in errors


@pytest.mark.parametrize("command", ["report", "compare", "baseline", "history"])
def test_results_are_there_in_every_encoding(command, printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "pictures", classes=("零", "café ≥ σ", "二×")).save("一.json")
    more = {"compare": ["一.json", "--all"], "baseline": ["--out", "二.json"]}.get(command, [])
    status, out, errors = printed(command, "一.json", *more)
    assert status in (0, 1)
    assert not errors
    assert out or command == "baseline"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_whole_process_in_another_encoding(encoding):
    """As a user has it, whose locale is C; and pytest's own help with our options in it."""
    environment = os.environ | {
        "PYTHONIOENCODING": encoding,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    for module, line in (("pytest_failcond.cli", "show"), ("pytest", "--failcond-json=PATH")):
        done = subprocess.run(
            [sys.executable, "-m", module, "--help"], env=environment, capture_output=True
        )
        assert done.returncode == 0
        assert not done.stderr
        assert line in [
            text.split()[0] for text in done.stdout.decode(encoding).splitlines() if text
        ]

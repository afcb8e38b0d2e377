"""What long commands say while they run: on stderr, a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import io

from pytest_failcond.commands import progress


class Terminal(io.StringIO):
    """A stderr that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_a_log_has_a_line_when_a_stage_starts_and_one_now_and_then(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    for _ in progress.step_by_step(range(50), "m:f: measuring 50 keys", lambda i: f"m:f: key {i}"):
        now[0] += 2.0
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[:3] == ["m:f: measuring 50 keys", "m:f: key 15, 16 of 50", "m:f: key 30, 31 of 50"]
    assert len(lines) == 4
    assert "\r" not in captured.err


def test_nothing_to_do_says_nothing(capsys):
    assert list(progress.step_by_step([], "measuring 0 keys", str)) == []
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar(monkeypatch, capsys):
    seen = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", seen)
    monkeypatch.setenv("TERM", "xterm")
    for _ in progress.step_by_step(["[red]a", "b"], "two steps", str):
        pass
    assert "[red]a, 1 of 2" in seen.getvalue() or "b, 2 of 2" in seen.getvalue()
    assert capsys.readouterr().out == ""


def test_a_training_says_its_first_step_at_once(capsys):
    with progress.training_progress() as report:
        report(64, 1000, 32.0, 30.0, {"d": 0.5})
        report(128, 1000, 32.0, 28.0, {"d": 0.5})
    assert capsys.readouterr().err == "64 of 1,000 images, 32 images/s, 0:30 left; losses: d 0.50\n"

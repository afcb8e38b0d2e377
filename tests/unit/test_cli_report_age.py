"""``failcond report``: a run that is not of the session that has just ended is refused, and so is a file of others."""

from __future__ import annotations

import datetime

import pytest

from pytest_failcond.cli import main
from tests.runs import make_run


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Keep a run that was made so long ago."""
    monkeypatch.chdir(tmp_path)

    def keep(ago: datetime.timedelta | str) -> None:
        date = ago
        if not isinstance(ago, str):
            made = datetime.datetime.now(datetime.UTC) - ago
            date = made.strftime("%Y-%m-%dT%H:%M:%SZ")
        run = make_run(corner_cases=False)
        run.environment["date"] = date
        run.save("run.json")

    return keep


def age(**parts: float) -> datetime.timedelta:
    return datetime.timedelta(**parts)


@pytest.mark.parametrize(
    ("ago", "most"),
    [
        (age(seconds=5), "30s"),
        (age(minutes=9), "10m"),
        (age(hours=1.9), "2h"),
        (age(hours=23), "1d"),
        (age(hours=35), "1.5d"),
        (age(seconds=-30), "10m"),  # another machine's clock
        (age(days=900), None),
    ],
)
def test_a_run_that_is_young_enough_is_reported(kept, tmp_path, ago, most):
    kept(ago)
    assert main(["report", "run.json", *(["--max-age", most] if most else [])]) == 0
    assert (tmp_path / "run.html").exists()


@pytest.mark.parametrize(
    ("ago", "most", "words"),
    [
        (age(seconds=50), "30s", "ago"),
        (age(minutes=11), "10m", "was made 11 min ago"),
        (age(hours=2.5), "2h", "was made 2.5 h ago"),
        (age(days=3), "1d", "was made 3 d ago"),
        (age(minutes=-5), "1d", "was made in the future"),
        (age(days=-5), "999999d", "was made in the future"),
    ],
)
def test_an_old_run_or_one_of_the_future_is_refused_in_one_sentence(
    kept, tmp_path, capsys, ago, most, words
):
    kept(ago)
    assert main(["report", "run.json", "--max-age", most, "--markdown", "run.md"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("failcond report: run.json: ")
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not (tmp_path / "run.html").exists()
    assert not (tmp_path / "run.md").exists()


@pytest.mark.parametrize(
    "most", ["10", "m", "ten m", "-1h", "0s", "1w", "inf", "nan", "1e9d", "9999999d"]
)
def test_what_is_no_duration_is_refused(kept, capsys, most):
    kept(age(seconds=1))
    with pytest.raises(SystemExit) as stopped:
        main(["report", "run.json", f"--max-age={most}"])
    assert stopped.value.code == 2
    assert "--max-age" in capsys.readouterr().err


def test_there_is_no_run(kept, capsys):
    assert main(["report", "run.json", "--max-age", "1h"]) == 2
    assert "run.json" in capsys.readouterr().err


def test_a_file_of_another_program_is_not_overwritten(kept, tmp_path, capsys):
    kept(age(seconds=5))
    (tmp_path / "run.html").write_text("<!DOCTYPE html><title>pytest-html's report</title>")
    assert main(["report", "run.json"]) == 2
    said = capsys.readouterr().err
    assert "failcond report did not write this file" in said
    assert "--out" in said
    assert "pytest-html" in (tmp_path / "run.html").read_text()
    for _ in range(2):  # the page itself may be written again
        (tmp_path / "run.json").rename(tmp_path / "other.json")
        assert main(["report", "other.json"]) == 0
        (tmp_path / "other.json").rename(tmp_path / "run.json")
    assert main(["report", "run.json", "--out", "run.html"]) == 0

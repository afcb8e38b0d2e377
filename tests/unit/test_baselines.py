"""A baseline that is not there: the file that is meant is found, however its path is mistyped."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond.config.baselines import absent_baseline, no_baseline, similar_run
from pytest_failcond.config.settings import Settings

RUN = '{\n "schema": 1,\n "environment": {}\n}\n'
PATHS = ("failcond-baseline.json", "runs/failcond-baseline.json", "kept/of/main/baseline.json")


def edited(text: str, place: int, how: str) -> str:
    """Mistype one letter."""
    at = place % len(text)
    letter = text[at]
    changed = {"left out": "", "twice": 2 * letter, "another": "x" if letter != "x" else "y"}
    return text[:at] + changed[how] + text[at + 1 :]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(PATHS),
    st.integers(0, 99),
    st.integers(0, 99),
    st.sampled_from(["left out", "twice", "another"]),
)
def test_one_wrong_letter_anywhere_in_the_path(path, part, place, how):
    parts = path.split("/")
    wrong = list(parts)
    wrong[part % len(parts)] = edited(parts[part % len(parts)], place, how)
    with tempfile.TemporaryDirectory() as top:
        there = Path(top, path)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(RUN)
        Path(top, "package.json").write_text("{}")
        if Path(top, *wrong).exists():
            return  # on a file system that does not tell letters apart
        assert similar_run(Path(top, *wrong), Path(top)) == there


def test_the_same_name_in_another_folder_or_else_any_run_file(tmp_path):
    (tmp_path / "tests").mkdir()
    kept = tmp_path / "failcond-baseline.json"
    kept.write_text(RUN)
    assert similar_run(tmp_path / "tests" / "failcond-baseline.json", tmp_path / "tests") == kept
    assert similar_run(tmp_path / "no" / "such" / "failcond-baseline.json", tmp_path) == kept
    settings = Settings(baseline="x.json", folder=tmp_path)
    assert absent_baseline(settings) == (
        "no baseline at x.json yet (a run is kept in failcond-baseline.json)"
    )
    kept.write_text('{"name": "no run"}')
    assert similar_run(tmp_path / "failcond-baselin.json", tmp_path) is None


def test_what_is_said(tmp_path):
    def said(baseline: str) -> str:
        return absent_baseline(Settings(baseline=baseline, folder=tmp_path))

    assert said("base.json") == "no baseline at base.json yet"
    (tmp_path / "folder").mkdir()
    assert said("folder") == "no baseline at folder, which is a folder"
    (tmp_path / "bases.json").write_text(RUN)
    assert said("base.json") == "no baseline at base.json (did you mean bases.json?)"
    sentence = no_baseline(Settings(baseline="base.json", folder=tmp_path))
    assert sentence.startswith("there is no baseline at base.json (did you mean")
    assert "failcond baseline run.json --out base.json" in sentence
    assert "failcond baseline run.json" in no_baseline(Settings())

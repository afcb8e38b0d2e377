"""Which file configures a folder: the nearest with a table, and never one that is passed over in silence."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond.config.configuration import (
    Finder,
    absence,
    find_configuration,
    read_configuration,
)
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.configured import find_settings

TABLE = "[tool.failcond]\nseed = {}\n"
FILES = {
    "nothing": {},
    "own file": {"failcond.toml": "seed = {}\n"},
    "own file, nested": {"failcond.toml": TABLE},
    "own file, empty": {"failcond.toml": ""},
    "table": {"pyproject.toml": TABLE},
    "both, one idle": {
        "failcond.toml": "seed = {}\n",
        "pyproject.toml": '[project]\nname = "failcond"\n',
    },
    "no table": {"pyproject.toml": '[project]\nname = "x"\n'},
    "mentioned": {"pyproject.toml": '[project]\ndependencies = ["pytest-failcond"]\n'},
    "no TOML": {"pyproject.toml": "<<<<<<< ours\n"},
}
CONFIGURED = {"own file", "own file, nested", "own file, empty", "table", "both, one idle"}


def write(folder: Path, kind: str, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES[kind].items():
        (folder / name).write_text(text.format(number))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=5), st.data())
def test_the_nearest_table_above_any_folder_is_found(kinds, data):
    with tempfile.TemporaryDirectory() as top:
        folders = [Path(top).joinpath(*map(str, range(depth))) for depth in range(len(kinds))]
        for number, (folder, kind) in enumerate(zip(folders, kinds, strict=True)):
            write(folder, kind, number)
        finder = Finder()
        for start in data.draw(st.permutations(range(len(kinds)))):
            configured = [i for i in range(start + 1) if kinds[i] in CONFIGURED]
            for place in (folders[start], folders[start] / "test_x.py", folders[start] / "no/such"):
                found = finder.nearest(place)
                if not configured:
                    assert found is None
                else:
                    assert found is not None
                    assert found.path.parent == folders[configured[-1]]
                    assert found.table == (
                        {}
                        if kinds[configured[-1]] == "own file, empty"
                        else {"seed": configured[-1]}
                    )


BROKEN = {
    "no TOML": ("pyproject.toml", b"[tool.failcond\n", "cannot be read as TOML"),
    "no UTF-8": ("pyproject.toml", b"[tool.failcond]\nseed = 1 # \xff", "cannot be read as TOML"),
    "a conflict": (
        "pyproject.toml",
        b'dependencies = ["pytest-failcond"]\n<<<<<<< ours\n',
        "cannot be read as TOML",
    ),
    "its own file": ("failcond.toml", b"seed: 3\n", "cannot be read as TOML"),
    "deep": ("failcond.toml", b"a = " + b"[" * 100_000, "cannot be read as TOML"),
    "no table": ("pyproject.toml", b"[tool]\nfailcond = 3\n", "must be a table, not 3"),
    "several": ("pyproject.toml", b"[[tool.failcond]]\nseed = 1\n", "must be a table, not ["),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_may_be_the_nearest_is_not_skipped(tmp_path, kind):
    name, content, words = BROKEN[kind]
    write(tmp_path, "table", 0)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / name).write_bytes(content)
    with pytest.raises(FailcondError, match=r"\A.+\Z") as error:  # one line
        Finder().nearest(tmp_path / "a" / "b")
    assert str(error.value).startswith(str(tmp_path / "a" / name))
    assert words in str(error.value)
    assert Finder().nearest(tmp_path) is not None


@pytest.mark.parametrize("own", ["seed = 1\n", TABLE.format(1), ""])
def test_two_files_of_one_folder_are_refused_naming_both_unless_they_are_one(tmp_path, own):
    (tmp_path / "failcond.toml").write_text(own)
    write(tmp_path, "table", 2)
    (tmp_path / "tests").mkdir()
    with pytest.raises(FailcondError, match=r"\A.+\Z") as error:
        Finder().nearest(tmp_path / "tests")
    for name in ("failcond.toml", "pyproject.toml"):
        assert str(tmp_path / name) in str(error.value)
    assert read_configuration(tmp_path / "failcond.toml", "--config").path.name == "failcond.toml"
    (tmp_path / "failcond.toml").unlink()
    (tmp_path / "failcond.toml").symlink_to("pyproject.toml")
    assert Finder().nearest(tmp_path).table == {"seed": 2}


def test_what_has_the_name_and_is_no_file_is_passed_by(tmp_path):
    write(tmp_path, "table", 0)
    (tmp_path / "a" / "failcond.toml").mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").symlink_to("nowhere")
    assert Finder().nearest(tmp_path / "a").path == tmp_path / "pyproject.toml"


def test_places_that_lead_to_two_files_are_refused_naming_both(tmp_path):
    for number, name in enumerate("ab"):
        write(tmp_path / name, "table", number)
    places = [tmp_path / "a" / "tests", tmp_path / "c", tmp_path / "b" / "test_x.py"]
    with pytest.raises(FailcondError) as error:
        find_configuration(places, tmp_path)
    for name in "ab":
        assert str(tmp_path / name / "pyproject.toml") in str(error.value)
    found = find_configuration(places[:2], tmp_path / "b")
    assert found.path.parent == tmp_path / "a"


def test_one_file_reached_in_two_ways_is_one_file(tmp_path):
    write(tmp_path / "a", "table", 0)
    (tmp_path / "link").symlink_to("a")
    assert find_configuration([tmp_path / "a", tmp_path / "link" / "x"], tmp_path) is not None


def test_the_folder_that_a_link_leads_to_comes_after_where_the_link_lies(tmp_path):
    write(tmp_path / "shared", "own file", 0)
    write(tmp_path / "mine", "table", 1)
    (tmp_path / "mine" / "tests").symlink_to("../shared")
    (tmp_path / "tests").symlink_to("shared")
    (tmp_path / "shared" / "deep").mkdir()
    (tmp_path / "deep").symlink_to("shared/deep")
    (tmp_path / "mine" / "deep").symlink_to("../shared/deep")
    nearest = Finder().nearest
    assert nearest(tmp_path / "tests").table == {"seed": 0}
    assert nearest(tmp_path / "deep").table == {"seed": 0}
    assert nearest(tmp_path / "mine" / "deep").table == {"seed": 1}


def test_the_rootdir_comes_last(tmp_path):
    write(tmp_path / "root", "table", 0)
    write(tmp_path / "a", "table", 1)
    (tmp_path / "b").mkdir()
    root = tmp_path / "root"
    assert find_configuration([tmp_path / "b"], root).table == {"seed": 0}
    assert find_configuration([tmp_path / "a"], root).table == {"seed": 1}
    assert find_configuration([tmp_path / "b"], tmp_path / "b") is None


def test_absence_names_what_does_not_exist_and_few_of_many_places(tmp_path):
    text = absence([tmp_path / "none"], tmp_path / "root")
    assert f"{tmp_path / 'none'} (which does not exist)" in text
    assert f"nor in the rootdir {tmp_path / 'root'}" in text
    many = absence([tmp_path / str(i) for i in range(9)], tmp_path)
    assert "and 6 more" in many
    assert "rootdir" not in many  # above all of them


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.toml", None, "--config: there is no file"),
        ("pyproject.toml", "[project]\n", "has no [tool.failcond] table"),
        ("own.toml", "seed: 1", "cannot be read as TOML"),
    ],
)
def test_a_named_file_must_configure(tmp_path, name, text, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(FailcondError) as error:
        read_configuration(tmp_path / name, "--config")
    assert words in str(error.value)


def test_commands_find_the_file_that_pytest_finds(tmp_path, monkeypatch):
    write(tmp_path, "table", 3)
    (tmp_path / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "src" / "deep")
    assert find_settings(None).seed == 3
    assert find_settings(None).folder == tmp_path
    write(tmp_path / "src", "own file", 4)
    assert find_settings(None).seed == 4
    assert find_settings("../../pyproject.toml").folder.samefile(tmp_path)
    monkeypatch.chdir("/")
    with pytest.raises(FailcondError, match=r"there is no \[tool.failcond\].* in / or above.*init"):
        find_settings(None)

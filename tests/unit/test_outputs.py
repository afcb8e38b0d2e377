"""Nothing is written over what is read, however it is spelled; a summary is added where it belongs."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage import outputs
from pytest_failcond.storage.outputs import (
    STEP_SUMMARY,
    Place,
    check_outputs,
    is_same_file,
    of_run,
    write_summary,
)

SPELLINGS = {
    "itself": lambda path: path,
    "with dots": lambda path: path.parent / "." / "sub" / ".." / path.name,
    "from here": lambda path: Path(os.path.relpath(path)),
    "by a link": lambda path: _made(path.parent / "link", lambda new: new.symlink_to(path)),
    "by a link to a link": lambda path: _made(
        path.parent / "far", lambda new: new.symlink_to(SPELLINGS["by a link"](path).name)
    ),
    "through a linked folder": lambda path: (
        _made(path.parent / "way", lambda new: new.symlink_to(path.parent)) / path.name
    ),
}
OF_FILES = SPELLINGS | {
    "by a hard link": lambda path: _made(path.parent / "hard", lambda new: os.link(path, new))
}


def _made(path, make):
    if not path.is_symlink() and not path.exists():
        make(path)
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run.json"


@pytest.mark.parametrize(
    ("there", "one", "other"),
    [(True, *pair) for pair in product(OF_FILES, OF_FILES)]
    + [(False, *pair) for pair in product(SPELLINGS, SPELLINGS)],
)
def test_one_file_is_one_by_whatever_name(place, there, one, other):
    if there:
        place.write_text("{}")
    spelled = OF_FILES[one](place), OF_FILES[other](place)
    assert is_same_file(*spelled)
    with pytest.raises(FailcondError, match=r"--out: .* is RUN, which is an input; choose another"):
        check_outputs([Place("--out", spelled[0])], [Place("RUN", spelled[1])])
    with pytest.raises(FailcondError, match=r"--out: .* is --plot, which is an output too"):
        check_outputs([Place("--out", spelled[0]), Place("--plot", spelled[1])])


@pytest.mark.parametrize("there", [True, False])
def test_other_files_are_others(place, there):
    paths = [place, place.with_name("RUN.json"), place.parent / "sub" / place.name]
    for path in paths if there else ():
        path.write_text("{}")
    check_outputs([Place("--out", paths[0])], [Place("RUN", path) for path in paths[1:]])


def test_where_case_does_not_count_names_that_differ_in_it_are_one(place, monkeypatch):
    monkeypatch.setattr(outputs, "_ignores_case", lambda folder: True)
    assert is_same_file(place, place.with_name("RUN.JSON"))
    assert not is_same_file(place, place.with_name("RAN.JSON"))


@pytest.mark.parametrize(
    "path", ["run.json.files/x.png", "run.json.files", "sub/../run.json.files/a/b"]
)
def test_the_pictures_of_a_run_are_read_with_it(place, path):
    with pytest.raises(FailcondError, match="the pictures of RUN, which is an input"):
        check_outputs([Place("--plot", place.parent / path)], of_run("RUN", place))


def test_a_run_writes_its_pictures_too(place):
    inside = Place("the corpus", place.parent / "out.json.files" / "corpus", folder=True)
    with pytest.raises(FailcondError, match=r"the pictures of --out: .* holds the corpus"):
        check_outputs(of_run("--out", place.parent / "out.json"), [inside])


def test_devices_keep_nothing(place):
    nowhere = Path(os.devnull)
    check_outputs([Place("--json", nowhere), Place("--plot", nowhere)], [Place("RUN", place)])
    assert of_run("--json", nowhere) == [Place("--json", nowhere)]


class TestSummary:
    @pytest.fixture
    def shared(self, tmp_path, monkeypatch):
        monkeypatch.setenv(STEP_SUMMARY, str(tmp_path / "summary"))
        return tmp_path / "summary"

    @pytest.mark.parametrize("before", ["", "# lint\n", "no end of the line"])
    @pytest.mark.parametrize("linked", [False, True])
    def test_it_is_added_to_what_earlier_steps_wrote(self, shared, before, linked):
        shared.write_text(before)
        if linked:
            shared.with_name("link").symlink_to(shared)
        write_summary(shared.with_name("link") if linked else shared, "## failcond\n")
        blank = "" if not before else "\n" if before.endswith("\n") else "\n\n"
        assert shared.read_text() == f"{before}{blank}## failcond\n"

    def test_it_begins_a_summary_that_is_not_there(self, shared):
        write_summary(shared, "## failcond\n")
        assert shared.read_text() == "## failcond\n"

    def test_any_other_file_is_replaced(self, shared):
        other = shared.with_name("summary.md")
        for text in ("first\n", "second\n"):
            write_summary(other, text)
        assert other.read_text() == "second\n"
        assert not shared.exists()

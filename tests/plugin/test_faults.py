"""Under faults: nothing is lost that was there, and a worker that dies is replaced."""

from __future__ import annotations

import json
import os

import pytest

from tests.plugin.conftest import GRID, without_idle


def kept(project, name="run.json"):
    data = json.loads((project.path / name).read_text())
    del data["digest"], data["environment"]["date"]
    return data


DEADLY = '''
import os
from mine import HERE

def deadly(images, severity, random):
    """Kills the process that measures it first."""
    victim = HERE / "victim.txt"
    if not victim.exists():
        victim.write_text(str(os.getpid()))
        os._exit(9)
    return images
'''


def test_a_key_is_taken_over_from_a_worker_that_is_killed(project, gate):
    project.write("killer.py", DEADLY)
    project.configure(
        GRID.replace("mine:blackout", "killer:deadly").replace(
            "severities = [1, 3]", "severities = [1]"
        ),
        gate(id="overall", metric="mean_corruption_accuracy", min=0.5),
    )
    process = project.start(*project.by_workers(), "--failcond-json=run.json")
    output = process.communicate()
    assert (project.path / "victim.txt").exists(), output
    assert "crashed while running" in output
    assert process.returncode == 1
    run = kept(project)
    assert {m["key"] for m in run["measurements"]} >= {"clean", "corruption:blackout:1"}
    assert run["gates"][0]["verdict"] == "passed"


@pytest.fixture
def disk(monkeypatch):
    """A disk that is full, or read-only, from when ``fails`` is set on."""

    class Disk:
        fails: OSError | None = None

    state, real = Disk(), os.fsync

    def fsync(handle):
        if state.fails is not None:
            raise state.fails
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return state


@pytest.mark.parametrize(
    ("error", "text"),
    [(OSError(28, "No space left on device"), "No space left on device"),
     (OSError(30, "Read-only file system"), "Read-only file system")],
)  # fmt: skip
def test_a_disk_that_cannot_be_written_is_said_and_costs_nothing(project, disk, error, text):
    assert project.once("--failcond-json=run.json").ret == 0
    before = (project.path / "run.json").read_bytes()
    disk.fails = error
    result = project.run("--failcond-json=run.json")
    assert result.ret != 0
    assert text in result.stdout.str() + result.stderr.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert (project.path / "run.json").read_bytes() == before
    assert not list(project.path.glob(".run.json*"))


def test_a_disk_that_fills_up_at_the_end_leaves_the_old_run(project, disk):
    assert project.once("--failcond-json=run.json").ret == 0
    before = (project.path / "run.json").read_bytes()
    options = without_idle(["--failcond-json=run.json"])
    result = project.pytester.runpytest_inprocess(*options, plugins=[First(disk)])
    assert result.ret == 1
    result.stdout.fnmatch_lines(["the run was not kept: *No space left on device*"])
    assert (project.path / "run.json").read_bytes() == before


class First:
    """Fills the disk when the last test is done, before anything is kept."""

    def __init__(self, disk):
        self._disk = disk

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session):
        self._disk.fails = OSError(28, "No space left on device")


def test_two_sessions_that_keep_to_one_path_leave_one_whole_run(project):
    processes = [
        project.start(
            "--failcond-json=run.json", f"--failcond-seed={seed}", "-p", "no:cacheprovider"
        )
        for seed in (1, 2)
    ]
    for process in processes:
        output = process.communicate()
        assert process.returncode == 0, output
    from pytest_failcond.runs.run import Run

    run = Run.load(project.path / "run.json")
    named = run.picture_files
    assert named
    assert {p.name for p in (project.path / "run.json.files").iterdir()} == named

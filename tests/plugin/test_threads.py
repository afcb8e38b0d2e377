"""A measurement is rarely alone on a machine: waiting threads sleep, and workers share the cores."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_failcond import Run
from pytest_failcond.process.threads import THREADS, WAITING, share_cores
from tests.plugin.conftest import ALONE, ROOT, without_idle

SEEN = "import os\nSEEN = {n: os.environ.get(n) for n in ('OMP_WAIT_POLICY', 'OMP_NUM_THREADS')}\n"
ASKS = """
from conftest import SEEN
def test_it():
    assert SEEN == {expected!r}
"""


def pytest_in(folder, *arguments, **environment):
    """Run pytest in a process of its own, whose conftest sees the environment before any test."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *ALONE, *without_idle(arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, **environment},
        check=False,
    )


SHARE = str(max(1, len(os.sched_getaffinity(0)) // 2))


def test_waiting_threads_sleep(pytester):
    """That workers share the cores, too, is seen in test_workers.py."""
    pytester.makepyprojecttoml("[tool.failcond]\n")
    pytester.makeconftest(SEEN)
    pytester.makepyfile(ASKS.format(expected={WAITING: "PASSIVE", THREADS: None}))
    result = pytest_in(pytester.path)
    assert result.returncode == 0, result.stdout


COUNT = "PYTEST_XDIST_WORKER_COUNT"


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {WAITING: "PASSIVE"}),
        ({COUNT: "2"}, {WAITING: "PASSIVE", THREADS: SHARE}),
        ({WAITING: "ACTIVE"}, {}),
        ({"GOMP_SPINCOUNT": "100"}, {}),
        ({"KMP_BLOCKTIME": "0"}, {}),
        ({WAITING: "ACTIVE", THREADS: "7", COUNT: "2"}, {}),
    ],
)
def test_what_the_user_has_set_stays(monkeypatch, given, more):
    environment = dict(given)
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(sys, "modules", {})  # torch, once loaded, has read them
    share_cores()
    assert environment == given | more


@pytest.mark.parametrize("configured", ["", "[tool.failcond]\n"])
def test_nothing_is_set_where_the_plugin_is_not_used(pytester, configured):
    pytester.makepyprojecttoml(configured)
    pytester.makeconftest(SEEN)
    pytester.makepyfile(ASKS.format(expected={"OMP_WAIT_POLICY": None, "OMP_NUM_THREADS": None}))
    result = pytest_in(pytester.path, *(["--failcond-config=none"] if configured else []))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("waiting", ["PASSIVE", None])
def test_a_run_says_how_its_threads_waited(project, monkeypatch, waiting):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if waiting is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", waiting)
    assert project.run("--failcond-json=run.json").ret == 0
    assert Run.load(project.path / "run.json").environment["waiting"] == waiting

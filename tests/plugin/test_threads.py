"""A measurement is rarely alone on a machine: waiting threads sleep, and workers share the cores."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_failcond import Run
from tests.plugin.conftest import ROOT, WITHOUT

SEEN = "import os\nSEEN = {n: os.environ.get(n) for n in ('OMP_WAIT_POLICY', 'OMP_NUM_THREADS')}\n"
ASKS = """
from conftest import SEEN
def test_it():
    assert SEEN == {expected!r}
"""


def pytest_in(folder, *arguments, **environment):
    """Run pytest in a process of its own, whose conftest sees the environment before any test."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *WITHOUT, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, **environment},
        check=False,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "PASSIVE"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"),
        ({"GOMP_SPINCOUNT": "100"}, None),
        ({"KMP_BLOCKTIME": "0"}, None),
    ],
)
def test_waiting_threads_sleep_unless_the_user_says_otherwise(pytester, given, expected):
    pytester.makepyprojecttoml("[tool.failcond]\n")
    pytester.makeconftest(SEEN)
    seen = {"OMP_WAIT_POLICY": expected, "OMP_NUM_THREADS": None}
    pytester.makepyfile(ASKS.format(expected=seen))
    result = pytest_in(pytester.path, **given)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("given", [{}, {"OMP_NUM_THREADS": "7"}])
def test_workers_share_the_cores(pytester, given):
    pytester.makepyprojecttoml("[tool.failcond]\n")
    pytester.makeconftest(SEEN)
    share = str(max(1, len(os.sched_getaffinity(0)) // 2))
    seen = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": given.get("OMP_NUM_THREADS", share)}
    pytester.makepyfile(ASKS.format(expected=seen))
    result = pytest_in(pytester.path, "-n", "2", **given)
    assert result.returncode == 0, result.stdout


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

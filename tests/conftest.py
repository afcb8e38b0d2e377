"""What all tests share: pytester, which runs pytest on small projects, and a cache of their own."""

import gc
import os
import signal
import sys
import sysconfig
import threading
from itertools import takewhile
from pathlib import Path

import pytest

from pytest_failcond.storage.cache import VARIABLE
from tests.nursery import Nursery

pytest_plugins = ["pytester"]

# Read when torch is loaded: tests have a worker for each core, and threads that spin would take the
# cores from one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Whatever the shell says: some hundred processes and sessions import the package, and each would
# compile it and rewrite its assertions again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parents[1]
SHARED = (
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *(str(ROOT / name) for name in ("pytest_failcond", "tests")),
)
"""Where modules lie that all tests share: those of Python, of installed packages, and ours."""


@pytest.fixture
def pytester(pytester, monkeypatch):
    """pytester, whose sessions keep no bytecode: files that change twice in a second would not be seen."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return pytester


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol():
    """Forget the modules of a project after its test, and its folders: other projects have modules
    of the same names."""
    path, last = [*sys.path], next(reversed(sys.modules))
    try:
        return (yield)
    finally:
        sys.path[:] = path
        for name in [*takewhile(lambda name: name != last, reversed(sys.modules))]:
            if is_of_a_project(sys.modules[name]):
                del sys.modules[name]


def is_of_a_project(module) -> bool:
    """Whether a module lies in the folder of a project, and in none that tests share."""
    own = getattr(module, "__dict__", {})  # a module may make up any attribute that it is asked for
    places = [own.get("__file__"), *own.get("__path__", ())]
    return any(place and not str(place).startswith(SHARED) for place in places)


@pytest.fixture(autouse=True)
def _one_thread():
    """Take back the threads that a command, run in this process, gave to torch."""
    yield
    if (torch := sys.modules.get("torch")) is not None and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk():
    """Leave out the wait for the disk after each file: what tests write need not outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Keep the tests from reading or writing what the user's own sessions have cached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection():
    """Keep what all tests share, such as torch, out of collections of garbage: it stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


LONGEST = (
    *(
        "browser/test_explorer_page.py",
        "browser/test_report_page.py",
        "browser/test_review_page.py",
    ),
    *("plugin/test_review_gate.py", "unit/test_oracle.py", "unit/test_hostile_names.py"),
    *("plugin/test_workers.py", "quality/test_bounds_cover.py", "unit/test_training.py"),
    *("quality/test_attributes_name_edits.py", "plugin/test_corner_cases.py"),
    *("unit/test_any_shape.py", "unit/test_quality.py", "unit/test_hard_images.py"),
    *("quality/test_run_files_are_survived.py", "plugin/test_regression.py"),
    *("unit/test_probe_contract.py", "plugin/test_fitness.py", "unit/test_explorer.py"),
    *("unit/test_judge_training.py", "unit/test_cli_judge.py", "plugin/test_corpus_replay.py"),
    *("plugin/test_shards.py", "unit/test_cli_train.py", "unit/test_outlook.py"),
    *(
        "unit/test_foreign_generators.py",
        "quality/test_preflight.py",
        "plugin/test_verdict_line.py",
    ),
)
"""The files that take longest, in seconds from 20 to 5."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the longest files: else a worker has one of them left when the others are done."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give all tests of pages to one worker: a browser takes seconds to start."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "tests/browser" if file.startswith("tests/browser/") else file

    return Scheduling(config, log)


NURSERIES = []


def pytest_collection_finish(session):
    """Fork the process that forks others, before any test has changed this one."""
    if not session.config.option.collectonly:
        NURSERIES.append(Nursery())


def pytest_unconfigure():
    while NURSERIES:
        NURSERIES.pop().close()


@pytest.fixture(scope="session")
def nursery():
    """Sessions and workers in processes of their own, which need not import anything."""
    return NURSERIES[-1]


def pytest_configure(config) -> None:
    """Let xdist keep the order of files, rather than begin with those of many tests.

    And let Ctrl-C reach the processes that tests start, though a shell's ``&`` has it ignored.
    """
    config.option.loadscopereorder = False
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

"""What all tests share: pytester, which runs pytest on small projects, and a cache of their own."""

import os
import signal
import sys
import threading

import pytest

from pytest_failcond.storage.cache import VARIABLE

pytest_plugins = ["pytester"]

# Read when torch is loaded: tests have a worker for each core, and threads that spin would take the
# cores from one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Whatever the shell says: some hundred processes and sessions import the package, and each would
# compile it and rewrite its assertions again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def _one_thread():
    """Take back the threads that a command, run in this process, gave to torch."""
    yield
    if (torch := sys.modules.get("torch")) is not None and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Keep the tests from reading or writing what the user's own sessions have cached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes that tests start, though a shell's ``&`` has it ignored."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

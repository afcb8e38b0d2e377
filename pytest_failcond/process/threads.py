"""Threads of a process beside others: waiting threads sleep, and workers share the cores.

By default, OpenMP's waiting threads spin. Two threads in each of two processes on two cores then wait
for one another most of the time, and a measurement takes ten times as long. OpenMP reads its variables
when a library such as torch loads it, so they are set before that, and only if the user has not.
"""

from __future__ import annotations

import os
import sys

WAITING = "OMP_WAIT_POLICY"
_SAID_BY_USER = (WAITING, "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
THREADS = "OMP_NUM_THREADS"


def share_cores() -> None:
    """Let waiting threads sleep, and give a worker of pytest-xdist its share of the cores.

    Nothing changes if the user has set the variables, or if torch is loaded already.
    """
    if "torch" in sys.modules:
        return
    if not any(name in os.environ for name in _SAID_BY_USER):
        os.environ[WAITING] = "PASSIVE"
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        os.environ.setdefault(THREADS, str(max(1, _cores() // workers)))


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

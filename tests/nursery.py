"""Processes that are born with all imported: importing takes most of the time of a small session.

Once all tests are collected, and before any has run, the tests' process forks another. It forks a child
for each session and for each worker of pytest-xdist, with folder, environment and files of its own.
A test of what is imported, or of what comes before an import, starts a new interpreter instead.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pytest_failcond.cli import main

STAND_IN = Path(__file__).with_name("as_python.py")
FORGOTTEN = ("conftest", "mine", "torchy")
"""Modules of ours, or of an earlier project, that a project calls like its own."""


class Nursery:
    """A process that forks children for whoever connects to its socket."""

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="born-")
        self.place = f"{folder}/door"
        door = socket.socket(socket.AF_UNIX)
        door.bind(self.place)
        door.listen(16)
        life, self._life = socket.socketpair()
        with warnings.catch_warnings():
            # Python warns of locks that other threads hold: those are execnet's, and none of a child's.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            try:
                _wait_for_calls(door, life)
            finally:
                shutil.rmtree(folder)
                os._exit(0)
        door.close()
        life.close()

    @property
    def workers(self) -> str:
        """Return what xdist starts a worker by, in place of Python."""
        return f"popen//python={sys.executable} -I -S {STAND_IN} {self.place}"

    def close(self) -> None:
        """Let the process end, and its children."""
        self._life.close()
        os.waitpid(self.pid, 0)


def _wait_for_calls(door: socket.socket, life: socket.socket) -> None:
    """Fork a child for each that connects, for as long as the tests live."""
    _let_go(door.fileno(), life.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    children = set()
    while life not in select.select([door, life], [], [])[0]:
        call, _ = door.accept()
        child = os.fork()
        if not child:
            _live(call)
        call.close()
        children = {c for c in {*children, child} if not os.waitpid(c, os.WNOHANG)[0]}
    for child in children:  # as a rule, none: a test that failed may have left one
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _let_go(*kept: int) -> None:
    """Leave the files of the tests' process: their objects keep the numbers, which lead nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in map(int, os.listdir("/dev/fd")):  # noqa: PTH208 (its own handle is among them)
        if number not in (nowhere, *kept):
            with contextlib.suppress(OSError):
                os.fstat(number)
                os.dup2(nowhere, number)


def _live(call: socket.socket) -> NoReturn:
    """Be the process that is asked for."""
    code = 1
    try:
        request, files = _read(call)
        call.sendall(b"%d\n" % os.getpid())
        _settle(request, files)
        code = _run(request["arguments"])
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # as the interpreter does
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        with contextlib.suppress(OSError):
            call.sendall(b"%d\n" % code)
        os._exit(code)


def _read(call: socket.socket) -> tuple[dict[str, Any], list[int]]:
    data, files, _, _ = socket.recv_fds(call, 1 << 16, 3)
    while not data.endswith(b"\n"):
        data += call.recv(1 << 16)
    return json.loads(data), files


def _settle(request: dict[str, Any], files: list[int]) -> None:
    """Begin as a new interpreter does, but for its modules."""
    if request["alone"]:
        os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    environment = request["environment"]
    os.environ.clear()
    os.environ.update(environment)
    found = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
    installed = [p for p in sys.path if p.startswith((sys.prefix, sys.base_prefix))]
    sys.path[:] = ["", *found, *installed]
    sys.argv = ["-c"]
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    for name, number, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        binary = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
        text = io.TextIOWrapper(binary, encoding, errors, line_buffering=True)
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
    sys.unraisablehook, threading.excepthook = sys.__unraisablehook__, threading.__excepthook__
    signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    warnings.resetwarnings()
    for name in FORGOTTEN:
        sys.modules.pop(name, None)
    gc.enable()


def _run(arguments: list[str]) -> int:
    """Run ``-m pytest`` or ``-m pytest_failcond.cli``, or the code that execnet gives to its Python."""
    if arguments[:2] == ["-m", "pytest"]:
        return int(pytest.main(arguments[2:]))
    if arguments[:2] == ["-m", "pytest_failcond.cli"]:
        return main(arguments[2:])
    exec(arguments[-1], {"__name__": "__main__"})
    return 0


class Child:
    """A session in a process of its own, much as subprocess.Popen has it."""

    def __init__(
        self, nursery: Nursery, arguments: list[str], cwd: Path, env: dict[str, str], file: int = -1
    ) -> None:
        """Start it with this file as its terminal; else what it says is read here."""
        self.returncode: int | None = None
        self._call = socket.socket(socket.AF_UNIX)
        self._call.connect(nursery.place)
        self._said, said = (-1, file) if file >= 0 else os.pipe()
        request = {"arguments": arguments, "folder": str(cwd), "environment": env, "alone": True}
        with Path(os.devnull).open() as nothing:
            files = [file if file >= 0 else nothing.fileno(), said, said]
            socket.send_fds(self._call, [json.dumps(request).encode() + b"\n"], files)
        if file < 0:
            os.close(said)
        self._answers = self._call.makefile("r")
        self.pid = int(self._answers.readline())

    def wait(self, timeout: float = 300.0) -> int:
        """Wait for its end; the exit code is -9 if it was killed."""
        if self.returncode is None:
            self._call.settimeout(timeout)
            try:
                self.returncode = int(self._answers.readline() or -9)
            except TimeoutError:
                raise subprocess.TimeoutExpired("pytest", timeout) from None
            self._answers.close()
            self._call.close()
        return self.returncode

    def communicate(self, until: str = "", timeout: float = 300.0) -> str:
        """Return all that it says until its end, or until it has said something."""
        end, said = time.monotonic() + timeout, b""
        while select.select([self._said], [], [], max(0.0, end - time.monotonic()))[0]:
            data = os.read(self._said, 1 << 16)
            said += data
            if until and until in said.decode(errors="ignore"):
                return said.decode(errors="ignore")
            if not data:
                os.close(self._said)
                self.wait(timeout)
                return said.decode()
        self.kill()
        raise subprocess.TimeoutExpired("pytest", timeout, said)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

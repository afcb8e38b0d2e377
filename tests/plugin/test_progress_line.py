"""Progress on a real (pseudo) terminal: a line comes and goes, and pytest's own output stays as it is."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte
import pytest

from pytest_failcond.plugin import progress_line as line
from pytest_failcond.plugin.progress_line import _Guarded, _welcome
from tests.plugin.conftest import ROOT

SLOW = '''
import time

def wait(severity):
    """Wait until the test has seen what it wants to see."""
    end = time.monotonic() + 110
    while not (HERE / f"go-{severity}.txt").exists():
        assert time.monotonic() < end
        time.sleep(0.02)

def slow(images, severity, random):
    """Takes so long that one sees how far it is."""
    time.sleep(0.8)
    return images

def load_slow_classifier():
    classify = load_classifier()
    return lambda images: time.sleep(0.12) or classify(images)
'''
SLOW_GRID = """
[tool.failcond]
classifier = "mine:load_classifier"
images = "mine:load_images"
[tool.failcond.corruptions]
names = ["slow"]
severities = [1, 2, 3]
custom = { slow = "mine:slow" }
"""
SHOWN = re.compile(r"corruption:slow:\d  \d+ of 300 images")
BOTH = rf"(?s){SHOWN.pattern}.*{SHOWN.pattern}"


class Screen:
    """A terminal: all that it was sent, its screen now, and each that it showed."""

    def __init__(self, rows: int = 60, columns: int = 110):
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self.received = b""
        self.shown: list[str] = []
        self._stream = pyte.ByteStream(self.screen)
        self._master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def receive(self) -> bytes:
        """Show what comes in soon; nothing if nothing does, or if the other end is closed."""
        data = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            if select.select([self._master], [], [], 1.0)[0]:
                data = os.read(self._master, 65536)
        if data:
            self.received += data
            self._stream.feed(data)
            self.shown.append(self.text())
        return data

    def comes_to(self, text: str) -> bool:
        """Whether it shows this, once all has come in, which may come in parts."""
        while self.text() != text and self.receive():
            pass
        return self.text() == text

    def text(self) -> str:
        """Return all lines: those that have scrolled away, and the screen."""
        gone = [
            "".join(line[x].data for x in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return "\n".join([*gone, *(line.rstrip() for line in self.screen.display)]).rstrip()


class Terminal(Screen):
    """A terminal with pytest in it."""

    def __init__(self, project, *arguments: str, rows: int = 60, columns: int = 110, **variables):
        super().__init__(rows, columns)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
        }
        self.process = project.start(*arguments, file=self.slave, env=environment | variables)
        os.close(self.slave)

    def read(self, until: str | None = None, seconds: float = 120.0) -> str:
        """Show what comes in, until something stands there or pytest ends; returns all lines."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self._master], [], [], 0.05)[0] and not self.receive():
                self.process.wait(10)
                os.close(self._master)
                return self.text()
            if until is not None and self.shown and re.search(until, self.shown[-1]):
                return self.shown[-1]
        self.process.kill()
        raise AssertionError(f"waited in vain for {until or 'the end'}:\n{self.text()}")

    def write(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())


@pytest.fixture
def slow(project):
    """Give the project cells that take a while, or do something else in the middle."""

    def configure(then: str = "time.sleep(0.8)", table: str = SLOW_GRID):
        mine = project.path / "mine.py"
        project.write("mine.py", mine.read_text() + SLOW.replace("time.sleep(0.8)", then))
        project.configure(table)
        return project

    return configure


def go(project, *severities: int) -> None:
    """Let cells that wait go on."""
    for severity in severities:
        project.write(f"go-{severity}.txt", "")


def without_times(text: str) -> str:
    """Leave out what differs between any two runs: seconds, and what fills their line."""
    return re.sub(r"=* (\d+ passed.*) in [\d.]+s =*", r"\1", text)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_line_comes_and_goes_and_leaves_pytests_output_as_it_is(slow, workers):
    # So few rows that the screen scrolls: where the cursor comes back to is then most easily wrong.
    project = slow("wait(severity)")
    options = project.by_workers(workers) if workers else ()
    watched = Terminal(project, *options, rows=14)
    watched.read(until=BOTH if workers else SHOWN.pattern)
    go(project, 1)
    watched.read(until="left in all")
    go(project, 2, 3)
    after = watched.read()
    assert watched.process.returncode == 0, after
    during = [screen for screen in watched.shown if SHOWN.search(screen)]
    assert any("of 4 cells" in screen for screen in during)
    assert any("left in all" in screen for screen in during)
    assert any(len(SHOWN.findall(screen)) == 2 for screen in during) == bool(workers)
    assert not SHOWN.search(after)

    # The same without the line: CI gives a terminal, but keeps the codes in a log.
    plain = Terminal(slow("pass"), *options, rows=14, CI="true")
    expected = plain.read()
    assert b"of 300 images" not in plain.received
    assert without_times(after) == without_times(expected)


def test_verbose_lines_stay_as_they_are(slow):
    table = SLOW_GRID.replace("load_classifier", "load_slow_classifier")
    table = table.replace("[tool.failcond]", "[tool.failcond]\nbatch_size = 32")
    watched = Terminal(slow("pass", table), "-v", columns=80)
    after = watched.read()
    during = "\n".join(watched.shown)
    done = {
        int(n) for n in re.findall(r"slow:2  (\d+) of 300 images · \d+/s · \d:\d\d left", during)
    }
    assert len(done) > 2
    assert done <= {*range(32, 300, 32), 300}
    for severity, percent in ((1, 50), (2, 75), (3, 100)):
        test = f"test_robustness.py::test_corruption[slow-{severity}] PASSED"
        assert re.search(rf"^{re.escape(test)} +\[ *{percent}%\]$", after, re.MULTILINE), after
    assert not SHOWN.search(after)


def test_neither_colour_nor_unicode_where_they_are_not_wanted(slow):
    project = slow("wait(severity)")
    terminal = Terminal(project, "-q", "--no-header", NO_COLOR="1", PYTHONIOENCODING="ascii")
    terminal.read(until=SHOWN.pattern)
    go(project, 1, 2, 3)
    terminal.read()
    (first, *_) = [screen for screen in terminal.shown if SHOWN.search(screen)]
    assert re.search(r"0 of 300 images, \d:\d\d", first)
    assert terminal.received.isascii()
    assert not re.search(rb"\x1b\[[\d;]*m", terminal.received)


def test_what_tests_print_themselves_is_not_disturbed(slow):
    terminal = Terminal(slow("time.sleep(1.2); print('a test speaks')"), "-s", "-k", "slow-1")
    after = terminal.read()
    assert after.count("a test speaks") == 1
    assert b"of 300 images" not in terminal.received
    assert b"\x1b7" not in terminal.received


@pytest.mark.parametrize(
    "then", [lambda line: line.write("F"), lambda line: line.draw([]), lambda line: line.end()],
    ids=["pytest writes", "nothing is measured", "the session ends"],
)  # fmt: skip
def test_the_line_is_erased_by_itself(then):
    """Rather than by what pytest happens to write over it later."""
    terminal = Screen(rows=8)
    with os.fdopen(terminal.slave, "w") as stream:
        guarded = _Guarded(stream, lambda: 3)
        guarded.write("..s")
        stream.flush()
        guarded.draw(["corruption:slow:1  3 of 300 images", "4 of 9 cells"])
        assert terminal.comes_to("..s\ncorruption:slow:1  3 of 300 images\n4 of 9 cells")
        then(guarded)
        assert terminal.comes_to("..s")
        os.close(guarded.terminal)
    os.close(terminal._master)


class Config:
    """What is asked of pytest's configuration before anything is shown."""

    def __init__(self, capture: str = "fd", verbosity: int = 0) -> None:
        self.capture, self.verbosity = capture, verbosity

    def getoption(self, name: str) -> str:
        return {"capture": self.capture}[name]

    def get_verbosity(self) -> int:
        return self.verbosity


@pytest.mark.parametrize(
    ("config", "tty", "variables", "welcome"),
    [
        (Config(), True, {}, True),
        (Config("sys", -1), True, {}, True),
        (Config(), False, {}, False),
        (Config("no"), True, {}, False),
        (Config("tee-sys"), True, {}, False),
        (Config(verbosity=-2), True, {}, False),
        (Config(), True, {"TERM": "dumb"}, False),
        (Config(), True, {"CI": "true"}, False),
    ],
)
def test_it_is_shown_where_it_is_of_use(monkeypatch, config, tty, variables, welcome):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: tty)
    assert _welcome(config, stream) is welcome


def interrupt(terminal) -> None:
    """Do what Ctrl-C does."""
    os.killpg(terminal.process.pid, signal.SIGINT)


def test_an_interrupt_leaves_no_line_and_the_run_that_was_there(slow):
    project = slow("wait(severity)")
    go(project, 1, 2, 3)
    options = ("--failcond-json=run.json", "-p", "no:cacheprovider")
    assert project.run(*options).ret == 0
    for name in ("go-1.txt", "go-2.txt", "go-3.txt"):
        (project.path / name).unlink()
    before = (project.path / "run.json").read_bytes()
    files = {path.name for path in project.path.iterdir()}
    terminal = Terminal(project, *options)
    terminal.read(until=SHOWN.pattern)
    interrupt(terminal)
    after = terminal.read()
    assert terminal.process.returncode == pytest.ExitCode.INTERRUPTED, after
    assert not SHOWN.search(after)
    assert "KeyboardInterrupt" in after, after
    assert "the session was interrupted; an earlier file is untouched" in after
    assert (project.path / "run.json").read_bytes() == before
    assert {path.name for path in project.path.iterdir()} - files <= {"__pycache__"}


def test_a_worker_that_dies_is_no_longer_shown_and_an_interrupt_leaves_no_line(slow):
    project = slow("wait(severity); severity == 1 and __import__('os')._exit(1)")
    terminal = Terminal(project, *project.by_workers())
    terminal.read(until=BOTH)
    go(project, 1)
    terminal.read(until="node down")
    terminal.read(until=r"(?s)\A(?!.*slow:1  0 of).*slow:[23]  0 of")
    interrupt(terminal)
    after = terminal.read()
    assert terminal.process.returncode == pytest.ExitCode.INTERRUPTED, after
    assert not SHOWN.search(after)
    assert "crashed while running" in after
    assert "KeyboardInterrupt" in after


def test_the_debugger_has_the_terminal_for_itself(slow):
    project = slow("wait(severity); breakpoint()")
    terminal = Terminal(project, "-k", "slow-1")
    terminal.read(until=SHOWN.pattern)
    go(project, 1)
    terminal.read(until=r"\(Pdb\)")
    received = len(terminal.received)
    time.sleep(1.0)
    terminal.write("import threading; [t.name for t in threading.enumerate()]\n")
    assert "'MainThread'" in terminal.read(until=r"\['MainThread'.*\]")
    assert "failcond-progress" not in terminal.text()
    terminal.write("c\n")
    assert not SHOWN.search(terminal.read())
    assert b"of 300 images" not in terminal.received[received:]


def test_without_a_terminal_not_a_byte_is_added(project, monkeypatch):
    output = project.run().stdout.str()
    assert "\x1b" not in output
    assert "of 4 cells" not in output
    monkeypatch.setattr(line, "start", lambda config, state: None)
    assert without_times(project.run().stdout.str()) == without_times(output)

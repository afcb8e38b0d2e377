"""The transient line below pytest's output that shows the progress of measuring.

pytest writes dots and percentages bit by bit into one line, so ours is below it. After drawing, the
cursor is back where pytest left it; before pytest writes, ours is erased. While a test runs, pytest
has pointed file descriptor 1 elsewhere, so we write to a copy of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_failcond.measuring.progress import notes, text
from pytest_failcond.plugin.state import State
from pytest_failcond.probes.base import Planned
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.storage.store import PLAN, Store
from pytest_failcond.verdicts.plan import share_of
from pytest_failcond.words.printing import printable

_TICK_SECONDS = 0.2
_PATIENCE_SECONDS = 1.0  # short work shows nothing
# ECMA-48 and VT100: erase to the end of the screen; one line down (scrolls at the bottom, keeps the
# column) and up; save and restore the cursor; faint.
_ERASE, _DOWN, _UP, _SAVE, _RESTORE = "\x1b[J", "\x1bD", "\x1b[{}A", "\x1b7", "\x1b8"
_FAINT, _PLAIN = "\x1b[2m", "\x1b[0m"


def start(config: pytest.Config, state: State) -> None:
    """Show progress in this session, if its output goes to a terminal that we may write to."""
    if not config.pluginmanager.hasplugin("terminalreporter"):
        return
    writer = config.get_terminal_writer()
    if _welcome(config, writer._file):
        notes.watch(state.store)
        line = ProgressLine(
            writer,
            state.store,
            state.part or (1, 1),
            lambda name: PROBES.planned(name, state.settings),
        )
        config.pluginmanager.register(line, "failcond_progress")


def _welcome(config: pytest.Config, stream: Any) -> bool:
    """Whether a transient line is useful here, and disturbs nothing.

    Without capturing, tests write to the terminal themselves. Continuous integration may have a
    terminal, but keeps its escape codes in a log.
    """
    return (
        stream.isatty()
        and sys.platform != "win32"
        and os.environ.get("TERM", "dumb") != "dumb"
        and not os.environ.get("CI")
        and config.getoption("capture") in ("fd", "sys")
        and config.get_verbosity() > -2
    )


class ProgressLine:
    """A pytest plugin that draws while tests run.

    Args:
        writer: pytest's terminal writer.
        store: folder of the session's store.
        part: (i, n), if the i-th of n parts of the plan is measured.
        test: makes a planned test from its name.
    """

    def __init__(
        self, writer: Any, store: Path, part: tuple[int, int], test: Callable[[str], Planned]
    ) -> None:
        self._test = test
        self._writer = writer
        self._store = store
        self._part = part
        self._plan: text.Plan | None = None
        self._finished = threading.Event()
        self._thread: threading.Thread | None = None
        self._guarded: _Guarded | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """Draw while the tests run, and erase everything in the end."""
        self._begin()
        try:
            return (yield)
        finally:
            self._end()

    def pytest_enter_pdb(self) -> None:
        """Leave the terminal to the debugger."""
        self._end()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Note that a worker of pytest-xdist has stopped measuring; a dead one could not."""
        notes.give_up(self._store, node.gateway.id)

    def _begin(self) -> None:
        self._guarded = _Guarded(self._writer._file, lambda: self._writer.width_of_current_line)
        self._writer._file = self._guarded
        self._thread = threading.Thread(target=self._watch, name="failcond-progress", daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self._finished.set()
        if self._thread is not None and self._guarded is not None:
            # The visible part first: a second interrupt may cut the rest short.
            self._guarded.end()
            self._writer._file = self._guarded.stream
            self._thread.join()
            os.close(self._guarded.terminal)
            self._thread = self._guarded = None

    def _watch(self) -> None:
        guarded, since = self._guarded, None
        assert guarded is not None
        with contextlib.suppress(OSError):  # the terminal is gone
            while not self._finished.wait(_TICK_SECONDS):
                noted = notes.read(self._store)
                now = time.perf_counter()
                started = [one.current.started for one in noted if one.current]
                since = min([*started, since or now])
                if started and now - since >= _PATIENCE_SECONDS:
                    width, height = os.get_terminal_size(guarded.terminal)
                    said = text.rows(
                        noted, self._planned(), now, width=width - 1, unicode=guarded.unicode
                    )
                    guarded.draw(said[: max(height - 2, 0)])
                else:
                    guarded.draw([])

    def _planned(self) -> text.Plan:
        if self._plan is None:
            record = Store(self._store).find(PLAN)
            if record is None:
                return text.Plan()
            self._plan = text.Plan.of(share_of(map(self._test, record["plan"]), self._part))
        return self._plan


class _Guarded:
    """pytest's stream, with our rows below, which vanish when pytest writes.

    Args:
        stream: pytest's own, on a terminal.
        column: how much pytest has written into its last line.
    """

    def __init__(self, stream: Any, column: Callable[[], int]) -> None:
        self.stream = stream
        self.terminal = os.dup(stream.fileno())
        self._column = column
        self._encoding = getattr(stream, "encoding", None) or "ascii"
        self.unicode = self._encoding.lower().startswith("utf")
        self._faint = not os.environ.get("NO_COLOR")
        self._rows: Sequence[str] = ()
        self._drawn: Sequence[str] = ()  # an interrupt may come between any two lines
        self._ended = False
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Erase our rows, and write pytest's text."""
        with self._lock:
            self._erase()
            return int(self.stream.write(text))

    def flush(self) -> None:
        """Show pytest's text, and our rows below it again."""
        with self._lock:
            self._erase()
            self.stream.flush()
            with contextlib.suppress(OSError):
                self._draw()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def draw(self, rows: Sequence[str]) -> None:
        """Show these rows from now on; an empty list clears them."""
        with self._lock:
            self._rows = () if self._ended else [printable(row) for row in rows]
            self._draw()

    def end(self) -> None:
        """Erase our rows for good."""
        with self._lock:
            self._ended, self._rows = True, ()
            self._erase()

    def _draw(self) -> None:
        width = os.get_terminal_size(self.terminal).columns
        if self._rows == self._drawn:
            return
        if not self._rows:
            self._erase()
        elif self._column() == 0 or self._column() % width:
            # At the right edge, terminals forget on a move that the next character wraps.
            faint, plain = (_FAINT, _PLAIN) if self._faint else ("", "")
            room = _DOWN * len(self._rows) + _UP.format(len(self._rows))
            below = "".join(f"\r\n{faint}{row}{plain}" for row in self._rows)
            self._drawn = self._rows
            self._send(_ERASE + room + _SAVE + below + _RESTORE)

    def _erase(self) -> None:
        if self._drawn:
            with contextlib.suppress(OSError):
                self._send(_ERASE)
            self._drawn = ()

    def _send(self, text: str) -> None:
        data = text.encode(self._encoding, "replace")
        while data:
            data = data[os.write(self.terminal, data) :]

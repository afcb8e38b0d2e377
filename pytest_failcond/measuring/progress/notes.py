"""The progress of measuring: each process notes it in a file, and the process with the terminal
reads all.

Notes are only for display. They are kept only if a terminal shows them, and never break a
measurement.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.registry import parse_key

FOLDER = "progress"
_EVERY_SECONDS = 0.2  # between two notes of one process


@dataclass(frozen=True)
class Current:
    """The key that a process is measuring.

    Attributes:
        key: its name.
        done: images that the classifier has seen for it.
        total: images in all; None if that is known only at the end.
        started: when, on the clock `time.perf_counter`, which all processes of a machine share.
        ends: when it is expected to be finished, on that clock; None if that is not known.
        memory: bytes that it is expected to need in all; None if that is not known.
    """

    key: Key
    done: int
    total: int | None
    started: float
    ends: float | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Notes:
    """The notes of one process: its current key, and the seconds that each finished key took.

    A key that could not be measured is finished too, with None: its time says nothing about others.
    """

    current: Current | None = None
    finished: dict[Key, float | None] = field(default_factory=dict)


class Progress:
    """The notes of this process, if progress is shown for its store; else, does nothing."""

    def __init__(self, store: Path) -> None:
        path = _file(store, os.environ.get("PYTEST_XDIST_WORKER", "main"))
        self._path = path if path.parent.is_dir() else None
        self._current: Current | None = None
        self._finished: dict[Key, float | None] = {}
        self._written = 0.0

    @contextlib.contextmanager
    def measuring(self, key: Key, total: int | None) -> Iterator[None]:
        """Note that ``key`` is being measured, over ``total`` images if that is known."""
        before, started = self._current, time.perf_counter()
        self._current = Current(key, 0, total, started)
        self._write()
        seconds = None
        try:
            yield
            seconds = time.perf_counter() - started
        finally:
            self._finished[key] = seconds
            self._current = before
            self._write()

    def seen(self, images: int) -> None:
        """Add to the number of images that the classifier has seen."""
        if self._current is not None and self._path is not None:
            total, done = self._current.total, self._current.done + images
            # The last batch is filled up, so that more images are seen than exist.
            done = done if total is None else min(done, total)
            self._current = replace(self._current, done=done)
            if time.perf_counter() - self._written >= _EVERY_SECONDS:
                self._write()

    def expect(self, seconds: float, memory: int | None) -> None:
        """Note the time that the current key will still take, and its memory, bytes."""
        if self._current is not None:
            ends = time.perf_counter() + seconds
            self._current = replace(self._current, ends=ends, memory=memory)
            self._write()

    def _write(self) -> None:
        if self._path is not None:
            self._written = time.perf_counter()
            _put(self._path, Notes(self._current, self._finished))


def watch(store: Path) -> None:
    """Make processes that measure for this store keep notes from now on."""
    (store / FOLDER).mkdir(parents=True, exist_ok=True)


def read(store: Path) -> list[Notes]:
    """Return the notes of every process, in a fixed order."""
    found = [_get(path) for path in sorted((store / FOLDER).glob("*.json"))]
    return [notes for notes in found if notes is not None]


def give_up(store: Path, worker: str) -> None:
    """Note, for a dead worker, that it has stopped measuring."""
    path = _file(store, worker)
    notes = _get(path)
    if notes is not None and notes.current is not None:
        _put(path, Notes(None, notes.finished | {notes.current.key: None}))


def _file(store: Path, worker: str) -> Path:
    return store / FOLDER / f"{worker}.json"


def _get(path: Path) -> Notes | None:
    try:
        noted = json.loads(path.read_bytes())
        current = noted["current"]
        if current is not None:
            current = Current(**current | {"key": parse_key(current["key"])})
        return Notes(current, {parse_key(key): s for key, s in noted["finished"].items()})
    except (OSError, ValueError, KeyError, TypeError, FailcondError):  # missing, or no notes
        return None


def _put(path: Path, notes: Notes) -> None:
    """Move notes into place; not synchronised with the disk, since they live for a moment."""
    current = None if notes.current is None else vars(notes.current)
    part = path.with_suffix(".part")
    with contextlib.suppress(OSError):
        part.write_text(json.dumps({"current": current, "finished": notes.finished}))
        part.replace(path)

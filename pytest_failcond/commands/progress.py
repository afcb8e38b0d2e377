"""What a long command says while it runs, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from pytest_failcond.measuring.progress.text import clock
from pytest_failcond.words.printing import printable, say

if TYPE_CHECKING:
    from pytest_failcond.training.loop import Report

T = TypeVar("T")

Tell = Callable[[int, int, str], None]
"""Is told how many steps are done, of how many, and what is at hand."""

_LINE_EVERY_SECONDS = 30.0


def announce(text: str) -> None:
    """Print a line at once; stdout is left to what the command finds."""
    say(text, to=sys.stderr)


@contextlib.contextmanager
def stage(title: str = "", *, timed: bool = True) -> Iterator[Tell]:
    """Show how far a long work is; yields what is to be told so.

    Args:
        title: the line that stands in a log when the first step starts; empty: that step's text.
        timed: whether a bar says how long it takes.
    """
    if sys.stderr.isatty():
        with _bar(title, timed) as tell:
            yield tell
    else:
        yield _lines(title)


def step_by_step(items: Sequence[T], title: str, name: Callable[[T], str]) -> Iterator[T]:
    """Go through items that take long each, showing which is at hand and how far that is."""
    with stage(title) as tell:
        for done, item in enumerate(items):
            tell(done, len(items), f"{name(item)}, {done + 1} of {len(items)}")
            yield item


@contextlib.contextmanager
def training_progress() -> Iterator[Report]:
    """Show images done, speed, time left and losses; yields what `session.train` calls."""
    with stage(timed=False) as tell:

        def report(
            seen: int, total: int, speed: float, left: float, losses: dict[str, float]
        ) -> None:
            tell(seen, total, describe(seen, total, speed, left, losses))

        yield report


@contextlib.contextmanager
def _bar(title: str, timed: bool) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [BarColumn(), TextColumn("{task.description}", markup=False)]
    columns += [TimeRemainingColumn()] if timed else []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(printable(title) or "the first step", total=None)

        def tell(done: int, total: int, text: str) -> None:
            progress.update(task, total=total, completed=done, description=printable(text))

        yield tell


def _lines(title: str) -> Tell:
    next_line = 0.0

    def tell(done: int, total: int, text: str) -> None:
        nonlocal next_line, title
        if time.monotonic() >= next_line:
            next_line = time.monotonic() + _LINE_EVERY_SECONDS
            announce(title or text)
            title = ""

    return tell


def describe(seen: int, total: int, speed: float, left: float, losses: dict[str, float]) -> str:
    """Say how far a training is, in a line.

    Args:
        seen: images so far.
        total: images in all.
        speed: images/s.
        left: seconds.
        losses: by name.
    """
    values = ", ".join(f"{name} {value:.2f}" for name, value in losses.items())
    return (
        f"{seen:,} of {total:,} images, {speed:.0f} images/s, {clock(left)} left; losses: {values}"
    )

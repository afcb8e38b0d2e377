"""The progress of a long command, on stderr: a bar on a terminal, elsewhere a line now and then."""

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
"""Called with the steps done, the steps in all, and the name of the current step."""

_LINE_EVERY_SECONDS = 30.0


def announce(text: str) -> None:
    """Print a line at once, on stderr; stdout is for results."""
    say(text, to=sys.stderr)


@contextlib.contextmanager
def stage(title: str = "", *, timed: bool = True) -> Iterator[Tell]:
    """Show the progress of long work; yields the function to call after each step.

    Args:
        title: the line of a log when the first step starts; empty: that step's text.
        timed: whether a bar shows the time.
    """
    if sys.stderr.isatty():
        with _bar(title, timed) as tell:
            yield tell
    else:
        yield _lines(title)


def step_by_step(items: Sequence[T], title: str, name: Callable[[T], str]) -> Iterator[T]:
    """Yield items that take long each, and show the current one and the progress."""
    with stage(title) as tell:
        for done, item in enumerate(items):
            tell(done, len(items), f"{name(item)}, {done + 1} of {len(items)}")
            yield item


@contextlib.contextmanager
def training_progress() -> Iterator[Report]:
    """Show images done, speed, time left and losses; yields the function that `session.train`
    calls.
    """
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
    """Return the progress of a training as a line.

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

"""What a long command says while it runs: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pytest_failcond.progress.text import clock
from pytest_failcond.stylegan2.session import Report

T = TypeVar("T")

_LINE_EVERY_SECONDS = 30.0


def announce(text: str) -> None:
    """Print a line at once, whoever reads."""
    print(text, flush=True)


@contextlib.contextmanager
def training_progress() -> Iterator[Report]:
    """Show images done, speed, time left and losses; yields what `session.train` calls."""
    if sys.stdout.isatty():
        with _bar() as report:
            yield report
    else:
        yield _lines()


def step_by_step(items: Sequence[T], name: Callable[[T], str]) -> Iterator[T]:
    """Go through items that take long each, showing which is at hand and how far that is."""
    if not sys.stdout.isatty():
        for number, item in enumerate(items, 1):
            announce(f"{name(item)}, {number} of {len(items)}")
            yield item
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(), transient=True) as progress:
        task = progress.add_task("", total=len(items))
        for item in items:
            progress.update(task, description=name(item))
            yield item
            progress.advance(task)


@contextlib.contextmanager
def _bar() -> Iterator[Report]:
    columns = (BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(), transient=True) as progress:
        task = progress.add_task("the first step", total=None)

        def report(
            seen: int, total: int, speed: float, left: float, losses: dict[str, float]
        ) -> None:
            text = describe(seen, total, speed, left, losses)
            progress.update(task, total=total, completed=seen, description=text)

        yield report


def _lines() -> Report:
    next_line = 0.0

    def report(seen: int, total: int, speed: float, left: float, losses: dict[str, float]) -> None:
        nonlocal next_line
        if time.monotonic() >= next_line:
            next_line = time.monotonic() + _LINE_EVERY_SECONDS
            announce(describe(seen, total, speed, left, losses))

    return report


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

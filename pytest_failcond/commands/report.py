"""Make one HTML page of a kept run and its pictures; the page needs no other file and no network.

It has the same tables and pictures as pytest-html's report, from the run that `pytest --failcond-json=RUN` kept.
With --max-age, an older run is refused, with exit status 1 and without a page: pytest may have
ended before it kept a new one.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.commands.arguments import duration
from pytest_failcond.words.printing import say

if TYPE_CHECKING:
    from pytest_failcond.runs.run import Run

_SKEW = datetime.timedelta(minutes=1)  # that the clocks of two machines may differ by


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond report``."""
    parser.add_argument("run_file", type=Path, metavar="RUN", help="a run file")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="(default: beside RUN, with its name: run.html for run.json)",
    )
    parser.add_argument("--no-images", action="store_true", help="leave pictures out")
    parser.add_argument(
        "--max-age",
        type=duration,
        metavar="DURATION",
        help="refuse a run whose date is older than this, such as 90s, 10m, 2h or 1d",
    )
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write a summary for pull requests as well; it is appended to the file that "
        "GITHUB_STEP_SUMMARY names",
    )


def run(options: argparse.Namespace) -> int:
    """Write the page."""
    from pytest_failcond.report import html, markdown
    from pytest_failcond.runs.run import Run
    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.storage.outputs import Place, check_outputs, of_run, write_summary

    out = options.out or _beside(options.run_file)
    named = (("--out", out), ("--markdown", options.markdown))
    outputs = [Place(name, path) for name, path in named if path is not None]
    check_outputs(outputs, of_run("RUN", options.run_file))
    kept = Run.load(options.run_file)
    if options.max_age is not None and (stale := _stale(kept, options.max_age)):
        say(f"failcond report: {options.run_file}: {stale}", to=sys.stderr)
        return 1
    write_atomically(out, html.page(kept, pictures=not options.no_images))
    if options.markdown:
        write_summary(options.markdown, markdown.render(kept))
    for path in filter(None, (out, options.markdown)):
        say(f"wrote {path}")
    return 0


def _beside(run_file: Path) -> Path:
    """Return the place of the page beside a run file; pytest-html's may have the same name.

    Raises:
        FailcondError: another program's file is there.
    """
    from pytest_failcond.errors import FailcondError
    from pytest_failcond.report import html

    out = run_file.parent / f"{run_file.stem}.html"
    if out.is_file() and not html.is_page(out):
        raise FailcondError(
            f"{out}: failcond report did not write this file, so it does not overwrite it; name the page "
            "with --out"
        )
    return out


def _stale(run: Run, most: datetime.timedelta) -> str | None:
    """Return the reason why a run is not of the session that has just ended; None: it may be."""
    date = str(run.environment.get("date"))
    again = "run pytest again, and check that it reaches its end"
    try:
        made = datetime.datetime.fromisoformat(date)
    except ValueError:
        return f"its date, {date!r}, cannot be read; {again}"
    made = made if made.tzinfo is not None else made.replace(tzinfo=datetime.UTC)
    age = datetime.datetime.now(datetime.UTC) - made
    if age < -_SKEW:
        return (
            f"was made in the future, at {date}; set the clock of this machine or of the other one"
        )
    if age > most:
        return f"was made {_told(age)} ago, at {date}, and --max-age is {_told(most)}; {again}"
    return None


def _told(time: datetime.timedelta) -> str:
    """Return a length of time in its largest unit: ``2.5 h``."""
    seconds = time.total_seconds()
    unit, size = next(
        (unit, size)
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
        if seconds >= size or size == 1
    )
    return f"{seconds / size:.3g} {unit}"

"""Make one HTML page of a kept run and its pictures; the page needs no other file and no network.

It shows what pytest-html's report shows, from what `pytest --failcond-json=RUN` kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_failcond.errors import FailcondError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond report``."""
    parser.add_argument("run_file", type=Path, metavar="RUN", help="a run file")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="(default: report.html)",
    )
    parser.add_argument("--no-images", action="store_true", help="leave pictures out")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="a summary for pull requests as well"
    )


def run(options: argparse.Namespace) -> int:
    """Write the page."""
    from pytest_failcond.files import write_atomically
    from pytest_failcond.report import html, markdown
    from pytest_failcond.run import Run

    for name, path in (("--out", options.out), ("--markdown", options.markdown)):
        if path == options.run_file:
            raise FailcondError(f"{name}: {path} is the run file itself; choose another name")
    kept = Run.load(options.run_file)
    write_atomically(options.out, html.page(kept, pictures=not options.no_images))
    if options.markdown:
        write_atomically(options.markdown, markdown.render(kept))
    for path in filter(None, (options.out, options.markdown)):
        print(f"wrote {path}")
    return 0

"""Make one HTML page of a kept run and its pictures; the page needs no other file and no network.

It shows what pytest-html's report shows, from what `pytest --failcond-json=RUN` kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_failcond.printing import say


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
        "--markdown",
        type=Path,
        metavar="FILE",
        help="a summary for pull requests as well; added to the file that GITHUB_STEP_SUMMARY names",
    )


def run(options: argparse.Namespace) -> int:
    """Write the page."""
    from pytest_failcond.files import write_atomically
    from pytest_failcond.outputs import Place, check_outputs, of_run, write_summary
    from pytest_failcond.report import html, markdown
    from pytest_failcond.run import Run

    named = (("--out", options.out), ("--markdown", options.markdown))
    outputs = [Place(name, path) for name, path in named if path is not None]
    check_outputs(outputs, of_run("RUN", options.run_file))
    kept = Run.load(options.run_file)
    write_atomically(options.out, html.page(kept, pictures=not options.no_images))
    if options.markdown:
        write_summary(options.markdown, markdown.render(kept))
    for path in filter(None, (options.out, options.markdown)):
        say(f"wrote {path}")
    return 0

"""Print, and plot, a metric over run files, by commit date.

Bounds are one-sided, at 95 % each. A run whose inputs differ from the newest one's is marked, and no
change is given between runs of different inputs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

METRICS = ("accuracy", "drop", "broken_share", "breaking_shift", "valid_range")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond history``."""
    parser.add_argument("run_files", type=Path, nargs="+", metavar="RUN", help="run files")
    parser.add_argument(
        "--metric", choices=METRICS, default="accuracy", help="what is followed (accuracy)"
    )
    parser.add_argument(
        "--key",
        metavar="KEY",
        help="clean, corruption:NAME:SEVERITY, direction:CLASS:DIMENSION:SIGN, or mean, over all "
        "cells (default: clean for accuracy, else mean)",
    )
    parser.add_argument("--class", dest="class_name", metavar="NAME", help="its images alone")
    parser.add_argument("--at", type=float, metavar="T", help="the shift of broken_share, in σ")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it as a PNG")


def run(options: argparse.Namespace) -> int:
    """Print a line per run; draw them too, if asked."""
    from pytest_failcond.files import write_atomically
    from pytest_failcond.history import MEAN, Question, history
    from pytest_failcond.report import timeline
    from pytest_failcond.report.page import page_for_stdout
    from pytest_failcond.run import Run

    key = options.key or ("clean" if options.metric == "accuracy" else MEAN)
    question = Question(options.metric, key, options.class_name, options.at)
    points = history([(str(path), Run.load(path)) for path in options.run_files], question)
    page = page_for_stdout()
    timeline.show(page, points, question)
    print(page.content(), end="")
    if options.plot is not None:
        write_atomically(options.plot, timeline.draw(points, question))
        print(f"wrote {options.plot}")
    return 0

"""Print, and plot, a metric over run files, by commit date.

Bounds are one-sided, at 95 % each. A run is marked if its inputs differ from those of the newest.
Changes are given only between runs of the same inputs.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from pytest_failcond.commands.arguments import not_negative
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.words.printing import say

FOLLOWED = tuple(row.followed_as for row in METRICS.values() if row.followed_as)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond history``."""
    parser.add_argument("run_files", type=Path, nargs="+", metavar="RUN", help="run files")
    parser.add_argument(
        "--metric", choices=FOLLOWED, default="accuracy", help="the metric (default: accuracy)"
    )
    parser.add_argument(
        "--key",
        metavar="KEY",
        help="clean, corruption:NAME:SEVERITY, direction:CLASS:DIMENSION:SIGN, combination:CLASS, "
        "or mean for all cells (default: clean for accuracy, else mean)",
    )
    parser.add_argument(
        "--class", dest="class_name", metavar="NAME", help="only the images of this class"
    )
    parser.add_argument(
        "--at",
        type=not_negative,
        metavar="T",
        help="the shift of broken_share, or distance of combined_share, in σ",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the metric into a PNG")


def run(options: argparse.Namespace) -> int:
    """Print a line per run; with --plot, draw them too."""
    from pytest_failcond.report import timeline
    from pytest_failcond.report.figures import check_plots
    from pytest_failcond.report.page import page_for_stdout
    from pytest_failcond.runs.history import MEAN, Question, history
    from pytest_failcond.runs.run import Run
    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.storage.outputs import Place, check_outputs, of_run

    if options.plot is not None:
        check_plots()
        read = [place for path in options.run_files for place in of_run("a RUN", path)]
        check_outputs([Place("--plot", options.plot)], read)
    key = options.key or ("clean" if options.metric == "accuracy" else MEAN)
    question = Question(options.metric, key, options.class_name, options.at)
    names = short_names(options.run_files)
    runs = [Run.load(path) for path in options.run_files]
    points = history(list(zip(names, runs, strict=True)), question)
    page = page_for_stdout()
    timeline.show(page, points, question)
    page.put()
    if options.plot is not None:
        write_atomically(options.plot, timeline.draw(points, question))
        say(f"wrote {options.plot}")
    return 0


def short_names(paths: Sequence[Path]) -> list[str]:
    """Name run files by their differences, without a folder or file name that all share."""
    whole = [path.absolute() for path in paths]
    folder = Path(os.path.commonpath([path.parent for path in whole]))
    inside = [path.relative_to(folder) for path in whole]
    if len({path.name for path in inside}) == 1 and all(path.parent.name for path in inside):
        inside = [path.parent for path in inside]
    names = [path.as_posix().removesuffix(".json") for path in inside]
    return names if len(set(names)) == len(set(inside)) else [str(path) for path in inside]

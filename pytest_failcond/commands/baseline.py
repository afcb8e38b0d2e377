"""Make a kept run the baseline that later versions of the model are compared with.

The file is made to be committed: `git diff` shows in review what a new baseline changes. Set
baseline = "failcond-baseline.json" in [tool.failcond], or give --failcond-compare=FILE.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_failcond.errors import FailcondError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond baseline``."""
    parser.add_argument("run_file", type=Path, metavar="RUN", help="from --failcond-json=RUN")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("failcond-baseline.json"),
        metavar="FILE",
        help="(default: failcond-baseline.json)",
    )


def run(options: argparse.Namespace) -> int:
    """Copy a run, without its pictures; say what it replaces."""
    from pytest_failcond.report.changes import origin
    from pytest_failcond.report.contents import verdict_line
    from pytest_failcond.run import Run

    chosen = Run.load(options.run_file)
    if chosen.part is not None:
        raise FailcondError(
            f"{options.run_file}: is one part of {chosen.part[1]}; join them first: failcond merge"
        )
    before = options.out.exists()
    chosen.save(options.out, pictures=False)
    made = origin(chosen.environment)
    print(f"{'replaced' if before else 'wrote'} {options.out}: a run of {made or 'unknown date'}")
    print(verdict_line(chosen)[0])
    if chosen.environment.get("dirty"):
        print("Its files differed from the commit: better make baselines of what is committed.")
    if not before:
        print(f'Next: set baseline = "{options.out}" in [tool.failcond], and commit the file.')
    return 0

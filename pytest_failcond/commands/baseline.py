"""Make a kept run the baseline that later versions of the model are compared with.

Commit the file: `git diff` then shows in review what a new baseline changes. Set baseline =
"failcond-baseline.json" in [tool.failcond], or give --failcond-compare=FILE.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.commands.next_step import set_key
from pytest_failcond.words.printing import say

if TYPE_CHECKING:
    from pytest_failcond.runs.run import Run


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
    """Copy a run without its pictures, and print what it replaces."""
    from pytest_failcond.report.contents import verdict_line
    from pytest_failcond.report.wording import origin
    from pytest_failcond.runs.run import Run
    from pytest_failcond.storage.outputs import check_outputs, of_run

    check_outputs(of_run("--out", options.out), of_run("RUN", options.run_file))
    chosen = Run.load_whole(options.run_file)
    before = options.out.exists()
    chosen.save(options.out, pictures=False)
    made = origin(chosen.environment)
    say(f"{'replaced' if before else 'wrote'} {options.out}: a run of {made or 'unknown date'}")
    say(verdict_line(chosen)[0])
    if failed := _failed(chosen):
        say(failed)
    if chosen.environment.get("dirty"):
        say(
            "Its files differed from the commit; make the baseline from committed files if you can."
        )
    if not before:
        say(f"{set_key('baseline', options.out)}, and commit the file.")
    return 0


def _failed(run: Run) -> str:
    """Return a sentence on the checks that a run failed, gate by gate; empty if it failed none."""
    from pytest_failcond.report.need import failures
    from pytest_failcond.report.wording import count, status_of
    from pytest_failcond.words.printing import printable

    gates = Counter(check.gate for check in failures(run) if status_of(check) != "warned")
    if not gates:
        return ""
    named = ", ".join(f"{printable(gate)} {number}" for gate, number in gates.most_common())
    return (
        f"This run failed {count(gates.total(), 'check')}: {named}. Its wrong images count as no "
        f"regression in later runs."
    )

"""Join the parts that `pytest --failcond-shard=I/N` kept, and judge the whole.

The joined run equals that of an undivided session. Each key of a missing part is an error.
`pytest --failcond-from=RUN` then makes tests and reports from the joined run, and measures nothing.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.errors import FailcondError
from pytest_failcond.words.printing import count, say

if TYPE_CHECKING:
    from pytest_failcond.runs.run import Run


_NAMED = 10  # missing parts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond merge``."""
    parser.add_argument("parts", nargs="+", type=Path, metavar="PART", help="run files of parts")
    parser.add_argument(
        "--out", type=Path, default=Path("run.json"), metavar="FILE", help="(default: run.json)"
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="FILE",
        help="run file of a baseline (default: the configured one)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the joined run and print its verdict; return 1 if it failed."""
    from pytest_failcond.config.configuration import project_folder
    from pytest_failcond.config.inputs import KEEP_ELSEWHERE
    from pytest_failcond.report.contents import is_red, verdict_line
    from pytest_failcond.runs.merge import merge, missing_parts
    from pytest_failcond.runs.run import Run
    from pytest_failcond.storage.folders import OwnFolder
    from pytest_failcond.storage.outputs import check_outputs, is_same_file, of_run

    read = [place for path in options.parts for place in of_run("a PART", path)]
    check_outputs(of_run("--out", options.out), read)
    for one, other in combinations(options.parts, 2):
        if is_same_file(one, other):
            raise FailcondError(f"{one} and {other} are the same part; give it once")
    parts = {str(path): Run.load(path) for path in options.parts}
    project = project_folder(Path.cwd())
    baseline = options.compare or _configured_baseline(next(iter(parts.values())), project)
    if baseline is not None:
        check_outputs(
            of_run("--out", options.out), of_run("the baseline", baseline, KEEP_ELSEWHERE)
        )
    with OwnFolder() as folder:
        joined = merge(parts, baseline=baseline, pictures=folder, project=project)
        joined.save(options.out)
    keys = count(
        len(joined.measurements) + len(joined.directions) + len(joined.combinations), "key"
    )
    say(f"joined {count(len(parts), 'part')}: {keys}")
    if missing := missing_parts(list(parts.values())):
        of = f"{len(missing)} of {len(missing) + len(parts)}"
        named = f"{', '.join(missing[:_NAMED])}{', …' if len(missing) > _NAMED else ''}"
        say(f"missing: {of} parts ({named}); each of their keys is an error")
    say(verdict_line(joined)[0])
    say(f"wrote {options.out}")
    return int(is_red(joined))


def _configured_baseline(part: Run, project: Path) -> Path | None:
    """Return the baseline of the configuration that the parts were made with, if it is here."""
    name = part.configuration.baseline
    path = None if name is None else project / name
    return path if path is not None and path.is_file() else None

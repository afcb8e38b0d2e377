"""Try the gates of a run: how often would each fail by chance, and how small a loss does it find?

No model is run. The measured images are drawn again, as many with replacement or a random half of
them, and the gates judge the stored outcomes. A gate finds a loss if the loss turns it red in 95 %
of the draws. A baseline is drawn together with the run, both on the same images.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.commands.arguments import up_to
from pytest_failcond.errors import FailcondError
from pytest_failcond.ranges import RESAMPLES, SEED

if TYPE_CHECKING:
    from pytest_failcond.runs.other import Other
    from pytest_failcond.runs.run import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond selftest``."""
    parser.add_argument("run_file", type=Path, metavar="RUN", help="a run file")
    parser.add_argument(
        "--resamples",
        type=up_to(RESAMPLES),
        default=1000,
        metavar="N",
        help="draws of each kind (1000)",
    )
    parser.add_argument("--seed", type=SEED.read, default=0, metavar="X", help="keys the draws (0)")
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="the baseline (default: that of the run)",
    )
    parser.add_argument(
        "--reference", type=Path, metavar="FILE", help="the reference of mCE (default: the run's)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the result as JSON as well"
    )
    parser.add_argument("--verbose", action="store_true", help="show every check")


def run(options: argparse.Namespace) -> int:
    """Print the odds of every gate."""
    from pytest_failcond.commands.progress import stage
    from pytest_failcond.report import odds, wording
    from pytest_failcond.report.page import page_for_stdout
    from pytest_failcond.runs.run import Run
    from pytest_failcond.runs.selftest import selftest
    from pytest_failcond.storage.files import write_atomically

    if options.json is not None:
        _check_output(options.json, options.baseline, options.reference, options.run_file)
    tried = Run.load(options.run_file)
    grid = tried.configuration.corruptions
    comparison = None if tried.comparison is None else tried.comparison.baseline
    named = None if grid is None else grid.reference
    baseline = _other(tried, options.run_file, options.baseline, comparison)
    reference = _other(tried, options.run_file, options.reference, named)
    if options.json is not None:
        then = None if baseline is None else baseline.path
        _check_output(options.json, then, None if reference is None else reference.path)
    title = f"trying {wording.count(len(tried.gates), 'gate')} on {options.resamples:,} draws of the images"
    with stage(title) as tell:
        found = selftest(
            tried,
            resamples=options.resamples,
            seed=options.seed,
            baseline=baseline,
            reference=reference,
            report=lambda done, total: tell(done, total, title),
        )
    if options.json is not None:
        content = {
            "run": str(options.run_file),
            "resamples": options.resamples,
            "seed": options.seed,
            "gates": [gate.to_json() for gate in found],
        }
        write_atomically(options.json, json.dumps(content, indent=1) + "\n")
    page = page_for_stdout()
    odds.show(page, tried, found, resamples=options.resamples, every=options.verbose)
    page.put()
    return 0


def _check_output(
    out: Path, baseline: Path | None, reference: Path | None, run_file: Path | None = None
) -> None:
    from pytest_failcond.storage.outputs import Place, check_outputs, of_run

    read = {"RUN": run_file, "the baseline": baseline, "the reference": reference}
    there = [(name, path) for name, path in read.items() if path is not None]
    check_outputs([Place("--json", out)], [place for entry in there for place in of_run(*entry)])


def _other(run: Run, run_file: Path, given: Path | None, named: str | None) -> Other | None:
    """Return the run that an option names, or the one that the run names, if the file still
    exists.
    """
    from pytest_failcond.runs.other import Other

    if given is not None and not given.is_file():
        raise FailcondError(f"{given}: there is no such run file")
    candidates = [given] if given is not None else []
    if named is not None:
        candidates += [Path(named), run_file.parent / named]
    found = next((path for path in candidates if path.is_file()), None)
    return None if found is None else Other(found, run.subjects, run.measured)

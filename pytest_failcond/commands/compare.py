"""Compare two versions of a model, or two models, image by image and direction by direction.

A and B are run files, or classifiers as module:callable. The command measures a classifier with the
configuration: on the clean images, on every cell of the grid, along the directions of both
rankings, so that both share one axis, and by the configured searches for combinations; A's combinations
are tried again on B.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.words.printing import say

if TYPE_CHECKING:
    from pytest_failcond.measuring.measuring import Measuring
    from pytest_failcond.probes.keys import Key
    from pytest_failcond.runs.run import Run
    from pytest_failcond.storage.outputs import Place


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond compare``."""
    parser.add_argument("a", metavar="A", help="a run file, or module:callable")
    parser.add_argument("b", metavar="B", help="the same; its losses and gains are shown")
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: found here)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep B's run, with the comparison"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="a PNG: broken shares of both, by direction"
    )
    parser.add_argument("--all", action="store_true", help="show every key and direction")


def run(options: argparse.Namespace) -> int:
    """Print the losses and gains of B against A."""
    from pytest_failcond.probes.direction import shared
    from pytest_failcond.probes.regression import versus
    from pytest_failcond.report.figures import check_plots
    from pytest_failcond.report.page import page_for_stdout
    from pytest_failcond.runs.compare import compare
    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.storage.folders import OwnFolder
    from pytest_failcond.storage.outputs import check_outputs, of_run

    named = (("A", options.a), ("B", options.b))
    read = [
        place for name, path in named if Path(path).is_file() for place in of_run(name, Path(path))
    ]
    if options.plot is not None:
        check_plots()
    check_outputs(_outputs(options), read)
    with OwnFolder() as folder:
        a, b, found = _runs(options, folder)
        confidence = float(b.settings.get("confidence", 0.95))
        made = compare(a, b, options.a, confidence=confidence, found=found)
        b = replace(b, comparison=made)
        assert b.comparison is not None
        page, comparison = page_for_stdout(), b.comparison
        called = _called(options.a, comparison.then), _called(options.b, comparison.now)
        versus.show_two(page, b, comparison, *called, every=options.all)
        page.put()
        if options.plot:
            write_atomically(options.plot, shared.shared_directions(a, b, options.a, options.b))
        if options.json:
            b.save(options.json)
    for path in filter(None, (options.plot, options.json)):
        say(f"wrote {path}")
    return 0


def _outputs(options: argparse.Namespace) -> list[Place]:
    """Return the output files."""
    from pytest_failcond.storage.outputs import Place, of_run

    plot = [] if options.plot is None else [Place("--plot", options.plot)]
    return plot if options.json is None else [*plot, *of_run("--json", options.json)]


def _called(name: str, made: dict[str, Any]) -> str:
    """Name a run file with its date, and a model that was measured here without one."""
    from pytest_failcond.report.wording import origin

    made_at = origin(made) if Path(name).is_file() else ""
    return f"{name} ({made_at})" if made_at else name


def _runs(options: argparse.Namespace, folder: Path) -> tuple[Run, Run, dict[str, dict[str, Any]]]:
    """Read or measure both; a model that is measured here is walked along the directions of both, and, if
    it is B, A's combinations are tried on it.
    """
    from pytest_failcond.runs.run import Run

    kept = {name: Run.load(name) for name in (options.a, options.b) if Path(name).is_file()}
    measured: dict[str, Measuring] = {}
    for number, name in enumerate(dict.fromkeys((options.a, options.b))):
        if name not in kept:
            measured[name] = _measuring(name, options, folder / str(number), kept)
    directions = [key for run in kept.values() for key in run.directions]
    for name, measuring in measured.items():
        directions += _measure_all(name, measuring)
    directions = list(dict.fromkeys(directions))
    for name, measuring in measured.items():
        _measure_each(name, measuring, directions)
    runs = kept | {name: _assemble(name, measuring) for name, measuring in measured.items()}
    a, b = runs[options.a], runs[options.b]
    found: dict[str, dict[str, Any]] = {}
    if options.b in measured:
        searched = [key for key in a.combinations if key in b.combinations]
        found |= {key: measured[options.b].compared(key, a.measured) for key in searched}
    return a, b, found


def _measuring(
    name: str, options: argparse.Namespace, folder: Path, kept: dict[str, Run]
) -> Measuring:
    from pytest_failcond.config.inputs import inputs_of
    from pytest_failcond.laboratory.configured import find_settings, open_laboratory
    from pytest_failcond.measuring.measuring import Measuring
    from pytest_failcond.storage.outputs import check_outputs
    from pytest_failcond.storage.store import Store

    if ":" not in name:
        raise FailcondError(
            f"{name}: there is no run file of this name, and it is not of the form module:callable"
        )
    settings = find_settings(options.config, classifier=name)
    check_outputs(_outputs(options), inputs_of(settings, options.config))
    for other, run in kept.items():
        if options.plot and not run.directions:
            raise FailcondError(
                f"--plot draws directions of both, and {other} has none; leave out --plot"
            )
    if options.plot and settings.generator is None:
        raise FailcondError(f"--plot draws directions of both; {NO_GENERATOR}, or leave it out")
    return Measuring(settings, Store(folder), open_laboratory(settings))


def _measure_all(name: str, measuring: Measuring) -> list[Key]:
    """Measure all that is configured; returns the keys of the directions found."""
    from pytest_failcond.probes.corruption import grid_keys
    from pytest_failcond.probes.direction.record import ClassRanking
    from pytest_failcond.probes.keys import CleanKey, RankingKey
    from pytest_failcond.probes.registry import PROBES

    laboratory = measuring.laboratory
    keys: list[Key] = []
    if laboratory.images is not None:
        keys += [CleanKey(), *grid_keys(measuring.settings)]
    classes = () if laboratory.generator is None else laboratory.generator.classes
    keys += [RankingKey(c) for c in range(len(classes))]
    keys += PROBES.searches(measuring.settings, classes) if classes else []
    found: list[Key] = []
    _measure_each(name, measuring, keys)
    for key in keys:
        if isinstance(key, RankingKey):
            ranking = measuring.measure(key)
            assert isinstance(ranking, ClassRanking)
            found += ranking.directions
    return found


def _measure_each(name: str, measuring: Measuring, keys: Sequence[Key]) -> None:
    """Measure the missing keys, and print how many they are."""
    from pytest_failcond.commands.progress import step_by_step
    from pytest_failcond.report.wording import count

    wanted = [key for key in keys if measuring.store.find(key) is None]
    title = f"{name}: measuring {count(len(wanted), 'key')}"
    for key in step_by_step(wanted, title, lambda key: f"{name}: {key}"):
        measuring.measure(key)


def _assemble(name: str, measuring: Measuring) -> Run:
    from pytest_failcond.runs.assemble import assemble

    run = assemble(measuring.store.folder, measuring.settings, measuring.laboratory.class_names)
    if run is None:
        raise FailcondError(
            f"{name}: the configuration has nothing to measure; configure images or a generator"
        )
    return run

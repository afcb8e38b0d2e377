"""No run file, whatever is wrong with it, ends in a traceback, in much memory, or green where it was red.

Hundreds of changes to files of several kinds, each with a digest that fits, go through every command
that reads them. ``FAILCOND_FUZZ=20000`` tries as many, in more commands each, and says how they ended with ``-s``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_failcond.cli import main
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.report import terminal
from pytest_failcond.report.contents import is_red
from pytest_failcond.runs.assemble import assemble, conclude
from pytest_failcond.runs.beside import Beside
from pytest_failcond.runs.content import digest
from pytest_failcond.runs.disassemble import disassemble
from pytest_failcond.runs.run import Run
from tests import runs
from tests.combinations import anywhere
from tests.mutations import mutate, outcome, scramble

MANY = int(os.environ.get("FAILCOND_FUZZ", "0"))
COUNT = MANY or 140
CELLS = [
    f"corruption:{name}:{severity}" for name in runs.CORRUPTIONS for severity in runs.SEVERITIES
]
GATES = (
    {"metric": "clean_accuracy", "min": 0.9},
    {"metric": "accuracy_drop", "max": 0.9, "by_class": True},
    {"id": "mean", "metric": "mean_corruption_accuracy", "min": 0.5},
    {"id": "crossing", "metric": "crossing_severity", "min": 2, "at": 0.3},
    {"id": "share", "metric": "broken_share", "max": 0.9, "at": 1.0},
    {"id": "far", "metric": "combined_distance", "min": 2.0},
)
FAILING = {"id": "noise", "metric": "accuracy", "min": 0.95, "severities": [5],
           "corruptions": ["gaussian_noise"]}  # fmt: skip
REGRESSION = {"metric": "regression_drop", "max": 0.5}


def judged(folder: Path, *gates: dict, baseline: Path | None = None, lacking: str = "") -> Run:
    """A run of everything, as a session concludes it, with these gates."""
    made = runs.make_run(folder, classes=("zero", "one", "two"))
    clean = made.measurements["clean"]
    found = made.measurements | {CELLS[-1]: runs.make_measurement(CELLS[-1], 99, clean.labels)}
    found.pop(lacking, None)
    settings = Settings(
        classifier="mine:load", images="mine:images", generator="g.safetensors",
        classes=made.classes, seed=3, corpus="corpus", gates=gates,
        corruptions={"names": list(runs.CORRUPTIONS), "custom": {"column_blur": "mine:blur"}},
        corner_cases={"top": 1, "samples": 20},
        combinations={"samples": 20, "dimensions": 6},
    )  # fmt: skip
    searches = {f"combination:{i}": anywhere(CombinationKey(i), 20, 1) for i in range(3)}
    entries = (
        Replayed("a-1", "fixed", 0, 0, 0.9),
        Replayed("a-2", "open", 1, 2, 0.2, png="sha256:1"),
    )
    ranks = [
        f"corner_case:{d.class_index}:{d.rank}" for d in made.directions.values() if d.rank == 1
    ]
    over = [f"gate:{gate.id}" for gate in settings.gates if gate.id in ("mean", "crossing")]
    compared = [f"regression:{key}" for key in ("clean", *CELLS)] if REGRESSION in gates else []
    run = runs.changed(
        made,
        subjects=made.subjects | {"images": "sha256:2", "seed": 3, "generator": "sha256:3"},
        settings=settings.model_dump(mode="json", exclude={"folder"}),
        measurements=found,
        combinations=searches,
        corpus=Replay(entries, "sha256:4"),
        planned=("clean", *CELLS, *ranks, *searches, *over, *compared, "corpus:a-1", "corpus:a-2"),
        errors={},
        gates=(),
    )
    return conclude(run, settings, baseline)


BESIDE = Beside("sha256:" + "b" * 64, {
    "combination:0": {"replayed": 9, "still": 4},
    "clean": {"lost": None, "gained": {"file": "g.png", "indices": [3], "labels": [1], "before": [0], "after": [1]}},
})  # fmt: skip


def part_of(run: Run, number: int) -> Run:
    """What one of two sessions measured of it."""
    mine = {key: m for i, (key, m) in enumerate(run.measurements.items()) if i % 2 == number - 1}
    indices = np.arange(len(run.labels)) * 3
    return runs.changed(run, measurements=mine, rankings={}, directions={}, combinations={}, corpus=None, errors={},
                   planned=("clean", *CELLS), gates=(), notes=(), part=(number, 2), kept=indices)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """A file of each kind."""
    folder = tmp_path_factory.mktemp("runs")
    green = judged(folder / "green", *GATES)
    green.save(folder / "green.json")
    made = {
        "failing": judged(folder / "failing", *GATES, FAILING),
        "erring": judged(folder / "erring", *GATES, lacking=CELLS[3]),
        "compared": judged(folder / "green", *GATES, REGRESSION, baseline=folder / "green.json"),
        "shown": replace(
            runs.make_run(folder / "shown"), comparison=runs.make_comparison(folder / "shown")
        ),
        "part": replace(part_of(green, 1), beside=BESIDE),
        "other part": part_of(green, 2),
    }
    for name, run in made.items():
        run.save(folder / f"{name}.json")
    return {name: folder / f"{name}.json" for name in ["green", *made]}


def test_the_files_are_what_they_are_called(files):
    read = {name: Run.load(path) for name, path in files.items()}
    red = {name for name, run in read.items() if is_red(run)}
    assert red == {"failing", "erring", "shown"}
    assert [c.key for c in read["failing"].checks if c.verdict == "failed"] == [CELLS[4]]
    assert list(read["erring"].errors) == [CELLS[3]]
    assert read["compared"].comparison is not None


def test_every_reader_reads_what_is_whole(files, tmp_path):
    for reader, read in readers(files, tmp_path).items():
        read(files["part" if reader == "merge" else "compared"])


def command(*arguments: object) -> Callable[[Path], None]:
    """Return what calls a command; `PATH` stands for the file that is tried."""

    def call(path: Path) -> None:
        out = io.StringIO()
        words = [str(path if word is PATH else word) for word in arguments]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = main(words)
        told = [line for line in out.getvalue().splitlines() if line.startswith("failcond ")]
        assert status in (0, 1, 2)
        assert (status == 2) == bool(told), out.getvalue()
        if status == 2:
            raise FailcondError(out.getvalue().rstrip("\n"))

    return call


PATH = object()


def again(path: Path) -> None:
    """Judge it again, as ``pytest --failcond-from`` does."""
    run = Run.load_whole(path)
    with tempfile.TemporaryDirectory() as folder:
        disassemble(run, Path(folder))
        assemble(Path(folder), run.configuration, run.classes, kept=True)


def readers(files: dict[str, Path], folder: Path) -> dict[str, Callable[[Path], None]]:
    """All that reads a run file."""
    out, baseline = folder / "out.html", folder / "baseline.json"
    green, other = files["green"], files["other part"]

    def render(path: Path) -> None:
        terminal.render(Run.load(path), width=80, color=True, unicode=True, verbose=1)

    return {
        "render": render,
        "report": command("report", PATH, "--out", out, "--markdown", folder / "out.md"),
        "baseline": command("baseline", PATH, "--out", baseline),
        "compare with it": command("compare", PATH, green, "--all"),
        "compare it": command("compare", green, PATH),
        "merge": command("merge", PATH, other, "--out", folder / "merged.json"),
        "history": command("history", PATH, green, "--key", "corruption:gaussian_noise:3"),
        "history of directions": command(
            "history", green, PATH, "--metric", "breaking_shift", "--key", "direction:0:322:+"
        ),
        "selftest": command("selftest", PATH, "--resamples", "3"),
        "selftest against it": command("selftest", green, "--resamples", "3", "--baseline", PATH),
        "from": again,
    }


# Nothing else in a file tells of these: they are what was asked for, and what is known of an image.
UNTOLD = (".planned", ".corpus.entries[].status", ".settings")


def test_changes_end_in_a_sentence(files, tmp_path):
    draw, counts = random.Random(20 + MANY), Counter[str]()
    contents = {name: json.loads(path.read_text()) for name, path in files.items()}
    red = {name for name, path in files.items() if is_red(Run.load(path))}
    all_readers = readers(files, tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = tmp_path / "tried.json"
    for number in range(COUNT):
        name = draw.choice(sorted(contents))
        what, changed = mutate(contents[name], draw)
        if isinstance(changed, dict):
            changed.pop("digest", None)
            changed["digest"] = digest(changed)
        path.write_text(json.dumps(changed))
        what = f"{number}, {name}: {what}"
        kept: list[Run] = []
        counts[outcome(lambda tried: kept.append(Run.load(tried)), path, what)] += 1  # noqa: B023
        if not kept:
            continue
        if name in red and not any(f" at {place}" in what for place in UNTOLD):
            assert is_red(kept[0]), f"{what}: green"
        for reader in draw.sample(sorted(all_readers), 3 if MANY else 1):
            counts[f"{reader}: {outcome(all_readers[reader], path, f'{what}, {reader}')}"] += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"\n{COUNT} changes, {grown / 1024:.0f} MiB more at most: {dict(sorted(counts.items()))}")
    assert counts["a sentence"] > counts["read"] > COUNT / 50
    assert grown < 500 * 1024


def test_scrambled_bytes_end_in_a_sentence(files, tmp_path):
    draw, path, counts = random.Random(21), tmp_path / "tried.json", Counter[str]()
    contents = {name: file.read_bytes() for name, file in files.items()}
    wholes = {name: Run.load(file) for name, file in files.items()}
    for number in range(COUNT // 2):
        name = draw.choice(sorted(contents))
        what, content = scramble(contents[name], draw)
        path.write_bytes(content)
        kept: list[Run] = []
        read = lambda tried: kept.append(Run.load(tried))  # noqa: B023, E731
        counts[outcome(read, path, f"{number}, {name}: {what}")] += 1
        # White space may change, and digits that no number has.
        assert all(run == wholes[name] for run in kept), what
    print(f"\n{COUNT // 2} scrambled: {dict(counts)}")
    assert counts["a sentence"] > counts["read"]

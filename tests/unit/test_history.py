"""A metric over runs: in the order of commits, other inputs marked, unknown keys told of."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len

from pytest_failcond.cli import main
from pytest_failcond.commands.history import short_names
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.report import timeline
from pytest_failcond.runs.history import METRIC_OF, Question, history
from pytest_failcond.statistics.bounds import proportion_bound
from pytest_failcond.statistics.paired import paired_drop_bound
from tests.combinations import combined
from tests.quality.test_selftest import CELLS, STARTS, make_run, measured, walked
from tests.runs import changed

N = 1000
INPUTS = {"images": "sha256:i", "seed": 0, "corruptions": "imagenet-c/1", "generator": "sha256:g"}


def right(count: int) -> np.ndarray:
    return np.arange(N) < count


def run(day: int, clean: int = 900, *, commit: str | None = "abcdef0123456789", **subjects):
    found = {"clean": measured("clean", right(clean)), STARTS: walked()}
    found |= {key: measured(key, right(clean - 50 * i)) for i, key in enumerate(CELLS)}
    environment = {
        "date": "2026-03-01T00:00:00Z",
        "commit": commit,
        "commit_date": None if commit is None else f"2026-02-{day:02}T10:00:00+01:00",
        "dirty": day == 2,
    }
    return replace(make_run(found), environment=environment, subjects=INPUTS | subjects)


def test_runs_stand_in_the_order_of_their_commits_with_what_changed():
    points = history([("b", run(9, 880)), ("a", run(2, 900)), ("c", run(5, 905))], Question())
    assert [point.name for point in points] == ["a", "c", "b"]
    assert [point.value for point in points] == [0.9, 0.905, 0.88]
    assert [point.change for point in points] == [None, pytest.approx(0.005), pytest.approx(-0.025)]
    assert points[0].low == proportion_bound(900, N, 0.95, "lower")
    assert points[0].high == proportion_bound(900, N, 0.95, "upper")
    assert [(point.commit, point.dirty) for point in points[:2]] == [
        ("abcdef01", True),
        ("abcdef01", False),
    ]


def test_without_a_commit_the_date_of_the_run_counts():
    points = history([("none", run(1, commit=None)), ("old", run(28))], Question())
    assert [point.name for point in points] == ["old", "none"]
    bare = replace(run(1), environment={})
    (first, _) = history([("old", run(28)), ("bare", bare)], Question())
    assert (first.name, first.date, first.commit) == ("bare", None, None)


def test_other_inputs_are_marked_and_no_change_is_given_across_them():
    runs = [("a", run(1)), ("b", run(2, seed=1)), ("c", run(3)), ("d", run(4))]
    points = history(runs, Question())
    assert [point.other_inputs for point in points] == [(), ("seed",), (), ()]
    assert [point.change for point in points] == [None, None, None, 0.0]
    # A generator matters to its directions alone, and the images do not matter to them.
    other = [("a", run(1, generator="sha256:h", images="sha256:j")), ("b", run(2))]
    assert history(other, Question())[0].other_inputs == ("images",)
    walks = Question("breaking_shift", STARTS)
    assert history(other, walks)[0].other_inputs == ("generator",)


def test_other_pixels_of_the_same_seed_are_other_inputs():
    one = run(1)
    cell = replace(one.measurements[CELLS[0]], pixels="sha256:other")
    one = changed(one, measurements=one.measurements | {CELLS[0]: cell})
    points = history([("a", one), ("b", run(2))], Question(key=CELLS[0]))
    assert [point.other_inputs for point in points] == [("pixels",), ()]


def test_values_are_those_of_the_gates():
    one = [("a", run(1))]
    (drop,) = history(one, Question("drop", CELLS[1]))
    assert drop.value == pytest.approx(0.05)
    assert drop.high == paired_drop_bound(850, 50, 0, 100, 0.95, "upper")
    (mean,) = history(one, Question("accuracy", "mean"))
    assert mean.value == pytest.approx(0.825)
    (lost,) = history(one, Question("drop", "mean"))
    assert lost.value == pytest.approx(0.075)
    assert lost.low < lost.value < lost.high
    (share,) = history(one, Question("broken_share", STARTS, at=1.0))
    assert share.value == walked().broken_by(1.0) / 60
    (beyond,) = history(one, Question("broken_share", STARTS, at=8.0))
    assert beyond.value is None
    assert beyond.missing == f"tested to {walked().tested_to:.1f} σ only"
    (ends,) = history(one, Question("valid_range", STARTS))
    assert ends.value == walked().valid_range
    (of_class,) = history(one, Question("accuracy", "clean", class_name="b"))
    assert (of_class.value, of_class.n) == (0.9, 500)


@pytest.mark.parametrize("metric", METRIC_OF)
def test_every_followed_metric_has_a_title(metric):
    question = Question(metric, "clean", at=2.0 if METRICS[METRIC_OF[metric]].at else None)
    noun = "drop in accuracy" if metric == "drop" else METRICS[METRIC_OF[metric]].noun
    assert timeline.title(question).lower().startswith(f"{noun}, clean")


def test_combinations_are_followed_if_they_were_searched_alike():
    def searched(date, *distances, **options):
        one = run(date)
        found = combined(CombinationKey(0), distances)
        settings = one.settings | {"combinations": options | {"samples": 4}}
        return replace(one, records=one.records | {found.key: found}, settings=settings)

    runs = [("a", searched(1, 2.0, 3.0, 4.0, None)), ("b", searched(2, 5.0, None, None, None))]
    points = history(runs, Question("combined_distance", "combination:0"))
    assert [point.value for point in points] == [3.0, None]
    assert (points[0].low, points[0].high) == (0.0, None)  # four images prove little
    points = history(runs, Question("combined_share", "combination:0", at=4.0))
    assert [point.value for point in points] == [0.75, 0.0]
    assert points[1].change == -0.75
    other = [runs[0], ("b", searched(2, 5.0, None, None, None, dimensions=9))]
    points = history(other, Question("combined_share", "combination:0", at=4.0))
    assert [point.other_inputs for point in points] == [("combinations",), ()]
    found = combined(CombinationKey(0), [5.0, None, None, None], way="evolution")
    steps = replace(runs[1][1], records=runs[1][1].records | {found.key: found})
    points = history([runs[0], ("b", steps)], Question("combined_share", "combination:0", at=4.0))
    assert "by gradient or without" in points[0].other_inputs[0]
    assert points[1].change is None


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question(key="corruption:contrasts:1"), "did you mean 'corruption:contrast:1'"),
        (Question(key="direction:0:7:+"), f"'accuracy'; known: clean, {CELLS[0]}, "),
        (Question("drop", "clean"), "no run has it for metric 'drop'"),
        (Question(class_name="c"), "no run has it; known: a, b"),
        (Question("broken_share", STARTS), "--at"),
        (Question("accuracy", "clean", at=1.0), "--at"),
        (Question("valid_range", STARTS, class_name="a"), "--class"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(question, words):
    with pytest.raises(FailcondError, match=r".") as caught:
        history([("a", run(1))], question)
    assert words in str(caught.value)


def test_a_run_that_lacks_the_key_says_so_in_its_row():
    lacking = run(1)
    del lacking.records[CELLS[0]]
    points = history([("a", lacking), ("b", run(2))], Question(key=CELLS[0]))
    assert points[0].missing == f"{CELLS[0]} was not measured"
    assert points[1].change is None


@pytest.fixture
def files(tmp_path):
    for name, one in (("1", run(1)), ("2", run(2, 870)), ("3", run(3, 890, seed=4))):
        one.save(tmp_path / f"{name}.json")
    return [str(tmp_path / f"{name}.json") for name in ("3", "1", "2")]


def test_the_table_keeps_its_width(files, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["history", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Accuracy, clean"
    assert max(map(cell_len, lines)) <= 80
    rows = [line.split() for line in lines if line.startswith("2026-02-")]
    assert [row[:2] for row in rows] == [
        ["2026-02-01", "abcdef01"],
        ["2026-02-02", "abcdef01+"],
        ["2026-02-03", "abcdef01"],
    ]
    assert rows[1][-2:] == ["-0.0300", "1000"]
    assert "other seed than the newest" in " ".join(" ".join(lines).split())


def test_without_commits_the_names_of_the_runs_tell_points_apart(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    long = "a-name-of-a-run-that-is-longer-than-its-column-will-ever-be"
    for name in (f"{long}-first", f"{long}-second"):
        run(1, commit=None).save(tmp_path / f"{name}.json")
    paths = sorted(map(str, tmp_path.glob("*.json")))
    assert main(["history", *paths]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert "commit" not in "\n".join(lines)
    rows = [i for i, line in enumerate(lines) if line.startswith("2026-03-01")]
    assert rows[1] - rows[0] <= 2
    assert lines[-1] == "low, high: one-sided 95 % bounds; change: since the row before."
    names = "".join(line.removeprefix("2026-03-01").split()[0] for line in lines[rows[0] : rows[1]])
    assert names == "a-name-of-a-run-…ll-ever-be-first"
    points = history([("one", run(1, commit=None)), ("two", run(1, commit=None))], Question())
    assert [timeline._tick(points, i) for i in range(2)] == ["2026-03-01\none", "2026-03-01\ntwo"]


def test_points_of_one_commit_are_told_apart():
    points = history([("one", run(1)), ("two", run(1)), ("c", run(3))], Question())
    ticks = [timeline._tick(points, i) for i in range(3)]
    assert ticks == ["2026-02-01\none", "2026-02-01\ntwo", "2026-02-03\nabcdef01"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/run.json"], ["run"]),
        (["a/x.json", "a/y.json"], ["x", "y"]),
        (["a/mon/run.json", "a/tue/run.json"], ["mon", "tue"]),
        (["run.json", "old/run.json"], ["run", "old/run"]),
        (["a/x.json", "a/x"], ["x.json", "x"]),
    ],
)
def test_runs_are_named_by_what_tells_them_apart(paths, names):
    assert short_names([Path(path) for path in paths]) == names


def test_the_picture_is_drawn(files, tmp_path, capsys):
    assert main(["history", *files, "--plot", str(tmp_path / "plot.png")]) == 0
    assert capsys.readouterr().out.endswith("plot.png\n")
    with Image.open(tmp_path / "plot.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    blue = np.abs(pixels - (0x00, 0x72, 0xB2)).sum(axis=2) < 30
    assert blue.sum() > 30  # the newest run, in colour
    gray = np.abs(pixels - 0x8A).sum(axis=2) < 30
    assert gray.sum() > 60  # the others, hollow


def test_nothing_to_draw_is_refused():
    lacking = run(1)
    del lacking.measurements["clean"]
    points = history([("a", lacking), ("b", lacking)], Question(key=CELLS[0]))
    assert Image.open(io.BytesIO(timeline.draw(points, Question(key=CELLS[0])))).width > 300
    empty = [replace(point, value=None) for point in points]
    with pytest.raises(FailcondError, match="no run has a value"):
        timeline.draw(empty, Question())


def test_errors_are_one_sentence(files, capsys):
    assert main(["history", files[0], "--key", "corruption:fogg:1"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'corruption:fog:1'" in error
    assert error.count("\n") == 1

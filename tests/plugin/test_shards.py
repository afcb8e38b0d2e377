"""A session divided into parts, joined, and judged: the same as the undivided one."""

from __future__ import annotations

import json

import pytest

from pytest_failcond.cli import main
from tests.plugin.conftest import GRID
from tests.schema import errors_of

VARIABLE = ("date", "commit", "commit_date", "dirty")


def read(project, name):
    data = json.loads((project.path / name).read_text())
    del data["digest"]
    for key in VARIABLE:
        data["environment"].pop(key)
    return data


@pytest.fixture
def divided(project, monkeypatch, gate):
    """A grid with gates of several kinds, corner cases beside it."""
    monkeypatch.chdir(project.path)
    project.add_generator()
    project.write(
        "flat.py",
        "import torchy, mine\n"
        "from pytest_failcond import LabeledImages\n"
        "def load_images():\n"
        "    given = mine.load_images()\n"
        "    return LabeledImages(given.images[:, :8, :8], given.labels)\n",
    )
    table = GRID.replace("mine:load_classifier", "torchy:load_classifier").replace(
        'images = "mine:load_images"',
        'images = "flat:load_images"\ngenerator = "tiny.safetensors"',
    )
    table += "[tool.failcond.corner_cases]\ntop = 1\nsamples = 4\nmax_shift = 1.0\n"
    project.configure(
        table,
        gate(id="drop", metric="accuracy_drop", max=0.9),
        gate(id="overall", metric="mean_corruption_accuracy", min=0.99),
        gate(id="broken", metric="broken_share", at=0.5, max=0.9),
    )
    return project


def test_the_joined_run_equals_the_undivided_one(divided):
    whole = divided.once("--failcond-json=whole.json")
    for part in (1, 2, 3):
        result = divided.run(f"--failcond-shard={part}/3")
        assert result.ret == 0
        result.stdout.fnmatch_lines([f"*part {part} of 3*", "run kept: failcond-part-*"])
    parts = [f"failcond-part-{part}-of-3.json" for part in (3, 1, 2)]
    measured = [{m["key"] for m in read(divided, p)["measurements"]} for p in parts]
    assert sum(map(len, measured)) == len(set.union(*measured)) == 5
    assert main(["merge", *parts, "--out", "joined.json"]) == whole.ret == 1
    for name in (*parts, "joined.json", "whole.json"):
        assert errors_of(divided.path / name) == []
    joined, expected = read(divided, "joined.json"), read(divided, "whole.json")
    assert joined == expected
    for name in (*parts, "joined.json", "whole.json"):
        assert errors_of(divided.path / name) == []
    whole_files = divided.path / "whole.json.files"
    joined_files = divided.path / "joined.json.files"
    assert {p.name: p.read_bytes() for p in whole_files.iterdir()} == {
        p.name: p.read_bytes() for p in joined_files.iterdir()
    }


def test_a_kept_run_is_judged_without_measuring(divided):
    whole = divided.once("--failcond-json=whole.json")
    (divided.path / "torchy.py").write_text("raise RuntimeError('nothing is loaded')")
    (divided.path / "tiny.safetensors").unlink()
    judged = divided.run("--failcond-from=whole.json", "--failcond-json=again.json")
    assert judged.ret == whole.ret
    assert judged.parseoutcomes() == whole.parseoutcomes()
    assert read(divided, "again.json") == read(divided, "whole.json")


def test_a_kept_run_of_another_model_goes_by_its_own_name(divided):
    """The report of a candidate's run, made with the configuration of the model in production."""
    divided.write("candidate.py", "from torchy import load_classifier as load")
    divided.once("--failcond-json=whole.json", "--failcond-classifier=candidate:load")
    reports = ("--html=report.html", "--self-contained-html", "--failcond-json=again.json")
    result = divided.run("--failcond-from=whole.json", *reports)
    assert read(divided, "again.json") == read(divided, "whole.json")
    assert "torchy:load_classifier" not in result.stdout.str()
    page = (divided.path / "report.html").read_text()
    assert "candidate:load" in page
    assert "torchy:load_classifier" not in page


def test_parts_fit_together_however_their_tests_are_shuffled(project, monkeypatch):
    monkeypatch.chdir(project.path)
    project.once("--failcond-json=whole.json")
    for part in (1, 2):
        project.run(f"--failcond-shard={part}/2", f"--randomly-seed={part}")
    parts = [f"failcond-part-{part}-of-2.json" for part in (1, 2)]
    assert main(["merge", *parts, "--out", "joined.json"]) == 0
    assert read(project, "joined.json") == read(project, "whole.json")


def test_the_whole_is_compared_with_the_configured_baseline(project, monkeypatch, gate):
    monkeypatch.chdir(project.path)
    table = GRID.replace("[tool.failcond]", '[tool.failcond]\nbaseline = "failcond-baseline.json"')
    project.configure(table, gate(id="drop", metric="regression_drop", max=0.01))
    project.run("--failcond-json=old.json")
    assert main(["baseline", "old.json"]) == 0
    for part in (1, 2):
        blind = "--failcond-classifier=mine:load_blind"
        assert project.run(f"--failcond-shard={part}/2", blind).ret == 0
    parts = [f"failcond-part-{part}-of-2.json" for part in (1, 2)]
    assert main(["merge", *parts, "--out", "joined.json"]) == 1
    (found,) = read(project, "joined.json")["gates"]
    assert found["verdict"] == "failed"
    assert len(found["checks"]) == 5


def test_new_thresholds_judge_an_old_run(divided):
    divided.once("--failcond-json=whole.json")
    config = divided.path / "pyproject.toml"
    config.write_text(config.read_text().replace("min = 0.99", "min = 0.01"))
    assert divided.run("--failcond-from=whole.json", "-k", "overall").ret == 0


def test_a_kept_run_has_the_acceptance_that_it_was_measured_with(divided):
    divided.once("--failcond-json=whole.json")
    config = divided.path / "pyproject.toml"
    config.write_text(f"{config.read_text()}\n[tool.failcond.acceptance]\nleast_p = 0.5\n")
    result = divided.run("--failcond-from=whole.json")
    result.stderr.fnmatch_lines(
        ["*whole.json: was measured with another acceptance; measure it again*"]
    )


def test_a_kept_run_is_held_against_a_baseline_of_more_directions(divided):
    """What it did not walk again cannot be walked now: the comparison says so, and nothing fails."""
    config = divided.path / "pyproject.toml"
    once = config.read_text()
    config.write_text(once.replace("top = 1", "top = 2"))
    divided.run("--failcond-json=old.json")
    config.write_text(once)
    kept = divided.run("--failcond-json=new.json").parseoutcomes()
    options = ("--failcond-from=new.json", "--failcond-compare=old.json")
    result = divided.run(*options, "--failcond-json=compared.json").parseoutcomes()
    assert result["failed"] == kept["failed"]
    assert result["passed"] > kept["passed"]
    run = read(divided, "compared.json")
    assert run["errors"] == []
    assert "other corner_cases settings" in run["comparison"]["remark"]


def test_a_part_that_is_given_twice_is_refused(divided, capsys):
    divided.once("--failcond-shard=1/2")
    part = "failcond-part-1-of-2.json"
    assert main(["merge", part, f"./{part}", "--out", "joined.json"]) == 2
    assert "are the same part; give it once" in capsys.readouterr().err


def test_a_missing_part_is_an_error_of_its_keys(divided, capsys):
    divided.once("--failcond-shard=1/2")
    capsys.readouterr()
    assert main(["merge", "failcond-part-1-of-2.json", "--out", "joined.json"]) == 1
    printed = capsys.readouterr().out
    assert "joined 1 part: " in printed
    assert "missing: 1 of 2 parts (2/2); each of their keys is an error" in printed
    joined = read(divided, "joined.json")
    reasons = {entry["error"] for entry in joined["errors"]}
    assert reasons == {"belongs to part 2/2, which was not given"}
    verdicts = {g["id"]: g["verdict"] for g in joined["gates"]}
    assert verdicts["overall"] == "error"
    result = divided.run("--failcond-from=joined.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*belongs to part 2/2, which was not given*"])


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (("1/2",), ("1/2",), "overlap: both have"),
        (("1/2",), ("2/3",), "is one of 3 parts"),
        (("1/2",), ("2/2", "--failcond-seed=5"), "its settings: seed"),
        (("1/2",), ("2/2", "-k", "clean or blackout"), "its plan"),
        (("1/2",), ("2/2", "--failcond-classifier=mine:load_blind"), "its settings: classifier"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(
    project, capsys, monkeypatch, first, second, sentence
):
    monkeypatch.chdir(project.path)
    project.configure(GRID)
    for name, (shard, *options) in (("a.json", first), ("b.json", second)):
        project.once(f"--failcond-shard={shard}", f"--failcond-json={name}", *options)
    capsys.readouterr()
    assert main(["merge", "a.json", "b.json", "--out", "c.json"]) == 2
    assert sentence in capsys.readouterr().err
    assert not (project.path / "c.json").exists()


def test_a_whole_run_is_no_part(project, capsys, monkeypatch):
    monkeypatch.chdir(project.path)
    project.once("--failcond-json=a.json")
    assert main(["merge", "a.json", "--out", "b.json"]) == 2
    assert "expected a part, found a whole run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--failcond-shard=0/2"], "give I/N"),
        (["--failcond-shard=3/2"], "give I/N"),
        (["--failcond-shard=half"], "give I/N"),
        (["--failcond-from=nothing.json"], "cannot be read"),
        (["--failcond-from=a.json", "--failcond-shard=1/2"], "give one of them"),
        (["--failcond-from=a.json", "--failcond-seed=7"], "measured with another seed"),
        (["--failcond-from=failcond-part-1-of-2.json"], "is one of 2 parts"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(project, options, sentence):
    project.once("--failcond-json=a.json")
    project.once("--failcond-shard=1/2")
    result = project.run(*options)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{sentence}*"])

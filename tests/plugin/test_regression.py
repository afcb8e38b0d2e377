"""A run against its baseline: verdicts, reports, refusals, and what is measured again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from pytest_failcond.cli import main
from tests.plugin.conftest import GRID
from tests.schema import errors_of

BLIND = "--failcond-classifier=mine:load_blind"
BASELINE = 'baseline = "failcond-baseline.json"'


def with_baseline(table: str = GRID) -> str:
    return table.replace("[tool.failcond]", f"[tool.failcond]\n{BASELINE}")


@pytest.fixture
def baseline(project, monkeypatch):
    """Keep a run of the seeing classifier, and make it the baseline."""
    monkeypatch.chdir(project.path)
    assert project.once("--failcond-json=old.json").ret == 0
    assert main(["baseline", "old.json"]) == 0
    return project.path / "failcond-baseline.json"


def read(project, name="run.json"):
    return json.loads((project.path / name).read_text())


def test_a_loss_is_found_on_the_very_same_images(project, baseline, gate):
    project.configure(
        with_baseline(),
        gate(id="drop", metric="regression_drop", max=0.01),
        gate(id="flips", metric="negative_flips", max=0.5),
        gate(id="mean", metric="mean_regression_drop", max=0.01),
    )
    result = project.run(BLIND, "--failcond-json=run.json")
    assert result.ret == 1
    gates = {g["id"]: g for g in read(project)["gates"]}
    values = {c["key"]: c["value"] for c in gates["drop"]["checks"]}
    assert values["clean"] == pytest.approx(1 / 3)
    assert values["corruption:blackout:3"] == pytest.approx(7 / 30, abs=0.01)
    assert gates["drop"]["verdict"] == "failed"
    assert all(check["certain"] for check in gates["drop"]["checks"])
    assert gates["flips"]["verdict"] == "passed"
    (mean,) = gates["mean"]["checks"]
    assert mean["value"] == pytest.approx(
        sum(c["value"] for c in gates["drop"]["checks"]) / len(gates["drop"]["checks"])
    )
    assert errors_of(project.path / "run.json") == []
    comparison = read(project)["comparison"]
    clean = next(entry for entry in comparison["keys"] if entry["key"] == "clean")
    assert (clean["lost"], clean["gained"]) == (100, 0)
    assert clean["lost_images"][:3] == [2, 5, 8]  # class 2 is every third image
    assert clean["p_holm"] < 1e-20
    picture = project.path / "run.json.files" / clean["lost_examples"]["file"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert clean["lost_examples"]["labels"] == [2] * 8
    result.stdout.fnmatch_lines(["Since the baseline", "*predictions lost*", "clean*100*0*0.3333*"])


def test_the_same_model_passes_and_says_so(project, baseline, gate):
    project.configure(with_baseline(), gate(metric="regression_drop", max=0.02))
    result = project.run()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*0 predictions lost, 0 gained*"])


def test_without_a_baseline_the_command_is_named_that_makes_one(project, gate):
    project.configure(with_baseline(), gate(metric="regression_drop", max=0.01))
    result = project.run("-rs")
    assert result.ret == 0
    assert result.parseoutcomes()["skipped"] == 5
    result.stdout.fnmatch_lines(["failcond: *no baseline at failcond-baseline.json yet*"])
    result.stdout.fnmatch_lines(["*failcond baseline run.json*"])
    assert project.run("--failcond-strict").ret == 1


def test_a_baseline_of_other_inputs_is_refused(project, baseline, gate):
    project.configure(with_baseline(), gate(metric="regression_drop", max=0.5))
    result = project.run("--failcond-seed=4")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*was made with other seed (0 there, 4 here)*"])


def test_changed_pixels_are_no_regression_of_the_model(project, baseline, gate):
    text = (project.path / "mine.py").read_text()
    project.write("mine.py", text.replace("% 10 < severity] = 0", "% 10 < severity] = 1"))
    project.configure(with_baseline(), gate(metric="regression_drop", max=0.5))
    result = project.run("--failcond-json=run.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*inputs changed*not only the model*"])
    found = {entry["key"]: entry["inputs_changed"] for entry in read(project)["comparison"]["keys"]}
    assert found == {
        "clean": False,
        "corruption:gaussian_noise:1": False,
        "corruption:gaussian_noise:3": False,
        "corruption:blackout:1": True,
        "corruption:blackout:3": True,
    }


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda text: text.replace('"correct": 300', '"correct": 299', 1), "was edited or damaged"),
        (lambda text: text[: len(text) // 2], "not a run file"),
        (lambda text: text.replace('"schema": 1', '"schema": 2', 1), "update pytest-failcond"),
    ],
)
def test_a_spoiled_baseline_is_refused_in_a_sentence(project, baseline, gate, spoil, sentence):
    baseline.write_text(spoil(baseline.read_text()))
    project.configure(with_baseline(), gate(metric="regression_drop", max=0.5))
    result = project.run()
    assert result.ret != 0
    result.stdout.fnmatch_lines([f"*{sentence}*"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_the_baselines_directions_are_measured_again(project):
    project.add_generator()
    table = """
    [tool.failcond]
    classifier = "torchy:load_classifier"
    judge = "torchy:load_judge"
    generator = "tiny.safetensors"
    [tool.failcond.corner_cases]
    top = 1
    samples = 4
    max_shift = 1.0
    """
    project.configure(table)
    assert project.run("--failcond-json=old.json").ret in (0, 1)
    old = read(project, "old.json")
    assert old["directions"]
    project.write(
        "other.py",
        "import torch, torchy\n"
        "def load():\n"
        "    model = torchy.load_classifier()\n"
        "    model.out.weight.data = -model.out.weight.data.roll(1, 0)\n"
        "    return model\n",
    )
    options = ["--failcond-classifier=other:load", "--failcond-compare=old.json"]
    result = project.run(*options, "--failcond-json=run.json")
    run = read(project)
    found = {entry["key"] for entry in run["comparison"]["directions"]}
    assert found == {direction["key"] for direction in old["directions"]}
    assert found <= {direction["key"] for direction in run["directions"]}
    result.stdout.fnmatch_lines(["Shared directions, most changed first"])


def test_a_red_run_may_be_a_baseline_and_is_said_to_be_red(project, capsys, monkeypatch, gate):
    monkeypatch.chdir(project.path)
    project.configure(
        GRID,
        gate(id="each", metric="accuracy", corruptions=["gaussian_noise"], min=0.99),
        gate(id="warned", metric="clean_accuracy", min=0.99, level="warn"),
    )
    assert project.run(BLIND, "--failcond-json=red.json").ret == 1
    assert main(["baseline", "red.json"]) == 0
    assert "This run failed 2 checks: each 2." in capsys.readouterr().out
    assert project.run("--failcond-json=green.json").ret == 0
    assert main(["baseline", "green.json"]) == 0
    assert "This run failed" not in capsys.readouterr().out


def test_making_a_baseline_of_a_part_is_refused(project, capsys, monkeypatch):
    monkeypatch.chdir(project.path)
    project.run("--failcond-shard=1/2")
    assert main(["baseline", "failcond-part-1-of-2.json"]) == 2
    assert "join them all first: failcond merge" in capsys.readouterr().err


def test_random_corruptions_are_repeated_with_other_seeds(project):
    result = project.run("--failcond-seeds=3", "--failcond-json=run.json")
    assert result.ret == 0
    run = read(project)
    by_seed = {m["key"]: m["by_seed"] for m in run["measurements"]}
    assert len(by_seed["corruption:gaussian_noise:3"]) == 2
    assert by_seed["corruption:blackout:3"] == []  # draws nothing, so that one more look tells
    result.stdout.fnmatch_lines(["over 3 seeds, highest minus lowest accuracy, at most: gaussian*"])
    again = project.run("--failcond-seed=1", "--failcond-json=one.json")
    assert again.ret == 0
    other = {m["key"]: m["correct"] for m in read(project, "one.json")["measurements"]}
    assert by_seed["corruption:gaussian_noise:3"][0] == other["corruption:gaussian_noise:3"]


def test_a_gate_by_class_checks_each_class(project, gate):
    project.configure(
        GRID, gate(id="each", metric="accuracy", min=0.5, by_class=True, corruptions=["blackout"])
    )
    result = project.run(BLIND, "--failcond-json=run.json")
    assert result.ret == 1
    (found,) = read(project)["gates"]
    verdicts = {(c["key"], c["class_index"]): c["verdict"] for c in found["checks"]}
    assert len(verdicts) == 6
    assert {key for key, verdict in verdicts.items() if verdict == "failed"} == {
        ("corruption:blackout:1", 2),
        ("corruption:blackout:3", 2),
    }
    result.stdout.fnmatch_lines(["FAILED*corruption:blackout:1, class 2*"])


def test_two_classifiers_are_compared_on_the_directions_of_both(project, capsys, monkeypatch):
    monkeypatch.chdir(project.path)
    project.add_generator()
    project.write(
        "other.py",
        "import torchy\n"
        "def load():\n"
        "    model = torchy.load_classifier()\n"
        "    model.out.weight.data = model.out.weight.data.flip(1) * 3\n"
        "    return model\n",
    )
    project.configure(
        '[tool.failcond]\nclassifier = "torchy:load_classifier"\ngenerator = "tiny.safetensors"\n'
        "[tool.failcond.corner_cases]\ntop = 1\nsamples = 4\nmax_shift = 1.0\n"
        "[tool.failcond.combinations]\nsamples = 3\ndimensions = 4\n"
    )
    options = ["--plot", "curves.png", "--json", "b.json"]
    assert main(["compare", "torchy:load_classifier", "other:load", *options]) == 0
    run = read(project, "b.json")
    ranked = {key for ranking in run["rankings"] for key in ranking["directions"]}
    compared = {entry["key"] for entry in run["comparison"]["directions"]}
    assert ranked < compared, "those of the other one's ranking are there too"
    searched = {entry["key"]: entry for entry in run["comparison"]["combinations"]}
    assert searched.keys() == {"combination:0", "combination:1", "combination:2"}
    assert all(entry["still"] is not None for entry in searched.values())  # A's, tried on B
    assert (project.path / "curves.png").read_bytes().startswith(b"\x89PNG")
    out, err = capsys.readouterr()
    assert "A  torchy:load_classifier\nB  other:load\n" in out
    lines = err.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        *("torchy:load_classifier", "other:load"), *("torchy:load_classifier", "other:load")
    ]  # fmt: skip
    assert lines[0].endswith(
        ": measuring 6 keys"
    )  # rankings and searches; then what the other one's found


def test_the_names_of_folders_are_the_classes_of_what_compare_keeps(project, monkeypatch):
    monkeypatch.chdir(project.path)
    for name, gray in (("dark", 20), ("light", 200), ("mid", 90)):
        (project.path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            picture = np.full((9, 9), gray + number, dtype=np.uint8)
            Image.fromarray(picture).save(project.path / "photos" / name / f"{number}.png")
    project.configure('[tool.failcond]\nclassifier = "mine:load_classifier"\nimages = "photos"\n')
    models = ("mine:load_classifier", "mine:load_blind")
    assert main(["compare", *models, "--json", "b.json"]) == 0
    assert read(project, "b.json")["classes"] == ["dark", "light", "mid"]
    # One picture in colour makes colour of all, which the run says.
    coloured = np.full((9, 9, 3), [200, 90, 20], dtype=np.uint8)
    Image.fromarray(coloured).save(project.path / "photos" / "mid" / "3.png")
    assert main(["compare", *models, "--json", "b.json"]) == 0
    (remark,) = read(project, "b.json")["environment"]["remarks"]
    assert (remark["model"], remark["what"]) == ("images", "mixed")
    assert "1 of 10 files is in colour (mid/3.png)" in remark["text"]


def test_a_plot_of_directions_is_refused_before_anything_is_measured(project, capsys, monkeypatch):
    monkeypatch.chdir(project.path)
    plot = ["--plot", "x.png"]
    assert project.once("--failcond-json=run.json").ret == 0
    (project.path / "log.txt").unlink()
    assert main(["compare", "mine:load_classifier", "mine:load_blind", *plot]) == 2
    assert (
        "--plot draws directions of both; generator: none is configured" in capsys.readouterr().err
    )
    assert main(["compare", "run.json", "mine:load_blind", *plot]) == 2
    assert "--plot draws directions of both, and run.json has none" in capsys.readouterr().err
    assert project.log() == []

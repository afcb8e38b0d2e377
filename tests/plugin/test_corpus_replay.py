"""The corpus: found by `failcond discover`, replayed by the suite, judged by status."""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from pytest_failcond.cli import main
from pytest_failcond.config.settings import Settings
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.measuring.alone import Alone
from pytest_failcond.probes.corpus.folder import Corpus, hash_png
from pytest_failcond.probes.corpus.manifest import Entry
from pytest_failcond.records.found import JUDGE_LOST, Wanted
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.classifier import Classifier
from tests.plugin.conftest import CORNERS, GRID
from tests.unit.tiny import tiny_generator

REPLAYED = """
[tool.failcond]
classifier = "mine:load_classifier"
classes = ["a", "b", "c"]
corpus = "corpus"
"""
FOUR = {
    "a-1-up-0": ("open", False),
    "b-2-up-0": ("open", True),
    "b-3-down-0": ("fixed", True),
    "c-4-up-0": ("fixed", False),
}
OUTCOMES = {"passed": 2, "failed": 1, "xfailed": 1}


def add_corpus(project, entries=FOUR):
    """Write images that the classifier of the project has right, or wrong."""
    kept, files = [], {}
    for entry_id, (status, right) in entries.items():
        name = entry_id[0]
        shown = ("abc".index(name) + (not right)) % 3
        pixels = np.full((9, 9), 10, dtype=np.uint8)
        pixels[3 * shown : 3 * shown + 3] = 200
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        files[entry_id] = buffer.getvalue()
        fields = {
            "id": entry_id,
            "status": status,
            "class_name": name,
            "direction": f"direction:{'abc'.index(name)}:{entry_id[2]}:+",
            "dimension": "b8.conv0[1]",
            "sample": 0,
            "broke_at": 1.0,
            "shift": 1.5,
            "predicted": "a",
            "p": 0.25,
            "judged": name,
            "seed": 0,
            "generator": "sha256:1",
            "classifier": None,
            "judge": None,
            "png": hash_png(files[entry_id]),
        }
        kept.append(Entry(**fields))
    Corpus(project.path / "corpus", tuple(kept)).save(files)


@pytest.fixture
def replayed(project):
    """A project with four images in its corpus, no test images and no generator."""
    add_corpus(project)
    project.configure(REPLAYED)
    return project


def run_of(project, name="run.json"):
    return json.loads((project.path / name).read_text(encoding="utf-8"))


def test_status_and_prediction_make_the_outcome(replayed):
    result = replayed.run("-rA", "--failcond-json=run.json")
    assert result.ret == 1
    assert result.parseoutcomes() == OUTCOMES
    result.stdout.fnmatch_lines_random(
        [
            "XFAIL *test_corpus?a-1-up-0? - was taken for 'b', p('a') = *",
            "is right, p('b') = *; promote it: failcond discover --fixed b-2-up-0",
            "PASSED *test_corpus?b-3-down-0?",
            "*corpus:c-4-up-0: is marked as fixed, but was taken for 'a', p('c') = *; see it: "
            "failcond show corpus:c-4-up-0*",
            "FAILED  corpus *corpus:c-4-up-0*",
            "Corpus  2 open (1 still wrong, 1 now right), 2 fixed, 1 lost",
            "now right: promote with failcond discover --fixed b-2-up-0",
            "verdict: failed · 1 image of the corpus lost",
        ]
    )
    assert (
        replayed.log() == ["classified"] * 2
    )  # all in one batch, whoever asked first, and once more
    corpus = run_of(replayed)["corpus"]
    found = {e["id"]: (e["status"], e["label"], e["predicted"]) for e in corpus["entries"]}
    assert found == {
        "a-1-up-0": ("open", 0, 1),
        "b-2-up-0": ("open", 1, 1),
        "b-3-down-0": ("fixed", 1, 1),
        "c-4-up-0": ("fixed", 2, 0),
    }


def test_the_short_summary_begins_with_the_reason(replayed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("CI", raising=False)
    (line,) = [line for line in replayed.run().stdout.lines if line.startswith("FAILED test")]
    assert "test_corpus[c-4-up-0] - was taken for 'a'" in line


def test_strict_changes_nothing_for_open_ones(replayed):
    assert replayed.run("--failcond-strict").parseoutcomes() == OUTCOMES


def test_a_kept_run_is_judged_without_the_corpus(replayed):
    replayed.run("--failcond-json=run.json")
    for file in (replayed.path / "corpus").iterdir():
        file.unlink()
    measured = replayed.log()
    result = replayed.run("--failcond-from=run.json", "--failcond-json=again.json")
    assert result.parseoutcomes() == OUTCOMES
    assert replayed.log() == measured
    assert run_of(replayed, "again.json")["corpus"] == run_of(replayed)["corpus"]


def test_the_corpus_is_one_unit_of_a_divided_session(replayed, monkeypatch, capsys):
    table = GRID.replace("[tool.failcond]\n", '[tool.failcond]\ncorpus = "corpus"\n')
    replayed.configure(table.replace("images =", 'classes = ["a", "b", "c"]\nimages ='))
    found = []
    for part in (1, 2):
        result = replayed.run(f"--failcond-shard={part}/2", f"--failcond-json={part}.json")
        assert result.ret == 0  # a part measures, and judges nothing
        found.append(run_of(replayed, f"{part}.json")["corpus"])
    assert sorted(corpus is None for corpus in found) == [False, True]
    monkeypatch.chdir(replayed.path)
    assert main(["merge", "1.json", "2.json"]) == 1
    assert "1 image of the corpus lost" in capsys.readouterr().out
    replayed.run("--failcond-json=whole.json")
    joined, whole = run_of(replayed), run_of(replayed, "whole.json")
    assert {k: v for k, v in joined.items() if k not in ("environment", "digest")} == {
        k: v for k, v in whole.items() if k not in ("environment", "digest")
    }
    (kept,) = {e["picture"] for e in joined["corpus"]["entries"] if e["picture"]}
    assert (replayed.path / "run.json.files" / kept).is_file()


def test_accuracy_on_the_corpus_is_a_metric(replayed, gate):
    replayed.configure(
        REPLAYED,
        gate(id="all", metric="corpus_accuracy", min=0.6),
        gate(id="b", metric="corpus_accuracy", min=0.1, classes=["b"]),
    )
    result = replayed.run("-k", "test_gate", "--failcond-json=run.json")
    assert result.parseoutcomes()["failed"] == 1
    checks = {g["id"]: g["checks"] for g in run_of(replayed)["gates"]}
    assert [(c["value"], c["n"], c["verdict"]) for c in checks["all"]] == [(0.5, 4, "failed")]
    assert checks["all"][0]["bound"] == pytest.approx(0.9024, abs=1e-4)  # Clopper-Pearson, 2 of 4
    assert [(c["value"], c["n"], c["verdict"]) for c in checks["b"]] == [(1.0, 2, "passed")]
    result.stdout.fnmatch_lines(["*corpus accuracy 0.5000 is under 0.6000*"])


def test_what_is_deselected_is_not_judged(replayed):
    result = replayed.run("-k", "b-2 or b-3", "--failcond-json=run.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["verdict: passed"])


def test_a_lost_image_is_shown_in_the_html_report(replayed):
    replayed.run("--html=report.html", "--self-contained-html", "--failcond-json=run.json")
    text = (replayed.path / "report.html").read_text(encoding="utf-8")
    assert "1 lost" in text
    assert "data:image/png;base64" in text
    (lost,) = [e for e in run_of(replayed)["corpus"]["entries"] if e["picture"]]
    assert lost["id"] == "c-4-up-0"
    picture = (replayed.path / "run.json.files" / lost["picture"]).read_bytes()
    original = (replayed.path / "corpus" / "c-4-up-0.png").read_bytes()
    kept, given = (np.asarray(Image.open(io.BytesIO(b))) for b in (picture, original))
    assert (kept == given).all()
    without = replayed.run("--html=none.html", "--self-contained-html", "--failcond-no-images")
    assert without.parseoutcomes() == OUTCOMES
    assert "data:image/png" not in (replayed.path / "none.html").read_text(encoding="utf-8")


def test_a_markdown_summary_tells_of_it(replayed):
    replayed.run("--failcond-markdown=summary.md")
    text = (replayed.path / "summary.md").read_text(encoding="utf-8")
    assert "Corpus: 2 open (1 still wrong, 1 now right), 2 fixed, 1 lost" in text
    assert "| ✗ failed | corpus | corpus:c-4-up-0 |  | is marked as fixed, but" in text


def test_a_changed_image_is_an_error_and_never_a_pass(replayed, gate):
    replayed.configure(REPLAYED, gate(id="all", metric="corpus_accuracy", min=0.1))
    (replayed.path / "corpus" / "b-2-up-0.png").write_bytes(b"another")
    result = replayed.run("--failcond-json=run.json")
    assert result.parseoutcomes() == {"failed": 5}
    result.stdout.fnmatch_lines(
        ["*b-2-up-0.png: has changed: its hash is not that of the manifest*"]
    )
    run = run_of(replayed)
    assert run["gates"][0]["verdict"] == "error"
    assert run["corpus"] is None
    assert [e["key"] for e in run["errors"]] == ["corpus"]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([REPLAYED.replace('"corpus"', '"nowhere"')], "`failcond discover` makes it"),
        (
            [REPLAYED.replace('corpus = "corpus"', ""), "GATE"],
            "gate 'corpus-accuracy' selects nothing: there is no corpus",
        ),
    ],
)
def test_no_corpus_is_said_before_anything_runs(replayed, gate, tables, words):
    tables = [gate(metric="corpus_accuracy", min=0.5) if t == "GATE" else t for t in tables]
    replayed.configure(*tables)
    result = replayed.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert words in result.stderr.str()


BRIGHTNESS = """
import torch
from torch import nn

class Brightness(nn.Module):
    \"\"\"Takes dark images for circles and bright ones for squares; stars it never sees.\"\"\"
    def __init__(self, limit, sharpness=40):
        super().__init__()
        self.sharpness = sharpness
        self.limit = nn.Parameter(torch.tensor(limit))

    def forward(self, images):
        bright = self.sharpness * (images.mean(dim=(1, 2, 3)) - self.limit)
        return torch.stack([-bright, bright, torch.full_like(bright, -9)], dim=1)

def load_classifier():
    return Brightness(0.37).eval()  # most of the tiny generator's circles are darker
"""

DISCOVERED = CORNERS.replace("torchy:", "brightness:").replace(
    "[tool.failcond]\n", '[tool.failcond]\ncorpus = "kept"\n'
)


@pytest.fixture
def corners(project, monkeypatch):
    """A project with a generator, no corpus yet, and its folder as the current one."""
    project.add_generator()
    project.write("brightness.py", BRIGHTNESS)
    monkeypatch.delitem(sys.modules, "brightness", raising=False)
    project.configure(DISCOVERED)
    monkeypatch.chdir(project.path)
    return project


def test_what_is_discovered_is_replayed_without_the_generator(corners, capsys):
    assert main(["discover", "--per-direction", "2"]) == 0
    said, progress = capsys.readouterr()
    assert said.count("no judge is configured: ") == 1
    assert progress == "searching 3 of 3 classes\n"
    corpus = Corpus.read(corners.path / "kept")
    assert f"added {len(corpus.entries)} to" in said
    assert len(corpus.entries) >= 3
    for entry in corpus.entries:
        assert (entry.status, entry.judged) == ("open", None)
        assert entry.predicted != entry.class_name
        assert entry.shift == pytest.approx(entry.broke_at + 0.5)
    (corners.path / "tiny.safetensors").unlink()
    corners.configure(
        '[tool.failcond]\nclassifier = "brightness:load_classifier"\ncorpus = "kept"\n'
        'classes = ["circle", "square", "star"]\n'
    )
    result = corners.run("--failcond-json=run.json")
    assert result.parseoutcomes() == {"xfailed": len(corpus.entries)}
    kept = run_of(corners)["corpus"]["entries"]
    assert [e["p"] for e in kept] == [e.p for e in corpus.entries]  # the very same pixels


def test_combinations_are_kept_replayed_and_shown(corners, capsys):
    corners.configure(
        DISCOVERED,
        "[tool.failcond.combinations]\nsamples = 4\ndimensions = 6\n",
    )
    assert main(["discover", "--per-search", "2"]) == 0
    corpus = Corpus.read(corners.path / "kept")
    combined = [entry for entry in corpus.entries if entry.search is not None]
    assert {entry.search for entry in combined} == {"combination:0", "combination:1"}
    assert max(Counter(entry.search for entry in combined).values()) == 2
    for entry in combined:
        assert entry.id.startswith(f"{entry.class_name}-combination-{entry.sample}")
        assert entry.shift == pytest.approx(min(entry.broke_at + 0.5, 8), abs=1e-3)
        assert entry.predicted != entry.class_name
    result = corners.run("-k", "test_corpus", "--failcond-json=run.json")
    assert result.parseoutcomes()["xfailed"] == len(corpus.entries)
    origins = {entry["id"]: entry["origin"] for entry in run_of(corners)["corpus"]["entries"]}
    assert origins == {entry.id: entry.origin for entry in corpus.entries}
    capsys.readouterr()
    for entry in (combined[0], corpus.entries[0]):
        assert main(["show", f"corpus:{entry.id}", "--out", "again.png"]) == 0
        said = capsys.readouterr().out
        assert entry.origin in said
        assert said.count(f"sample {entry.sample}") == 1
        assert f"= {entry.p:.3f}\n" in said
        assert "note" not in said
        made = np.asarray(Image.open("again.png"))[::32, ::32]
        assert np.array_equal(made, np.asarray(Image.open(corpus.file(entry.id))))
    tiny_generator(image_channels=3).save(corners.path / "tiny.safetensors")
    assert main(["show", f"corpus:{combined[0].id}"]) == 2
    assert "give the generator's file with --generator" in capsys.readouterr().err
    assert main(["show", "corpus:circle-combination"]) == 2
    assert "has no entry 'circle-combination'; did you mean" in capsys.readouterr().err
    assert main(["show", f"corpus:{combined[0].id}", "--sample", "1"]) == 2
    assert "--sample has no effect here" in capsys.readouterr().err


def test_discovering_again_keeps_what_is_there(corners, capsys):
    main(["discover"])
    folder = corners.path / "kept"
    first, second, *_ = Corpus.read(folder).ids
    assert main(["discover", "--fixed", first]) == 0
    assert main(["discover", "--remove", second]) == 0
    assert not (folder / f"{second}.png").exists()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    capsys.readouterr()
    assert main(["discover"]) == 0
    said = capsys.readouterr().out
    assert "found nothing new" in said
    assert "1 left out: removed from the corpus before" in said
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert main(["discover", "--open", first]) == 0
    assert {e.status for e in Corpus.read(folder).entries} == {"open"}


def test_the_judge_has_a_say_in_what_is_kept(corners):
    import brightness

    def found(limit):
        judge = Classifier(brightness.Brightness(limit, 1e4).eval(), name="judge")
        laboratory = Laboratory(settings, classifier, None, generator, Acceptance.of(judge))
        return Alone(laboratory).discover(0, Wanted(per_direction=8))

    settings = Settings(corner_cases={"samples": 16})
    generator = tiny_generator()
    classifier = Classifier(brightness.load_classifier())
    agrees, tolerant, blind = found(0.3699), found(0.375), found(9.0)
    assert agrees.cases == []  # what the classifier has wrong, this judge has wrong as well
    assert tolerant.dropped[JUDGE_LOST] > 0
    assert blind.dropped[JUDGE_LOST] == 0
    assert {case.judged for case in (*tolerant.cases, *blind.cases)} == {0}
    assert 0 < len(tolerant.cases) < len(blind.cases)


def test_interrupted_it_leaves_the_older_corpus(corners, monkeypatch, capsys):
    main(["discover", "--classes", "circle"])
    folder = corners.path / "kept"
    corpus = Corpus.read(folder)
    assert {entry.class_name for entry in corpus.entries} == {"circle"}
    Corpus(folder, corpus.entries[:1]).save({})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def interrupt(path, content):
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_failcond.probes.corpus.folder.write_atomically", interrupt)
    assert main(["discover"]) == 130
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("option", ["--fixed", "--open", "--remove"])
def test_an_unknown_id_gives_the_nearest(corners, capsys, option):
    add_corpus(corners)
    assert main(["discover", "--out", "corpus", option, "a-1-up-1"]) == 2
    assert "has no entry 'a-1-up-1'; did you mean 'a-1-up-0'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--classes", "circel"], "--classes: there is no class 'circel'; did you mean 'circle'?"),
        (["--classes", "star", "--fixed", "a"], "--classes: marking or removing a does not search"),
    ],
)
def test_classes_that_are_not_searched_are_refused(corners, capsys, options, sentence):
    assert main(["discover", *options]) == 2
    assert sentence in capsys.readouterr().err


def test_without_a_generator_there_is_nothing_to_discover(replayed, monkeypatch, capsys):
    monkeypatch.chdir(replayed.path)
    assert main(["discover"]) == 2
    assert "generator: none is configured" in capsys.readouterr().err


class Full:
    """Fills the disk when a test of the user's own begins."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        def fsync(handle):
            raise OSError(28, "No space left on device")

        if item.name == "test_mine":
            self._monkeypatch.setattr(os, "fsync", fsync)


def test_a_full_disk_is_said_in_one_sentence(replayed, monkeypatch):
    replayed.write(
        "test_mine.py", "def test_mine(failcond):\n    failcond.check_corpus('a-1-up-0')\n"
    )
    result = replayed.pytester.runpytest_inprocess("test_mine.py", plugins=[Full(monkeypatch)])
    assert result.ret == 1
    result.stdout.fnmatch_lines(["corpus: *No space left on device*"])
    assert "session.py" not in result.stdout.str()  # no traceback

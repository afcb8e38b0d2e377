"""``failcond judge``: from the command line to the file."""

import re
import signal
import sys
from pathlib import Path

import pytest
import torch

from pytest_failcond import cli
from pytest_failcond.judges.file import load_judges, read_judges
from pytest_failcond.storage.tensors import read_header
from pytest_failcond.training.judges.trainer import JudgeTrainer
from tests.unit.tiny import folder_of_stripes

MINE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from torch import nn
from pytest_failcond import LabeledImages
from tiny import stripes

def images():
    return stripes(120)

def more():
    return stripes(123)

def colour():
    return stripes(120, side=9, channels=3)

def large():
    return stripes(66, side=72, channels=3)

def few():
    return stripes(30)

def one():
    return stripes(60, classes=1)

def nothing():
    return None

def backbone():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 9, stride=8), nn.ReLU())

class Odd(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.make = make
    def forward(self, images):
        return self.make(images)

def raising():
    return Odd(lambda images: 1 / 0)

def a_pair():
    return Odd(lambda images: (images, images))

def one_row():
    return Odd(lambda images: images[:1].flatten(1))

def infinite():
    return Odd(lambda images: images.flatten(1) / 0)
"""
SMALL = ["--images=mine:images", "--batch=16", "--epochs=0.4", "--threads=1"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty project with a module of its own, small reports, and the process as it was afterwards."""
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr("pytest_failcond.training.judges.quality.NAMES", ("contrast",))
    threads = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(threads)
    sys.modules.pop("mine", None)


def judge(*arguments):
    return cli.main(["judge", "j.safetensors", *SMALL, *arguments])


def test_a_training_ends_with_its_report_in_the_file(here, capsys):
    assert judge() == 0
    out, err = capsys.readouterr()
    assert "Starts a training of j.safetensors." in err
    assert "are in j.safetensors.training" in err
    assert "Measuring the judges on the held-out images." in err
    assert out.startswith("Wrote j.safetensors: 2 acceptors and 1 guide.\n")
    assert out.endswith('\nNext: set judge = "j.safetensors" in [tool.failcond].\n')
    for words in ("12 held-out images, accepted at p ≥ 0.8", "calibration error", "contrast"):
        assert words in out
    assert out.count(" *") >= 21  # each family was learned from by one kind
    loaded = load_judges(here / "j.safetensors")
    assert (len(loaded.acceptors), len(loaded.guides)) == (2, 1)
    training = loaded.header.training
    assert training["taught"] == {"acceptors": 54, "guides": 54}
    assert training["held_out"] == 12
    clean = training["quality"]["kinds"]["acceptor"]["clean_accepted"]
    assert clean["total"] == 12
    advice = f"accept only {clean['found'] / 12:.3f} of the held-out clean images"
    assert (advice in out) == (clean["found"] / 12 < 0.95)
    assert (here / "j.safetensors.training" / "examples.png").is_file()
    # Nothing that changes from one machine or hour to the next is in it.
    first = (here / "j.safetensors").read_bytes()
    assert cli.main(["judge", "again.safetensors", *SMALL]) == 0
    assert (here / "again.safetensors").read_bytes() == first

    capsys.readouterr()
    assert judge() == 0  # there is nothing left to train; the report is made again
    assert "Continues a training" in capsys.readouterr().err
    assert (here / "j.safetensors").read_bytes() == first


def test_images_may_be_a_folder_in_the_order_of_the_classes(here):
    folder_of_stripes(here / "train", 120, ("9", "10", "11"))
    assert judge("--images=train") == 2  # by text and by number, the orders differ
    assert judge("--images=train", "--classes=9,10,11") == 0
    assert cli.main(["judge", "same.safetensors", *SMALL]) == 0
    assert (here / "j.safetensors").stat().st_size == (here / "same.safetensors").stat().st_size


def test_colour_more_judges_and_another_level(here, capsys):
    assert judge("--images=mine:colour", "--acceptors=3", "--guides=2", "--least-p=0.5") == 0
    assert "3 acceptors and 2 guides" in capsys.readouterr().out
    loaded = load_judges(here / "j.safetensors")
    assert (len(loaded.acceptors), len(loaded.guides)) == (3, 2)
    assert loaded.header.config.image == [9, 9, 3]
    assert loaded.header.training["quality"]["least_p"] == 0.5
    assert loaded.acceptors[2](torch.rand(2, 3, 9, 9)).shape == (2, 4)


def test_large_images_have_heads_on_a_backbone(here, capsys):
    assert judge("--images=mine:large", "--features=mine:backbone", "--batch=8") == 0
    out = capsys.readouterr().out
    assert "loading them needs it" in out
    header = read_judges(here / "j.safetensors")
    assert (header.config.features, header.config.features_width) == ("mine:backbone", 5)
    loaded = load_judges(here / "j.safetensors")
    images = torch.rand(2, 3, 72, 72)
    assert loaded.acceptors[0](images).shape == (2, 4)
    heads = [name for name in header.config.all_shapes if "acceptor-1" in name]
    assert sorted(name.split(".")[1] for name in heads) == ["hidden", "hidden", "last", "last"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images=mine"], "--images: 'mine' is not of the form module:callable"),
        (["--images=yours:images"], "--images: there is no module 'yours'"),
        (["--images=mine:nothing"], "'mine:nothing' returned NoneType; it must return a"),
        (["--images=mine:few"], "class 0 has 10 different images; judges need 20"),
        (["--images=mine:one"], "all images are of one class"),
        (
            ["--images=mine:large"],
            "trained from scratch up to 64 px; name a backbone with --features",
        ),
        (["--features=mine:nothing"], "must return a torch Module"),
        (["--images=mine:large", "--features=mine:raising"], "ZeroDivisionError"),
        (
            ["--images=mine:large", "--features=mine:a_pair"],
            "it must give features, a tensor [N, D]",
        ),
        (
            ["--images=mine:large", "--features=mine:one_row"],
            "it must give features, a tensor [N, D]",
        ),
        (["--images=mine:large", "--features=mine:infinite"], "features that are not finite"),
        (["--least-p=1"], "--least-p: 1 must lie between 0 and 1"),
        (["--floor=1.5"], "floor 1.5 must lie between 0 and 1"),
        (["--batch=2"], "batch 2 must be 4 or more"),
        (["--device=tpu9"], "device 'tpu9' is unknown"),
        (["--device=cuda"], "device 'cuda' is not available here; use --device=cpu"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_one_sentence(here, capsys, monkeypatch, arguments, message):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert judge(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("failcond judge: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert captured.out == ""
    assert not list(here.glob("j.safetensors*"))


@pytest.mark.parametrize(
    "argument",
    ["--epochs=0", "--minutes=-1", "--acceptors=0", "--guides=17", "--floor=0", "--seed=-1"],
)
def test_usage_errors_are_argparses(here, capsys, argument):
    with pytest.raises(SystemExit) as caught:
        judge(argument)
    assert caught.value.code == 2
    assert "failcond judge: error: argument" in capsys.readouterr().err


def test_an_output_that_is_no_place_is_refused_before_anything(here, capsys):
    assert cli.main(["judge", "j.pt", *SMALL]) == 2
    assert "OUTPUT: j.pt must end in .safetensors" in capsys.readouterr().err
    (here / "j.safetensors").mkdir()
    assert judge() == 2
    assert "OUTPUT: j.safetensors" in capsys.readouterr().err


def test_other_settings_than_the_states_are_refused(here, capsys):
    assert judge() == 0
    kept = (here / "j.safetensors").read_bytes()
    for argument in ("--seed=1", "--images=mine:more", "--epochs=2", "--floor=0.5"):
        assert judge(argument) == 2
        assert "was started with other settings" in capsys.readouterr().err
    state = here / "j.safetensors.training" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-9])
    assert judge() == 2
    assert "truncated" in capsys.readouterr().err
    assert (here / "j.safetensors").read_bytes() == kept


def test_time_ends_a_training(here, capsys):
    assert judge("--epochs=1000", "--minutes=0.01") == 0
    assert "Wrote j.safetensors" in capsys.readouterr().out
    assert 0 < read_judges(here / "j.safetensors").training["steps"] < 1000


def test_ctrl_c_leaves_a_state_to_continue_from(here, capsys, monkeypatch):
    advance = JudgeTrainer.advance

    def interrupted(trainer):
        if trainer.step == 3:
            signal.raise_signal(signal.SIGINT)
        return advance(trainer)

    monkeypatch.setattr(JudgeTrainer, "advance", interrupted)
    assert judge("--epochs=2") == 130
    err = capsys.readouterr().err
    assert err.endswith("failcond judge: interrupted\n")
    assert re.search(
        r"Stopped at [1-9]\d%; all is saved\. j\.safetensors is written at the end", err
    )
    assert not (here / "j.safetensors").exists()
    state = here / "j.safetensors.training" / "state.safetensors"
    assert '"step": 4' in read_header(state).metadata["progress"]
    monkeypatch.setattr(JudgeTrainer, "advance", advance)
    assert judge("--epochs=2") == 0
    assert "Continues a training" in capsys.readouterr().err
    assert cli.main(["judge", "at-once.safetensors", *SMALL, "--epochs=2"]) == 0
    whole = (here / "at-once.safetensors").read_bytes()
    assert (here / "j.safetensors").read_bytes() == whole

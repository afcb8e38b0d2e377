"""``failcond train`` and ``failcond quality``: from the command line to the file."""

import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from packs import write_pack

from pytest_failcond import cli
from pytest_failcond.commands.arguments import count
from pytest_failcond.commands.train import default_channels, make_trainer
from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.checkpoint import read_config
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.storage.tensors import read_header
from pytest_failcond.training import fidelity
from pytest_failcond.training.data import CorruptionMix
from pytest_failcond.training.recipe import Recipe
from tests.nursery import Child
from tests.unit.tiny import folder_of_stripes

ROOT = Path(__file__).parents[2]
MINE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from torch import nn
from tiny import stripes

def images():
    return stripes(60)

def digits():
    return stripes(60, side=28, classes=10)

def test_images():
    return stripes(60, seed=1)

def judge():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 3)).eval()

def nothing():
    return None
"""
SMALL = [
    *("--images", "mine:images", "--batch=8", "--channels=6,5", "--threads=1", "--float32"),
    "--budget-images=8",  # unless a later one says otherwise
]
WITNESSES = ["--test-images", "mine:test_images", "--judge", "mine:judge"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty project with a module of its own, and the process as it was afterwards."""
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(fidelity, "_PROBE_STEPS", 20)
    threads = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(threads)
    sys.modules.pop("mine", None)


def options(*arguments):
    return cli._parser().parse_args(
        ["train", "g.safetensors", "--images", "mine:images", *arguments]
    )


def in_a_process(*arguments, **kwargs):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest_failcond.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **kwargs,
    )


def test_every_command_has_arguments_and_a_run():
    for name in cli.COMMANDS:
        module = import_module(f"pytest_failcond.commands.{name}")
        assert callable(module.add_arguments)
        assert callable(module.run)
        first = module.__doc__.splitlines()[0]
        assert first.endswith((".", "?")), (
            f"the list of commands shows only this of {name}: {first}"
        )


def test_help_is_quick():
    code = (
        "import sys, contextlib\nfrom pytest_failcond.cli import main\n"
        "for line in (['--help'], ['train', '--help'], ['quality', '--help']):\n"
        "    with contextlib.suppress(SystemExit): main(line)\n"
        "    assert not {'torch', 'numpy', 'rich', 'pytest'} & set(sys.modules), line"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.count("usage: failcond") == 3


def test_the_defaults_are_the_examples_recipe(here):
    sys.path.insert(0, str(here))
    digits = import_module("mine").digits()
    trainer = make_trainer(options(), digits)
    assert trainer.recipe == Recipe()
    assert trainer.mix == CorruptionMix()
    assert trainer.config.classes == tuple("0123456789")
    assert trainer.config.resolution == 32
    assert trainer.config.image_size == (28, 28)
    assert trainer.config.channels == (64, 64, 32, 16)
    assert options().budget_images == 1_500_000


def test_the_options_reach_the_trainer(here):
    sys.path.insert(0, str(here))
    images = import_module("mine").images()
    trainer = make_trainer(
        options(
            *("--classes=circle,square,star", "--resolution=16", "--channels=4,3,2", "--batch=16"),
            *("--learning-rate=0.001", "--r1-gamma=0.5", "--path-weight=2", "--seed=7"),
            *("--adaptive-augmentation", "--float32", "--corruptions=contrast,jpeg_compression"),
            *("--severities=2,5", "--probability=0.25"),
        ),
        images,
    )
    assert trainer.config.classes == ("circle", "square", "star")
    assert trainer.config.resolution == 16
    assert trainer.config.channels == (4, 3, 2)
    assert trainer.recipe == Recipe(
        batch=16,
        learning_rate=0.001,
        r1_gamma=0.5,
        path_weight=2.0,
        adaptive_augmentation=True,
        bf16=False,
        seed=7,
    )
    assert trainer.mix == CorruptionMix(("contrast", "jpeg_compression"), (2, 5), 0.25)
    assert make_trainer(options("--no-corruptions"), images).mix.corruptions == ()


def test_numbers_of_images_and_channels():
    assert [count(text) for text in ("64", "600k", "1.5M", "1_000", "2m")] == [
        *(64, 600_000, 1_500_000, 1000, 2_000_000)
    ]
    assert default_channels(8) == (64, 64)
    assert default_channels(64) == (64, 64, 32, 16, 8)
    assert default_channels(256) == (64, 64, 32, 16, 8, 8, 8)


def test_a_training_ends_with_its_quality_in_the_file(here, capsys):
    command = ["train", "g.safetensors", *SMALL, *WITNESSES, "--budget-images=40", "--severities=1"]
    assert cli.main(command) == 0
    out, err = capsys.readouterr()
    assert "Starts a training of g.safetensors." in err
    assert "state to continue from lie in g.safetensors.training" in err
    assert "Ctrl-C saves and stops" in err
    assert out.startswith("Wrote g.safetensors after 40 images.\n")
    assert "| judge's accuracy (real: test images)" in out
    assert out.endswith('\nNext: set generator = "g.safetensors" in [tool.failcond].\n')
    assert "trying out" not in out
    config, training = read_config(here / "g.safetensors")
    assert config.classes == ("0", "1", "2")
    assert training["images"] == 40
    assert training["quality"]["images_per_class"] == [20, 20, 20]
    assert sorted(training["fitness"]["classes"]) == ["fitness:0", "fitness:1", "fitness:2"]
    assert training["fitness"]["of"]["least_p"] == 0.8
    assert {f.suffix for f in (here / "g.safetensors.training").iterdir()} >= {
        ".png",
        ".safetensors",
    }

    table = out[out.index("| 60 images of each kind") : out.index("Next: ")]
    quality = ["quality", "g.safetensors", "--images", "mine:images", *WITNESSES, "--threads=1"]
    assert cli.main(quality) == 0
    assert table in capsys.readouterr().out  # the same samples, corrupted as the file says
    assert cli.main([*quality, "--no-corruptions", "--save"]) == 0
    assert table not in capsys.readouterr().out
    assert read_config(here / "g.safetensors")[1]["quality"] != training["quality"]

    write_pack(here / "judges.safetensors")
    assert cli.main([*quality[:-2], "judges.safetensors", "--threads=1"]) == 0
    assert "| judge's accuracy (real: test images)" in capsys.readouterr().out

    assert cli.main([*command[:-2], "--severities=1", "--budget-images=56"]) == 0
    assert "Continues a training" in capsys.readouterr().err
    assert read_config(here / "g.safetensors")[1]["images"] == 56


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images=mine"], "--images: 'mine' is not of the form module:callable"),
        (["--images=yours:images"], "--images: there is no module 'yours'"),
        (["--images=mine:image"], "--images: 'mine:image': there is no 'image' in mine; did you"),
        (["--images=mine:nothing"], "'mine:nothing' returned NoneType; it must return a"),
        (["--judge=mine:judge"], "--test-images and --judge go together"),
        (["--judge=mine:images", "--test-images=mine:images"], "must return a torch Module"),
        (["--classes=a,b"], "classes: 2 names, but the labels are 0 to 2"),
        (["--classes=a,b,c,d"], "classes: 4 names"),
        (["--channels=6"], "a 8 px generator has 2 blocks"),
        (["--resolution=12"], "power of two"),
        (["--corruptions=gausian_blur"], "did you mean 'gaussian_blur'?"),
        (["--severities=0,1"], "severity 0"),
        (["--probability=2"], "probability 2.0 is outside 0 to 1"),
        (["--no-corruptions", "--severities=1"], "leave out --severities"),
        (["--device=gpu"], "device 'gpu' is unknown; use cpu, cuda or mps"),
        (["--r1-gamma=-1"], "r1_gamma -1.0 must be 0 or more"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_one_sentence(here, capsys, arguments, message):
    assert cli.main(["train", "g.safetensors", *SMALL, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("failcond train: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert captured.out == ""
    assert not (here / "g.safetensors.training").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--budget-images=none"],
        ["--minutes=0"],
        ["--batch=0"],
        ["--channels=a"],
        ["--classes=a,b,b"],
        ["--corruptions=contrast", "--no-corruptions"],
    ],
    ids=lambda value: value[0],
)
def test_usage_errors_are_argparses(here, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(["train", "g.safetensors", *SMALL, *arguments])
    assert caught.value.code == 2
    assert "failcond train: error: argument" in capsys.readouterr().err


def test_a_training_that_its_minutes_ended_is_for_trying_out(here, capsys):
    assert cli.main(["train", "g.safetensors", *SMALL, "--budget-images=9M", "--minutes=1e-9"]) == 0
    out = capsys.readouterr().out
    assert "--minutes ended the training at 8 of 9,000,000 images" in out
    assert "good for trying out only" in out
    assert out.endswith('\nNext: set generator = "g.safetensors" in [tool.failcond].\n')


def test_images_may_be_folders_whose_names_are_the_classes(here, capsys):
    for name, seed in (("train", 0), ("test", 1)):
        folder_of_stripes(here / name, 60, ("low", "mid", "top"), seed)
    named = ["--images=train", "--test-images=test", "--judge=mine:judge"]
    assert cli.main(["train", "g.safetensors", *SMALL, *named]) == 0
    assert read_config(here / "g.safetensors")[0].classes == ("low", "mid", "top")
    out = capsys.readouterr().out
    table = out[out.index("| 60 images of each kind") : out.index("Next: ")]
    assert cli.main(["quality", "g.safetensors", *named, "--threads=1"]) == 0
    assert table in capsys.readouterr().out
    assert (
        cli.main(["train", "h.safetensors", *SMALL, "--images=train", "--classes=a,mid,top"]) == 2
    )
    assert "and --classes differ: no folder for 'a'; no class for 'low'" in capsys.readouterr().err


def test_other_settings_than_the_states_are_refused(here, capsys):
    assert cli.main(["train", "g.safetensors", *SMALL]) == 0
    assert cli.main(["train", "g.safetensors", *SMALL, "--seed=1"]) == 2
    assert "was started with other settings" in capsys.readouterr().err
    assert cli.main(["quality", "none", "--images", "mine:images", *WITNESSES, "--threads=1"]) == 2
    assert capsys.readouterr().err.startswith("failcond quality: none: cannot be read")


def test_no_traceback_reaches_the_user(here):
    """In a process; a command that loads no torch, for those that do end in the same `main`."""
    process = in_a_process("baseline", "none.json", "--out=b.json", cwd=here)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("failcond baseline: none.json: ")
    assert "Traceback" not in err


def test_ctrl_c_leaves_a_valid_generator_and_a_state_to_continue_from(here, capsys, nursery):
    command = ["train", "g.safetensors", *SMALL, "--budget-images=1000M"]
    process = Child(nursery, ["-m", "pytest_failcond.cli", *command], here, {**os.environ})
    process.communicate(until="images/s")
    os.kill(process.pid, signal.SIGINT)
    err = process.communicate()
    assert process.returncode == 130
    assert err.endswith("failcond train: interrupted\n")
    assert "all is saved" in err
    state = here / "g.safetensors.training" / "state.safetensors"
    seen = Generator.load(here / "g.safetensors").training["images"]
    assert seen == 8 * int(read_header(state).metadata["step"]) > 0

    assert cli.main(["train", "g.safetensors", *SMALL, f"--budget-images={seen + 16}"]) == 0
    assert "Continues" in capsys.readouterr().err
    assert read_config(here / "g.safetensors")[1]["images"] == seen + 16


def test_the_example_asks_for_mnist(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "example_project")
    load = import_module("training.images").load_training_images
    monkeypatch.delenv("MNIST", raising=False)
    with pytest.raises(FailcondError, match="environment variable MNIST is not set"):
        load()
    monkeypatch.setenv("MNIST", str(tmp_path))
    with pytest.raises(FailcondError, match=r"train-images-idx3-ubyte\.gz cannot be read"):
        load()

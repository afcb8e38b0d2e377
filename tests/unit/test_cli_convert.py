"""``failcond convert``: from a checkpoint to a configured generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from pytest_failcond import cli
from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.checkpoint import read_config
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.storage.files import hash_file
from tests.unit.foreign_generators import latents, make, modules, pickled, saved
from tests.unit.tiny import tiny_generator

MADE = make()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two checkpoints, and the process in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "network.pkl").write_bytes(pickled({"G_ema": modules(MADE), "D": None}))
    (tmp_path / "plain.pth").write_bytes(saved({"state_dict": make(classes=0, image=1).state}))
    return tmp_path


def test_a_checkpoint_becomes_a_generator_file(here, capsys):
    options = ["--classes=a,b,c", "--sample=some.png"]
    assert cli.main(["convert", "network.pkl", "models/g.safetensors", *options]) == 0
    out, err = capsys.readouterr()
    assert err == "Reads network.pkl; no code of it runs.\nDraws the sample.\n"
    assert [[line[2:18].strip(), line[18:]] for line in out.splitlines()[:5]] == [
        ["read", "a generator of NVIDIA's StyleGAN2 in PyTorch"],
        ["images", "16 x 16 px, RGB"],
        ["classes", "3: a, b, c"],
        ["z and w", "6 and 7 wide; 2 layers of the mapping network"],
        ["channels", "5, 4, 3, from 4 px up"],
    ]
    assert "truncation      towards the mean w of each class\n" in out
    assert out.endswith(
        "Wrote models/g.safetensors.\nWrote some.png.\n"
        'Next: set generator = "models/g.safetensors" in [tool.failcond].\n'
    )
    generator = Generator.load("models/g.safetensors")
    assert generator.classes == ("a", "b", "c")
    z, labels = latents(MADE)
    with torch.no_grad():
        found = generator.render(
            generator.network.synthesis.styles(generator.network.mapping(z, labels))
        )
    expected = ((MADE.draw(z, labels) + 1) / 2).clamp(0, 1)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=0)
    origin = read_config("models/g.safetensors")[1]["converted"]
    assert (origin["file"], origin["hash"]) == ("network.pkl", hash_file("network.pkl"))
    picture = np.array(Image.open("some.png"))
    assert picture.shape == (4 * 16, 3 * 16, 3)
    assert picture.std() > 5


def test_one_without_classes_is_told_and_drawn(here, capsys):
    assert cli.main(["convert", "plain.pth", "g.safetensors", "--sample=some.png"]) == 0
    out = capsys.readouterr().out
    assert "classes         none: unconditional\n" in out
    assert "truncation      towards the mean w of the file, mapping.w_avg\n" in out
    assert "Note: the file cannot tell whether the outputs of layers are clamped" in out
    assert out.endswith(
        "It has no classes: name them in the configuration, and a judge that gives its images theirs.\n"
    )
    assert np.array(Image.open("some.png")).shape == (4 * 16, 8 * 16)
    assert Generator.load("g.safetensors").classes == ()


def test_the_same_checkpoint_gives_the_same_file(here, capsys):
    torch.manual_seed(5)
    for name in ("one.safetensors", "two.safetensors"):
        assert cli.main(["convert", "network.pkl", name]) == 0
    assert hash_file("one.safetensors") == hash_file("two.safetensors")


REFUSED = {
    "no suffix": (["network.pkl", "g.pt"], "OUT: g.pt must end in .safetensors"),
    "no input": (["other.pkl", "g.safetensors"], "other.pkl: it cannot be read (No such file"),
    "over its input": (
        ["old.safetensors", "old.safetensors"],
        "OUT: old.safetensors is IN, which is an input",
    ),
    "an old file": (
        ["network.pkl", "old.safetensors"],
        "OUT: old.safetensors exists; choose another name, or add --overwrite",
    ),
    "an old picture": (
        ["network.pkl", "g.safetensors", "--sample=old.png"],
        "--sample: old.png exists; choose another name, or add --overwrite",
    ),
    "the picture in place of the file": (
        ["network.pkl", "g.safetensors", "--sample=g.safetensors"],
        "OUT: g.safetensors is --sample, which is an output too",
    ),
    "other classes": (
        ["network.pkl", "g.safetensors", "--classes=a,b"],
        "network.pkl: --classes names 2, but the generator has 3 classes",
    ),
    "a clamp that the file tells": (
        ["network.pkl", "g.safetensors", "--clamp=256"],
        "network.pkl: it says itself that it has no clamp; leave out --clamp",
    ),
    "a generator of ours": (["g0.safetensors", "g.safetensors"], "g0.safetensors: it is "),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_refusal_is_one_sentence_and_writes_nothing(why, here, capsys):
    (here / "old.safetensors").write_bytes(b"old")
    (here / "old.png").write_bytes(b"old")
    tiny_generator().save(here / "g0.safetensors")
    before = {path: path.read_bytes() for path in here.iterdir()}
    arguments, words = REFUSED[why]
    assert cli.main(["convert", *arguments]) == 2
    out, err = capsys.readouterr()
    assert err.splitlines()[-1].startswith(f"failcond convert: {words}")
    assert out == ""
    assert {path: path.read_bytes() for path in here.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--classes", "a,b,a"], "argument --classes: 'a' occurs twice; give each name once, like a,b,c"),
        (["--classes=a,,b"], "argument --classes: a name is empty; give each name once, like a,b,c"),
        (["--classes", "a", "b", "c"], "unrecognized arguments: b c; a list is one argument, with commas "
         "and no spaces, like a,b,c"),
        (["--class=a", "--many"], "unrecognized arguments: --many"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_shows_the_usage_of_the_command(here, capsys, options, words):
    with pytest.raises(SystemExit):
        cli.main(["convert", "network.pkl", "g.safetensors", *options])
    err = capsys.readouterr().err
    assert err.startswith("usage: failcond convert [-h] [--classes A,B,C]")
    assert err.endswith(f"failcond convert: error: {words}\n")


def test_an_old_file_is_replaced_if_that_is_asked_for(here, capsys):
    (here / "g.safetensors").write_bytes(b"old")
    assert cli.main(["convert", "network.pkl", "g.safetensors", "--overwrite"]) == 0
    assert Generator.load("g.safetensors").classes == ("0", "1", "2")


@pytest.mark.parametrize("name", ["network.pkl", "my net.pth"])
def test_a_checkpoint_in_place_of_a_generator_names_the_command(name, here):
    (here / name).write_bytes((here / "network.pkl").read_bytes())
    with pytest.raises(FailcondError) as caught:
        read_config(here / name)
    quoted = f"'{here / name}'" if " " in name else str(here / name)
    target = quoted.replace(".pkl", ".safetensors").replace(".pth", ".safetensors")
    assert str(caught.value).endswith(f"once: `failcond convert {quoted} {target}`")


def test_quality_of_one_without_classes_is_refused(here, capsys):
    assert cli.main(["convert", "plain.pth", "g.safetensors"]) == 0
    rest = ["--images=x:y", "--test-images=x:y", "--judge=x:y"]
    assert cli.main(["quality", "g.safetensors", *rest]) == 2
    assert "g.safetensors has no classes, and quality is measured" in capsys.readouterr().err

"""Sessions on generators of other programs: of another size, without classes, or not converted yet."""

import json

import pytest
import torch

from pytest_failcond.cli import main
from pytest_failcond.generators.fitted import Fit
from pytest_failcond.storage.files import hash_file
from tests.unit.tiny import tiny_generator

MINE = """
import torch
from torch import nn
from tests.unit.tiny import stripes

def images():
    return stripes(60)

def other():
    import torchy
    model = torchy.load_classifier()
    model.out.weight.data = -model.out.weight.data.roll(1, 0)
    return model

class Terciles(nn.Module):
    \"\"\"Takes dark images for circles, bright ones for stars, and never doubts it.\"\"\"
    def __init__(self):
        super().__init__()
        self.ends = nn.Parameter(torch.tensor({ends}))

    def forward(self, images):
        level = images.mean(dim=(1, 2, 3))
        dark, bright = self.ends[0] - level, level - self.ends[1]
        return 1e6 * torch.stack([dark, -torch.maximum(dark, bright), bright], dim=1)

def judge():
    return Terciles().eval()
"""
TABLES = """
[tool.failcond]
classifier = "torchy:load_classifier"
images = "eight:images"
judge = "eight:judge"
classes = ["circle", "square", "star"]
[tool.failcond.generator]
file = "any.safetensors"
[tool.failcond.corner_cases]
top = 1
samples = 4
max_shift = 1.0
[tool.failcond.fitness]
real = 0.0
acceptance = 0.0
distance = 1e6
coverage = 0.0
"""


@pytest.fixture
def anything(project):
    """A project whose generator makes RGB images of 16 px and knows no classes."""
    shape = {"resolution": 16, "image_size": (16, 16), "channels": (6, 5, 4), "image_channels": 3}
    generator = tiny_generator(classes=(), **shape)
    generator.save(project.path / "any.safetensors")
    images = Fit(resize=(8, 8), channels=1).apply(generator.synthesize(generator.sample([0] * 200)))
    ends = images.mean(dim=(1, 2, 3)).quantile(torch.tensor([0.33, 0.67])).tolist()
    project.write("eight.py", MINE.replace("{ends}", str(ends)))
    project.configure(TABLES)
    return project


def test_its_images_are_made_like_the_test_images_and_get_classes_from_the_judge(anything):
    result = anything.run("--failcond-json=run.json")
    assert result.parseoutcomes()["passed"] >= 2, result.stdout.str()
    run = json.loads((anything.path / "run.json").read_text())
    assert len({direction["class"] for direction in run["directions"]}) >= 2
    done = "resized to 8 x 8 px and made gray, classes by rejection"
    assert run["subjects"]["generator"] == f"{hash_file(anything.path / 'any.safetensors')}, {done}"
    said = {
        r["what"]: r["text"] for r in run["environment"]["remarks"] if r["model"] == "generator"
    }
    assert "are resized to 8 x 8 px and made gray, to be like the test images" in said["fitted"]
    assert "the judge gave classes to 100% of 512 images (circle " in said["rejected"]
    result.stdout.fnmatch_lines(["generator: its images are resized *"])

    options = ["--failcond-classifier=eight:other", "--failcond-compare=run.json"]
    anything.run(*options, "--failcond-json=again.json")
    again = json.loads((anything.path / "again.json").read_text())
    compared = {entry["key"] for entry in again["comparison"]["directions"]}
    assert compared == {direction["key"] for direction in run["directions"]}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("any.safetensors", "net.pkl", "`failcond convert {0}/net.pkl {0}/net.safetensors`"),
        (
            'classes = ["circle", "square", "star"]',
            "",
            "any.safetensors has no classes; name them in the order of the judges' outputs, classes = [...] "
            "in [tool.failcond]\n",
        ),
        (
            'judge = "eight:judge"\nclasses = ["circle", "square", "star"]',
            "",
            'classes = [...] in [tool.failcond], and give judge = "…", which sees them in its images',
        ),
        (
            'judge = "eight:judge"\n',
            "",
            "any.safetensors has no classes, and without a judge its images get none; set judge = ",
        ),
        ("any.safetensors", "none.safetensors", "generator: there is no file {0}/none.safetensors"),
        ('file = "any.safetensors"', "crop = [8, 8]", "generator.file is missing: name the"),
    ],
)
def test_before_any_test_a_sentence_says_what_is_missing(anything, old, new, words):
    (anything.path / "net.pkl").write_bytes(b"\x80\x04.")
    anything.configure(TABLES.replace(old, new))
    result = anything.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str()
    assert words.format(anything.path) in message
    assert "Traceback" not in message


def test_a_fixture_may_give_the_judge(anything):
    anything.configure(TABLES.replace('judge = "eight:judge"\n', ""))
    fixture = "@pytest.fixture(scope='session')\ndef failcond_judge():\n    return None\n"
    anything.write("conftest.py", f"import pytest\n{fixture}")
    result = anything.run("-k", "corner_case and circle")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*it has no classes, and without a judge its images get none*"])


def test_commands_see_the_same_images(anything, monkeypatch, capsys):
    monkeypatch.chdir(anything.path)
    assert main(["explore", "--classes", "star", "--samples", "2", "--out", "page.html"]) == 0
    assert "wrote page.html: 1 direction," in capsys.readouterr().out
    assert main(["show", "direction:2:3:+", "--shift", "1", "--sample", "0"]) == 0
    assert "judge: 'star', p(star) = 1.000" in capsys.readouterr().out

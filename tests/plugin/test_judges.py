"""Judges in a session: one, several, packed in a file; what they may be, and what the run keeps of them."""

from __future__ import annotations

import json

import pytest

from pytest_failcond.cli import main
from tests.plugin.conftest import CORNERS, GRID
from tests.unit.packs import write_pack

JUDGES = '''
"""Judges of 8 px images: the classifier's labels, more and less sure, and one that says none of these."""
import numpy as np
import torch
from torch import nn
import torchy

class Judge(torchy.Rows):
    def __init__(self, scale, none):
        super().__init__()
        self.scale, self.none = scale, none

    def forward(self, images):
        logits = self.scale * super().forward(images)
        if self.none is None:
            return logits
        return torch.cat([logits, torch.full((len(logits), 1), self.none)], dim=1)

class Sharp(Judge):
    pass

class Wide(Judge):
    pass

def sharp(): return Sharp(1000.0, None).eval()
def soft(): return Judge(0.01, None).eval()
def with_none(): return Wide(1000.0, 0.0).eval()
def nothing(): return Wide(1000.0, 1e9).eval()
def several(): return [sharp(), with_none()]
def wide(): return lambda images: np.zeros((len(images), 7))
def absent(): return None
'''


@pytest.fixture
def judged(corners, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "judging", raising=False)
    corners.write("judging.py", JUDGES)
    return corners


def table(judges: str, base: str = CORNERS) -> str:
    return base.replace("[tool.failcond]\n", f"[tool.failcond]\n{judges}\n", 1)


def run_of(project, name="run.json"):
    return json.loads((project.path / name).read_text(encoding="utf-8"))


def walked(run):
    return {d["key"]: (d["accepted"], d["curve"], d["breaks"]) for d in run["directions"]}


def test_several_judges_by_any_way_are_the_same(judged):
    """By a list of names, by one name that returns several, and by the fixture."""
    found = []
    for how in ('judges = ["judging:sharp", "judging:with_none"]', 'judge = "judging:several"', ""):
        judged.configure(table(how))
        if not how:
            judged.write(
                "conftest.py",
                "import judging, pytest\n"
                "@pytest.fixture(scope='session')\ndef failcond_judge(): return judging.several()\n",
            )
        result = judged.run("--failcond-json=run.json", "-k", "star")
        assert result.parseoutcomes() == {"passed": 2, "deselected": 4}
        run = run_of(judged)
        subjects = run["subjects"]
        assert len(set(subjects["judges"])) == 2
        assert subjects["judge"].startswith("judges:")
        assert subjects["least_p"] == 0.8
        found.append((subjects, walked(run)))
    assert found[0] == found[1] == found[2]


def test_a_judge_that_is_not_sure_accepts_nothing_until_least_p_is_lowered(judged):
    judged.configure(table('judge = "judging:soft"'))
    result = judged.run("-k", "star")
    result.stdout.fnmatch_lines(
        ["*the judge accepts only 0 of 32 generated images of class 'star', and 8 are needed;*"]
    )
    judged.configure(table('judge = "judging:soft"'), "[tool.failcond.acceptance]\nleast_p = 0.1")
    assert judged.run("--failcond-json=run.json", "-k", "star").ret == 0
    assert run_of(judged)["subjects"]["least_p"] == 0.1
    soft = walked(run_of(judged))
    judged.configure(table('judge = "judging:sharp"'))
    assert judged.run("--failcond-json=run.json", "-k", "star").ret == 0
    assert walked(run_of(judged)) == soft  # the same labels


def test_none_of_these_is_accepted_as_no_class(judged):
    judged.configure(table('judges = ["judging:sharp", "judging:nothing"]'))
    result = judged.run("-k", "star")
    result.stdout.fnmatch_lines(["*the judges accept only 0 of 32 generated images of class*"])


def test_an_image_says_what_each_judge_takes_it_for(judged):
    judged.configure(table('judges = ["judging:sharp", "judging:with_none"]'))
    judged.write(
        "test_robustness.py",
        "from pytest_failcond.strategies import Case\n"
        "def test_it(failcond):\n"
        "    images = [failcond.image(Case(2, 1, steps, 1)) for steps in (0, 40)]\n"
        "    for image in images:\n"
        "        sharp, wide = image.judges\n"
        "        assert sharp == failcond.classes[image.predicted]\n"
        "        assert wide in (*failcond.classes, 'none of these')\n"
        "        assert image.accepted == (sharp == wide == 'star')\n"
        "    assert images[0].accepted\n",
    )
    assert judged.run().ret == 0


def test_packed_judges_are_named_by_their_file(judged):
    """Their weights are random, so that they accept nothing: but they are asked."""
    write_pack(judged.path / "models" / "judge.safetensors")
    judged.configure(table('judge = "models/judge.safetensors"'))
    result = judged.run("-k", "star")
    result.stdout.fnmatch_lines(["*the judges accept only * generated images of class 'star'*"])


@pytest.mark.parametrize(
    ("judges", "sentence"),
    [
        ('judge = "judging:wide"', "the judge has 7 outputs, but the classifier has 3 classes: give a "
         "judge of 3 outputs, or of 4, the last for none of these"),
        ('judges = ["judging:sharp", "judging:wide"]', "judge 2 has 7 outputs, but the classifier*"),
        ('judges = ["judging:sharp", "judging:absent"]',
         "judges = 'judging:absent' returned None; it must return a judge"),
        ('judge = "torchy:load_classifier"', "the judge is the classifier under test, by "
         "its weights and by the label of each of 255 images*"),
        ('judges = ["judging:sharp", "torchy:load_classifier"]', "judge 2 is the classifier*"),
    ],
)  # fmt: skip
def test_what_cannot_judge_is_refused_in_a_sentence(judged, judges, sentence):
    judged.configure(table(judges))
    result = judged.run("-k", "star")
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*{sentence}*".replace("[", "?")])
    assert "Traceback" not in result.stdout.str()


def test_the_classifier_itself_is_refused_on_test_images(project):
    """Two of the same weights and code are one model; a callable is, if it is the same object."""
    project.write(
        "plain.py",
        "import numpy as np, torch\n"
        "from torch import nn\n"
        "def pooled():\n"
        "    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 3)).eval()\n"
        "def classify(images): return np.eye(3)[np.arange(len(images)) % 3]\n"
        "def same(): return classify\n",
    )
    for model in ("pooled", "same"):
        project.configure(
            GRID.replace("images =", f'judge = "plain:{model}"\nimages =').replace(
                '"mine:load_classifier"', f'"plain:{model}"'
            )
        )
        result = project.run()
        result.stdout.fnmatch_lines(["*the judge is the classifier under test, by its *"])
        assert result.ret == 1


def test_a_judge_that_reads_worse_is_noted_once_and_kept(project):
    project.write(
        "poor.py",
        "import numpy as np\n"
        "def load(): return lambda images: np.tile([9.0, 0.0, 0.0], (len(images), 1))\n",
    )
    project.configure(GRID.replace("images =", 'judge = "poor:load"\nimages ='))
    result = project.run("--failcond-json=run.json", "--failcond-strict")
    assert result.ret == 0
    told = " ".join(result.stdout.str().split())
    assert told.count("the judge reads 33.") == 1
    assert "train it longer (`failcond judge … --epochs N`)" in told
    (remark,) = run_of(project)["environment"]["remarks"]
    assert (remark["model"], remark["what"]) == ("judge", "worse")


def test_directions_are_not_compared_across_acceptance(judged):
    judged.configure(table('judge = "judging:sharp"'))
    assert judged.run("--failcond-json=old.json", "-k", "star").ret == 0
    judged.configure(table('judge = "judging:sharp"'), "[tool.failcond.acceptance]\nleast_p = 0.9")
    options = ("--failcond-json=run.json", "--failcond-compare=old.json", "-k", "star")
    assert judged.run(*options).ret == 0
    comparison = run_of(judged)["comparison"]
    assert comparison["directions"] == []
    assert comparison["remark"] == (
        "directions are not compared: another acceptance, least_p = 0.8 there and least_p = 0.9 here"
    )


def test_show_says_what_each_judge_takes_the_image_for(judged, capsys):
    judged.configure(table('judges = ["judging:sharp", "judging:nothing"]'))
    command = ["show", "direction:2:3:+", "--shift", "0.5", "--sample", "1", "--out", "it.png"]
    assert main(command) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said[1:4]] == ["classifier", "judge 1", "judge 2"]
    assert said[3].startswith("judge 2: 'none of these', p(star) = 0.000")
    assert said[4] == "not accepted, with least_p = 0.8"

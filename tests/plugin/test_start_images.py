"""Start images before they are moved, and truncation: gates, tests and what the run keeps."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pytest_failcond.cli import main
from pytest_failcond.errors import FailcondError
from pytest_failcond.images.image_files import read_pixels
from pytest_failcond.probes.direction.record import ClassRanking
from tests.plugin.conftest import CORNERS


@pytest.fixture
def biased(corners):
    """A classifier that takes every image for a star: of other classes, all are wrong unmoved."""
    corners.write(
        "biased.py",
        "import torch, torchy\n"
        "class Biased(torchy.Rows):\n"
        "    def forward(self, images):\n"
        "        return super().forward(images) + torch.tensor([0.0, 0.0, 99.0])\n"
        "def load(): return Biased().eval()\n",
    )
    return corners


def run_of(project, name="run.json"):
    return json.loads((project.path / name).read_text(encoding="utf-8"))


def test_start_accuracy_is_a_test_of_its_own_over_classes(biased, gate):
    biased.configure(
        CORNERS.replace("torchy:load_classifier", "biased:load"),
        gate(id="start", metric="start_accuracy", min=0.5),
        gate(id="newly", metric="newly_broken_share", at=1.0, max=0.2),
    )
    result = biased.run("--failcond-json=run.json", "-v")
    run = run_of(biased)
    start, newly = run["gates"]
    by_class = {c["key"]: (c["value"], c["n"], c["verdict"]) for c in start["checks"]}
    assert by_class == {
        "ranking:0": (0.0, 8, "failed"),
        "ranking:1": (0.0, 8, "failed"),
        "ranking:2": (1.0, 8, "passed"),
    }
    result.stdout.fnmatch_lines(
        [
            "*test_gate?start? FAILED*",
            "Wrong before any shift, share of the start images by class: *",
        ]
    )
    for check in newly["checks"]:
        of_star = check["key"].startswith("direction:2:")
        assert (check["verdict"] == "error") == (not of_star)
        assert of_star or check["reason"].startswith(
            "gate 'newly': only 0 of 8 start images are right before they are moved, fewer than half"
        )
    again = biased.run("--failcond-from=run.json", "--failcond-json=again.json")
    assert again.ret == result.ret == 1
    assert run_of(biased, "again.json")["gates"] == run["gates"]


def test_start_accuracy_needs_a_generator(project, gate):
    project.configure(
        '[tool.failcond]\nclassifier = "mine:load_classifier"\nimages = "mine:load_images"\n',
        gate(metric="start_accuracy", min=0.5),
    )
    result = project.run()
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*selects nothing: *generator*"])


def test_a_run_that_did_not_keep_it_says_so(biased, gate):
    """Runs of earlier versions do not say which start images are right."""
    assert biased.run("--failcond-json=run.json").ret == 0
    ranking = run_of(biased)["rankings"][0]
    old = {k: v for k, v in ranking.items() if k not in ("starts", "starts_right")}
    with pytest.raises(FailcondError, match=r"^ranking:0: the run does not say which start"):
        ClassRanking.from_json(old).right_unmoved.sum()
    damaged = ranking | {"starts": 4000}
    with pytest.raises(ValueError, match="ranking:0: starts_right: "):
        ClassRanking.from_json(damaged)


def test_truncated_start_images_are_the_same_wherever_they_are_shown(corners, capsys):
    """In the strip, by the fixture, and by `failcond show`; without truncation, they are others."""
    strips = {}
    for truncation in (1.0, 0.5):
        corners.configure(CORNERS, f"truncation = {truncation}")
        corners.write(
            "test_robustness.py",
            "import numpy as np\nfrom pathlib import Path\n"
            "from pytest_failcond.strategies import Case\n"
            "from pytest_failcond.suite import *\n"
            "def test_it(failcond):\n"
            "    found = failcond.image(Case(2, 1, 0, 3))\n"
            "    np.save('image.npy', found.image)\n"
            "    Path('case.txt').write_text(f'{found.direction.key} {found.sample}')\n",
        )
        assert corners.run("--failcond-json=run.json", "-k", "star or test_it").ret == 0
        run = run_of(corners)
        assert run["subjects"]["truncation"] == truncation
        key, sample = (corners.path / "case.txt").read_text().split()
        assert main(["show", key, "--shift", "0", "--sample", sample, "--out", "it.png"]) == 0
        assert "no test starts" not in capsys.readouterr().out
        shown = read_pixels(corners.path / "it.png", "it.png")[::32, ::32, 0]
        image = np.load(corners.path / "image.npy")[0]
        np.testing.assert_array_equal(shown, np.rint(image * 255))
        strips[truncation] = image, [(d["std"], d["key"]) for d in run["directions"]]
    assert not np.allclose(strips[1.0][0], strips[0.5][0])
    std = [{key.split(":")[2]: s for s, key in found} for _, found in strips.values()]
    assert all(std[0][k] == std[1][k] for k in std[0].keys() & std[1].keys())


def test_a_class_that_the_judges_follow_nowhere_has_a_verdict_in_words(project):
    """One direction changes anything, and the judge loses the class along it within 1 σ."""
    project.configure(
        '[tool.failcond]\nclassifier = "mine:load_classifier"\n'
        'classes = ["circle", "square", "star"]\n'
        "[tool.failcond.corner_cases]\ntop = 1\nsamples = 16\n"
    )
    project.write(
        "conftest.py",
        "import pytest\n"
        "from tests.unit.linear import FAINT, Bright, linear_generator\n"
        "@pytest.fixture(scope='session')\n"
        "def failcond_generator():\n"
        "    generator = linear_generator()\n"
        "    generator._weights[FAINT] = 0\n"
        "    return generator\n"
        "@pytest.fixture(scope='session')\ndef failcond_classifier(): return Bright(0.3).eval()\n"
        "@pytest.fixture(scope='session')\ndef failcond_judge(): return Bright(0.6, 1e4).eval()\n",
    )
    result = project.run("-k", "circle", "--failcond-json=run.json", "--failcond-markdown=run.md")
    assert result.parseoutcomes() == {"failed": 1, "deselected": 2}
    result.stdout.fnmatch_lines(
        [
            "*the judges follow no direction of class 'circle' for 1 σ, so nothing is known of where*",
            "The judges follow no direction of class circle for 1 σ",
        ]
    )
    assert "The judges follow no direction of class circle for 1 σ" in (
        project.path / "run.md"
    ).read_text(encoding="utf-8")
    (ranking,) = run_of(project)["rankings"]
    assert (ranking["directions"], len(ranking["passed_over"])) == ([], 1)
    assert run_of(project)["errors"][0]["key"] == "corner_case:0:1"

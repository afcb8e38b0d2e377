"""Corner-case tests, on a tiny generator and a torch classifier."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.plugin.conftest import CORNERS
from tests.schema import errors_of
from tests.unit.tiny import tiny_generator


def test_a_test_per_class_and_rank(corners):
    result = corners.run("-v", "--failcond-json=run.json")
    assert result.ret == 0, result.stdout.str()
    assert result.parseoutcomes() == {"passed": 6}
    result.stdout.fnmatch_lines_random(
        [
            "*test_corner_case?circle-1?*",
            "*test_corner_case?star-2?*",
            "Directions*",
            "*what changes*",
        ]
    )
    assert errors_of(corners.path / "run.json") == []
    run = json.loads((corners.path / "run.json").read_text())
    assert len(run["directions"]) == 6
    for direction in run["directions"]:
        assert direction["rank"] in (1, 2)
        assert direction["total"] == 8
        assert {a["name"] for a in direction["attributes"]} >= {"noise", "sharpness", "contrast"}
        assert (corners.path / "run.json.files" / direction["strip"]["file"]).is_file()
        where = direction["where"]
        assert min(where["regions"]) >= 0
        strip = np.asarray(Image.open(corners.path / "run.json.files" / direction["strip"]["file"]))
        difference = np.asarray(Image.open(corners.path / "run.json.files" / where["file"]))
        assert difference.shape == (strip.shape[0], strip.shape[1] // 8)
        assert (difference.max() == 255) == (where["most"] > 0)


def test_gates_on_directions(corners, gate):
    corners.configure(
        CORNERS, gate(id="square", metric="broken_share", at=2.0, max=0.0, classes=["square"])
    )
    result = corners.run("--failcond-json=run.json")
    run = json.loads((corners.path / "run.json").read_text())
    (found,) = run["gates"]
    assert len(found["checks"]) == 2
    assert {c["key"].split(":")[1] for c in found["checks"]} == {"1"}
    failed = sum(c["verdict"] == "failed" for c in found["checks"])
    assert result.parseoutcomes().get("failed", 0) == failed
    assert result.ret == (1 if failed else 0)


def test_failed_corner_cases_bring_their_strip_into_the_html_report(corners, gate):
    corners.configure(CORNERS, gate(metric="breaking_shift", min=2.0))
    result = corners.once("--html=report.html", "--self-contained-html", "--failcond-json=run.json")
    text = (corners.path / "report.html").read_text(encoding="utf-8")
    assert result.parseoutcomes()["failed"] >= 1
    assert "data:image/png;base64" in text
    without = corners.run("--html=none.html", "--self-contained-html", "--failcond-no-images")
    assert without.ret == result.ret
    assert len((corners.path / "none.html").read_text(encoding="utf-8")) < len(text)


def test_a_plain_callable_is_ranked_by_effect_and_the_report_says_so(corners):
    corners.write(
        "plain.py",
        "import torch, torchy\n"
        "def load():\n"
        "    model = torchy.Rows().eval()\n"
        "    return lambda images: model(torch.from_numpy(images)).detach().numpy()\n",
    )
    corners.configure(CORNERS.replace("torchy:load_classifier", "plain:load"))
    result = corners.run("--failcond-json=run.json", "--failcond-markdown=run.md")
    assert result.parseoutcomes() == {"passed": 6}
    said = (
        "Ranked by measured effect instead of gradient, all classes: the classifier is a plain callable, "
        "which has no gradients"
    )
    for text in (result.stdout.str(), (corners.path / "run.md").read_text(encoding="utf-8")):
        assert " ".join(text.split()).count(said) == 1
    assert errors_of(corners.path / "run.json") == []
    for ranking in json.loads((corners.path / "run.json").read_text())["rankings"]:
        assert (ranking["way"], ranking["why"]) == ("effect", said.partition(": ")[2])


def test_the_configuration_chooses_the_way_of_ranking(corners):
    corners.configure(CORNERS + 'ranking = "effect"\n')
    result = corners.run("-k", "corner_case and star", "--failcond-json=run.json")
    assert result.parseoutcomes()["passed"] == 2
    result.stdout.fnmatch_lines(["Ranked by measured effect*, all classes: as configured"])
    corners.configure(CORNERS.replace("torchy:", "mine:") + 'ranking = "gradient"\n')
    result = corners.run()
    assert result.parseoutcomes() == {"failed": 6}
    result.stdout.fnmatch_lines(["*a plain callable, which has no gradients; give a torch.nn*"])


def test_a_judge_that_accepts_too_little_is_an_error_of_its_class_only(corners, gate):
    corners.write(
        "picky.py",
        "import numpy as np\n"
        "def load_judge():\n"
        "    return lambda images: np.tile([9.0, 4.0, 3.0], (len(images), 1))\n",
    )
    corners.configure(
        CORNERS.replace("[tool.failcond]\n", '[tool.failcond]\njudge = "picky:load_judge"\n'),
        gate(id="all", metric="breaking_shift", min=0.5),
    )
    result = corners.run("--failcond-json=run.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*the judge accepts only 0 of 32 generated images of class *"])
    run = json.loads((corners.path / "run.json").read_text())
    (found,) = run["gates"]
    by_class = {c["key"].split(":")[1]: c["verdict"] for c in found["checks"]}
    assert by_class["1"] == by_class["2"] == "error"
    assert by_class["0"] != "error"


def test_markers_select_classes_and_ranks(corners):
    corners.write(
        "test_robustness.py",
        "import pytest\n"
        "@pytest.mark.failcond_corner_cases(classes=['star'], top=1)\n"
        "def test_it(failcond, failcond_corner_case):\n"
        "    assert failcond.measure(failcond_corner_case.key).class_index == 2\n",
    )
    result = corners.run("-v")
    assert result.parseoutcomes() == {"passed": 1}
    result.stdout.fnmatch_lines(["*test_it?star-1?*"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("classes=['moon']", "'moon' is not configured"),
        ("classes=['star', 'star']", "names one twice"),
        ("top=3", "outside 1 to corner_cases.top"),
        ("top=True", "outside 1 to corner_cases.top"),
    ],
)
def test_a_wrong_marker_says_what_there_is(corners, arguments, message):
    corners.write(
        "test_robustness.py",
        f"import pytest\n@pytest.mark.failcond_corner_cases({arguments})\n"
        "def test_it(failcond_corner_case):\n    pass\n",
    )
    result = corners.run()
    assert result.ret != 0
    assert message in result.stdout.str()


def test_hypothesis_draws_cases_and_prints_how_to_see_them(corners):
    corners.write(
        "test_robustness.py",
        "from hypothesis import given, settings\n"
        "from pytest_failcond.strategies import corner_cases\n"
        "@settings(derandomize=True, deadline=None, max_examples=20)\n"
        "@given(case=corner_cases(classes=3, top=1, max_steps=4, starts=8))\n"
        "def test_it(failcond, case):\n"
        "    image = failcond.image(case)\n"
        "    assert image.image.shape == (1, 8, 8)\n"
        "    assert image.shift < 1.0, image\n",
    )
    result = corners.run()
    assert result.parseoutcomes() == {"failed": 1}
    # The shrunk case is the first class, start image and rank, at the mildest shift that fails.
    result.stdout.fnmatch_lines(
        [
            "*class 'circle', dimension s*shift 1 *failcond show direction:0:*--sample 0*",
            "*class_index=0,*",
            "*rank=1,*",
            "*steps=2,*",
            "*seed=0,*",
        ]
    )


@pytest.mark.parametrize(
    "options", [(), ("--failcond-seed=5",), ("--failcond-generator=b/c d.st",)]
)
def test_show_makes_the_picture_of_the_report_to_the_pixel(corners, monkeypatch, capsys, options):
    from pytest_failcond.cli import main
    from pytest_failcond.probes.direction.reproduce import show_command
    from pytest_failcond.runs.run import Run

    monkeypatch.chdir(corners.path)
    (corners.path / "b").mkdir()
    tiny_generator(channels=(7, 5)).save(corners.path / "b" / "c d.st")
    corners.run("--failcond-json=run.json", *options)
    run = Run.load("run.json")
    for direction in [d for d in run.directions.values() if d.rank == 1]:
        strip = direction.strip
        pixels = np.asarray(Image.open(run.pictures / strip.file))
        frames = list(enumerate(np.split(pixels, len(strip.shift), axis=1)))
        for i, frame in (frames[0], frames[len(frames) // 2], frames[-1]):
            command = shlex.split(show_command(run, direction, strip.shift[i]))
            assert main([*command[1:], "--out", "a.png"]) == 0
            enlarged = np.asarray(Image.open("a.png"))
            factor = len(enlarged) // len(frame)
            assert (enlarged == frame.repeat(factor, axis=0).repeat(factor, axis=1)).all()
            name = run.classes[direction.class_index]
            told = capsys.readouterr().out.partition(f"p({name}) = ")[2].split()[0]
            # Three digits are printed, four are kept.
            assert float(told) == pytest.approx(strip.p[i], abs=0.00055 + 1e-9)


def test_a_combination_that_fails_prints_the_line_that_makes_it_again(corners, monkeypatch):
    from pytest_failcond.cli import main

    corners.write(
        "test_robustness.py",
        "import numpy as np\n"
        "from hypothesis import Phase, given, settings, target\n"
        "from pytest_failcond.strategies import combinations\n"
        "@settings(derandomize=True, deadline=None, max_examples=20,\n"
        "          phases=[phase for phase in Phase if phase != Phase.explain])\n"
        "@given(case=combinations(3, top=4, most=2, max_steps=4, starts=8))\n"
        "def test_it(failcond, case):\n"
        "    image = failcond.image(case)\n"
        "    target(-image.margin)\n"
        "    np.save('it.npy', image.image)\n"
        "    assert len(image.shifts) < 2, image\n",
    )
    text = corners.run().stdout.str()
    line = text.partition("reproduce with `")[2].partition("`")[0]
    # The fewest dimensions that fail, and half a σ along each.
    assert "--shift 0.5,0.5 --sample 0" in line
    monkeypatch.chdir(corners.path)
    assert main([*shlex.split(line)[1:], "--out", "a.png"]) == 0
    pixels = np.asarray(Image.open("a.png"))
    image = np.rint(np.load("it.npy")[0] * 255)
    assert (pixels[:: len(pixels) // 8, :: len(pixels) // 8] == image).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("clean", "clean: expected a direction like"),
        ("direction", "unknown key"),
        ("direction:7:0:+ --shift 1 --sample 0", "has 3 classes"),
        ("ranking:7 --sample 0", "has 3 classes"),
        ("direction:0:999:+ --shift 1 --sample 0", "dimensions"),
        ("direction:0:1:+ --sample 0", "--shift is missing"),
        ("direction:0:1:+ --shift 1", "--sample is missing"),
        (
            "direction:0:1:+ --shift 1,2 --sample 0",
            "--shift: expected 1, one for each direction, got 2",
        ),
        ("direction:0:1:+ direction:1:2:+ --shift 1,2 --sample 0", "different classes"),
        ("direction:0:1:+ direction:0:1:- --shift 1,2 --sample 0", "a dimension is named twice"),
        ("direction:0:1:+ ranking:0 --shift 1,2 --sample 0", "ranking:0: expected a direction"),
        ("ranking:0 --sample 0 --shift 1", "--shift has no effect here"),
        ("corruption:fog:3 --sample 0", "--image is missing"),
        ("corruption:fog:3 --image 0 --shift 1", "--shift has no effect here"),
        ("corruption:fog:3 corruption:fog:2 --image 0", "a corruption is shown alone"),
        ("corruption:fog:3 --image 0", "images: none are configured"),
    ],
)
def test_show_refuses_what_is_not_there(corners, monkeypatch, capsys, arguments, words):
    from pytest_failcond.cli import main

    monkeypatch.chdir(corners.path)
    assert main(["show", *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_show_says_that_no_test_starts_from_a_sample(corners, monkeypatch, capsys):
    from pytest_failcond.cli import main

    monkeypatch.chdir(corners.path)
    corners.run("--failcond-json=run.json")
    (sample,) = {d["strip"]["sample"] for d in json.loads(Path("run.json").read_text())["directions"]
                 if d["key"].startswith("direction:0:")}  # fmt: skip
    for number, told in ((sample, False), (99, True)):
        assert main(["show", "direction:0:3:+", "--shift", "1", "--sample", str(number)]) == 0
        out = capsys.readouterr().out
        assert (f"no test starts from sample {number}, which" in out) is told
        assert "wrote direction-0-3-up-1-" in out


def test_show_asks_about_the_bits_that_the_test_asked_about(corners, monkeypatch, capsys):
    """A combination ends where the prediction changes, and rounding to 8 bits may change it back."""
    from pytest_failcond.cli import main

    corners.write(
        "exact.py",
        "import numpy as np\n"
        "def load(): return answer\n"
        "def answer(x):\n"
        "    whole = np.abs(x * 255 - np.rint(x * 255)).max(axis=(1, 2, 3)) < 1e-3\n"
        "    return 9 * np.eye(3, dtype=np.float32)[np.where(whole, 2, 1)]\n",
    )
    monkeypatch.chdir(corners.path)
    monkeypatch.delitem(sys.modules, "exact", raising=False)
    options = ["--sample", "0", "--classifier", "exact:load", "--shift"]
    assert main(["show", "direction:0:3:+", *options, "1"]) == 0
    out = capsys.readouterr().out
    assert "classifier: 'square', " in out
    assert "classifier, of the image in 8 bits: 'star', " in out
    assert main(["show", "direction:0:3:+", "direction:0:5:-", *options, "1,0.5"]) == 0
    out = capsys.readouterr().out
    assert "classifier: 'star', " in out
    assert "in 8 bits" not in out


def test_show_says_that_judges_that_accept_none_leave_no_start_images(corners, monkeypatch, capsys):
    from pytest_failcond.cli import main

    corners.write(
        "nobody.py",
        "import numpy as np\ndef load(): return lambda x: np.eye(4, dtype=np.float32)[[3] * len(x)] * 9\n",
    )
    config = corners.path / "pyproject.toml"
    text = config.read_text()
    config.write_text(text.replace("[tool.failcond]", '[tool.failcond]\njudge = "nobody:load"', 1))
    monkeypatch.chdir(corners.path)
    monkeypatch.delitem(sys.modules, "nobody", raising=False)
    assert main(["show", "direction:0:3:+", "--shift", "1", "--sample", "0"]) == 0
    out = capsys.readouterr().out
    assert "not accepted, with least_p" in out
    assert (
        "note: this class has no start images, so that no test moves one: the judge accepts only 0"
        in out
    )


def test_classes_whose_names_are_no_words_stand_by_their_index(project):
    tiny_generator(classes=("<b>", "two words", "star")).save(project.path / "tiny.safetensors")
    project.configure(CORNERS)
    result = project.run("--collect-only", "-q")
    text = result.stdout.str()
    assert "test_corner_case[0-1]" in text
    assert "test_corner_case[1-2]" in text
    assert "test_corner_case[star-1]" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a safetensors file"),
        (b"\x80\x04\x95 a pickle", "safetensors"),
        (b"PK\x03\x04 a zip of pickles", "safetensors"),
    ],
)
def test_a_file_that_is_no_generator_gets_one_sentence(project, content, words):
    (project.path / "tiny.safetensors").write_bytes(content)
    project.configure(CORNERS)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str()
    assert "tiny.safetensors" in message
    assert words in message
    assert "Traceback" not in message


def test_a_case_that_there_is_none_of_is_refused(corners):
    corners.write(
        "test_mine.py",
        "import pytest\n"
        "from pytest_failcond.strategies import Case\n"
        "CASES = [Case(3, 1, 0, 0), Case(-1, 1, 0, 0), Case(0, 3, 0, 0), Case(0, 0, 0, 0),\n"
        "         Case(0, 1, -1, 0), Case(0, 1, 0, -1), Case('0', 1, 0, 0), (0, 1, 0, 0), None]\n"
        "@pytest.mark.parametrize('case', CASES, ids=range(9))\n"
        "def test_case(failcond, case):\n"
        "    failcond.image(case)\n",
    )
    result = corners.run("test_mine.py")
    result.assert_outcomes(failed=9)
    text = result.stdout.str()
    assert "Traceback" not in text
    for words in (
        "class_index = 3 is outside 0 to 2",
        "class_index = -1 is outside 0 to 2",
        "rank = 3 is outside 1 to 2",
        "rank = 0 is outside 1 to 2",
        "steps = -1 is outside 0",
        "seed = -1 is outside 0",
        "expected a Case of pytest_failcond.strategies, got Case with class_index = str",
        "expected a Case, Combination or Corrupted of pytest_failcond.strategies, got tuple of (int, int, int, 1 more)",
        "expected a Case, Combination or Corrupted of pytest_failcond.strategies, got NoneType",
    ):
        assert f"failcond.image: {words}" in text


def test_a_generator_of_another_kind_takes_the_place_of_the_configured(project):
    """One direction loses class 0, 0.1 of brightness per σ, from 0.6: to the classifier, then the judge."""
    project.configure(
        '[tool.failcond]\nclassifier = "mine:load_classifier"\n'
        'classes = ["circle", "square", "star"]\n'
        "[tool.failcond.corner_cases]\ntop = 1\nsamples = 8\n"
    )
    project.write(
        "conftest.py",
        "import pytest\n"
        "from tests.unit.linear import Bright, linear_generator\n"
        "@pytest.fixture(scope='session')\ndef failcond_generator(): return linear_generator()\n"
        "@pytest.fixture(scope='session')\ndef failcond_classifier(): return Bright(0.4).eval()\n"
        "@pytest.fixture(scope='session')\ndef failcond_judge(): return Bright(0.2, 1e4).eval()\n",
    )
    project.write(
        "test_robustness.py",
        "import pytest\n"
        "from pytest_failcond.strategies import Case\n"
        "from pytest_failcond.suite import *\n"
        "def test_it(failcond):\n"
        "    for seed in range(8):\n"
        "        images = [failcond.image(Case(0, 1, steps, seed)) for steps in range(17)]\n"
        "        for image in images:\n"
        "            level = image.image.mean()\n"
        "            assert image.predicted == int(level < 0.4)\n"
        "            assert image.judged == int(level < 0.2)\n"
        "            assert image.accepted == image.valid == (level > 0.2)\n"
        "            assert image.broken == (0.2 < level < 0.4)\n"
        "        assert {(i.broken, i.valid) for i in images} >= {(True, True), (False, False)}\n",
    )
    result = project.run("--failcond-json=run.json", "-k", "circle or test_it")
    assert result.parseoutcomes() == {"passed": 2, "deselected": 2}

"""The explorer's films hold what the models see; its page is inert, whatever things are called."""

import base64
import hashlib
import io
import json
import re
import shlex
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from pytest_failcond import cli
from pytest_failcond.errors import FailcondError
from pytest_failcond.explorer.page import page
from pytest_failcond.laboratory.configured import find_settings, open_laboratory
from pytest_failcond.probes.direction.corner_cases import shifted_images
from pytest_failcond.probes.direction.explore import explore
from pytest_failcond.probes.direction.filming import film, film_shifts, pair_shifts
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.subjects.images import as_8_bits, to_uint8
from tests.explorable import CLASSES, EVIL, SEARCH, write_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project to explore, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "explorable_models", raising=False)
    return write_project(tmp_path)


def change(project, old, new):
    path = project / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def read(text):
    """The data of a page."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found)


def frames(film_data, size):
    """Cut the picture of a film into its frames: ``[N * T…, H, W, C]``."""
    kind, content = film_data["sprite"].split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        pixels = np.asarray(picture).reshape(picture.height, picture.width, -1)
    width, height = size
    rows, columns = pixels.shape[0] // height, pixels.shape[1] // width
    cut = pixels.reshape(rows, height, columns, width, -1).swapaxes(1, 2)
    return cut.reshape(rows * columns, height, width, -1)


def test_the_shifts_of_films():
    assert film_shifts(4.0).tolist() == np.arange(-2.0, 4.5, 0.5).tolist()
    assert film_shifts(0.5)[-1] == 2.0
    assert pair_shifts(8.0).tolist() == list(range(9))
    assert pair_shifts(5.5)[-1] == 6.0
    assert pair_shifts(0.0)[-1] == 2.0


def test_a_film_shows_what_the_models_see(project):
    laboratory = open_laboratory(find_settings(None))
    generator, acceptance = laboratory.generator, laboratory.acceptance
    starts = start_images(generator, acceptance, 2, 4)
    keys = [DirectionKey(2, 0, -1), DirectionKey(2, 8, -1)]
    shifts = [np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.5])]
    rows = np.array([1, 3])
    classifier, (judge,) = laboratory.classifier, acceptance.judges
    both = film(generator, classifier, starts, keys, shifts, rows, acceptance=acceptance)
    assert both.images.shape == (2, 3, 2, 8, 8, 1)
    for first in range(3):  # along the first direction alone
        expected = shifted_images(generator, starts, keys[0], rows, np.full(2, shifts[0][first]))
        np.testing.assert_array_equal(both.images[:, first, 0], to_uint8(expected.numpy()))
    styles = starts.styles[rows].clone()
    for key, amount in zip(keys, (2.0, 1.5), strict=True):
        styles[:, key.dimension] -= float(amount * generator.style_space.std[key.dimension])
    images = generator.synthesize(styles)
    np.testing.assert_allclose(both.images[:, 2, 1], to_uint8(images.numpy()), atol=1)
    for model, opinion in ((classifier, both.classifier), (judge, both.judge)):
        p = model.probabilities(as_8_bits(images) if model is judge else images)
        np.testing.assert_allclose(opinion.p[:, 2, 1], p[:, 2], atol=1e-4)
        np.testing.assert_allclose(opinion.top[:, 2, 1], p.max(axis=1), atol=1e-4)
        assert opinion.predicted[:, 2, 1].tolist() == p.argmax(axis=1).tolist()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_page_holds_every_frame_to_the_last_bit(project, channels):
    write_project(project, image_channels=channels)
    exploration = explore(open_laboratory(find_settings(None)), [1], samples=3)
    data = read(page(exploration))
    assert data["size"] == [8, 8]
    (explored,) = exploration.explored
    (shown,) = data["explored"]
    films = [*explored.films, *explored.pairs]
    shown_films = [*(one["film"] for one in shown["directions"]), shown["pairs"][0]["film"]]
    for made, film_data in zip(films, shown_films, strict=True):
        expected = made.images.reshape(-1, 8, 8, channels)
        np.testing.assert_array_equal(frames(film_data, data["size"]), expected)
        assert film_data["classifier"]["predicted"] == made.classifier.predicted.ravel().tolist()
        np.testing.assert_allclose(film_data["judge"]["p"], made.judge.p.ravel(), atol=6e-4)
        assert film_data["accepted"] == made.accepted.ravel().tolist()
    assert shown["samples"] == explored.samples.tolist()
    for one, direction in zip(shown["directions"], explored.directions, strict=True):
        assert one["breaks"] == [direction.breaks[row] for row in explored.starts]
        assert direction.strip.sample in shown["samples"]


def test_the_page_holds_the_combinations_with_the_line_that_makes_each_again(project, capsys):
    write_project(project, search=SEARCH)
    change(project, "top = 2\nsamples = 16", "top = 1\nsamples = 4")
    change(project, "load_classifier", "load_other")  # named by the option instead
    arguments = ["--classifier", "explorable_models:load_classifier", "--config", "pyproject.toml"]
    assert cli.main(["explore", "--classes", CLASSES[1], "--samples", "3", *arguments]) == 0
    data = read((project / "explorer.html").read_text(encoding="utf-8"))
    assert data["options"] == f" --classifier {arguments[1]} --config pyproject.toml"
    (explored,) = data["explored"]
    assert [search["toward"] for search in explored["searches"]] == [None, 2]
    search = explored["searches"][0]
    made = frames(search["film"], data["size"])
    assert 1 <= len(search["cases"]) <= 3
    assert len(made) == 2 * len(search["cases"])
    for number, case in enumerate(search["cases"]):
        assert np.hypot.reduce([m["shift"] for m in case["moves"]]) == pytest.approx(
            case["distance"]
        )
        assert search["film"]["classifier"]["predicted"][2 * number + 1] != 1
        capsys.readouterr()
        line = f"show {case['command']}{data['options']} --out it.png"
        assert cli.main(shlex.split(line)) == 0
        p = search["film"]["classifier"]["p"][2 * number + 1]
        said = capsys.readouterr().out.splitlines()[1]  # of an image that is not rounded to 8 bits
        assert float(said.rpartition("= ")[2]) == pytest.approx(p, abs=0.02)
        with Image.open("it.png") as picture:
            assert np.array_equal(np.asarray(picture)[::32, ::32], made[2 * number + 1, ..., 0])
    chosen = explore(
        open_laboratory(find_settings(None, classifier=arguments[1])),
        [1],
        [DirectionKey(1, 0, 1)],
        samples=2,
    )
    assert chosen.explored[0].cases == []


def test_a_class_that_cannot_be_searched_keeps_its_directions(project, capsys, monkeypatch):
    write_project(project, search=SEARCH.replace("6", "29"))
    change(project, "top = 2\nsamples = 16", "top = 1\nsamples = 4")
    assert cli.main(["explore", "--classes", "star"]) == 0
    said = capsys.readouterr().out
    assert "class 'star' is not searched along several directions at once: combinations.dim" in said
    data = read((project / "explorer.html").read_text(encoding="utf-8"))
    assert data["skipped"][0].startswith("Class star is not searched along several directions")
    assert data["explored"][0]["directions"]


def test_films_agree_with_the_measured_breaks(project):
    exploration = explore(open_laboratory(find_settings(None)), [1, 2], samples=6)
    compared = 0
    for explored in exploration.explored:
        for direction, made in zip(explored.directions, explored.films, strict=True):
            broken = made.classifier.predicted != explored.class_index
            broken &= made.accepted
            forward = made.shifts[0] >= 0
            for start, at in enumerate(direction.breaks[row] for row in explored.starts):
                first = made.shifts[0][forward][broken[start, forward]][:1]
                if at is not None:
                    assert first[0] - 0.5 < at <= first[0]
                    compared += 1
    assert compared >= 8


def test_nothing_a_user_named_is_markup_or_code(project):
    assert cli.main(["explore", "--classes", f"{EVIL},star"]) == 0
    text = (project / "explorer.html").read_text(encoding="utf-8")
    assert "alert(1)<" not in text
    assert text.count("<script") == text.count("</script>") == 2
    assert read(text)["classes"] == list(CLASSES)


def test_the_page_may_run_only_its_own_code_and_load_nothing(project):
    assert cli.main(["explore", "--classes", "star"]) == 0
    text = (project / "explorer.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.findall(r"""(?:src|href)="(?!data:)""", text)
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


def test_a_judge_may_take_a_frame_for_none_of_these(project):
    """Of two judges, a frame has the answer of the one that accepts it least."""
    change(
        project,
        'judge = "explorable_models:load_judge"',
        'judges = ["explorable_models:load_judge", "explorable_models:load_wide_judge"]',
    )
    assert cli.main(["explore", "--classes", "star", "--top", "1", "--out", "page.html"]) == 0
    text = (project / "page.html").read_text(encoding="utf-8")
    data = read(text)
    assert data["judge"] == "explorable_models:load_judge, explorable_models:load_wide_judge"
    film = data["explored"][0]["directions"][0]["film"]
    seen = film["judge"]["predicted"]
    assert len(CLASSES) in seen
    for label, p, accepted in zip(seen, film["judge"]["p"], film["accepted"], strict=True):
        assert accepted == (label == 2 and p >= 0.8)
    assert '?? "none of these"' in text


def test_without_a_judge(project):
    change(project, 'judge = "explorable_models:load_judge"\n', "")
    assert cli.main(["explore", "--classes", "star", "--top", "1", "--out", "a/page.html"]) == 0
    data = read((project / "a" / "page.html").read_text(encoding="utf-8"))
    assert data["judge"] is None
    (direction,) = data["explored"][0]["directions"]
    assert direction["film"]["judge"] is None
    assert direction["valid"] is None
    assert data["explored"][0]["pairs"] == []


def test_a_plain_callable_explores_named_directions(project):
    plain = ["explore", "--classifier", "explorable_models:load_plain"]
    assert cli.main([*plain, "--directions", "direction:2:0:-,direction:2:8:-"]) == 0
    (explored,) = read((project / "explorer.html").read_text(encoding="utf-8"))["explored"]
    assert [d["key"] for d in explored["directions"]] == ["direction:2:0:-", "direction:2:8:-"]
    assert len(explored["pairs"]) == 1


def test_a_class_that_cannot_be_explored_is_told_of(project, capsys, monkeypatch):
    from pytest_failcond.probes.direction import explore

    find = explore.find

    def fail_for_stars(laboratory, key, save):
        if key.class_index == 2:
            raise FailcondError("no stars tonight")
        return find(laboratory, key, save)

    monkeypatch.setattr(explore, "find", fail_for_stars)
    assert cli.main(["explore"]) == 0
    assert "class 'star' is left out: no stars tonight" in capsys.readouterr().out
    data = read((project / "explorer.html").read_text(encoding="utf-8"))
    assert data["skipped"] == ["Class star is left out: no stars tonight"]
    assert [explored["index"] for explored in data["explored"]] == [0, 1]
    assert cli.main(["explore", "--classes", "star", "--out", "none.html"]) == 2
    assert "no stars tonight" in capsys.readouterr().err
    assert not (project / "none.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--classes", "stra"], "did you mean 'star'?"),
        (["--samples", "17"], "corner_cases.samples, 16"),
        (["--directions", "clean"], "--directions: clean is not a direction"),
        (["--directions", "direction:3:0:+"], "does not exist; there are 3 classes"),
        (["--directions", "direction:2:999:+"], "dimension 999"),
        (["--directions", "direction:2:0:+", "--classes", f"{EVIL}"], "leave one out"),
        (["--device", "abacus"], "device 'abacus'"),
    ],
)
def test_errors_are_one_sentence(project, capsys, arguments, words):
    assert cli.main(["explore", *arguments]) == 2
    *progress, error = capsys.readouterr().err.splitlines()
    assert words in error
    assert all(line.startswith("class ") for line in progress)
    assert not (project / "explorer.html").exists()


def test_without_a_generator(project, capsys):
    change(project, 'generator = "tiny.safetensors"\n', "")
    assert cli.main(["explore"]) == 2
    assert "generator: none is configured" in capsys.readouterr().err


def test_ctrl_c_leaves_what_was_there(project, monkeypatch, capsys):
    kept = project / "explorer.html"
    kept.write_text("the last one")
    monkeypatch.setattr("pytest_failcond.probes.direction.explore.film", interrupt)
    assert cli.main(["explore"]) == 130
    assert kept.read_text() == "the last one"
    assert sorted(path.name for path in project.glob("*explorer.html*")) == ["explorer.html"]


def interrupt(*arguments, **keywords):
    raise KeyboardInterrupt


def test_large_images_are_made_smaller():
    from pytest_failcond.explorer.page import _sprite

    images = torch.rand(2, 3, 200, 100, 3, generator=torch.Generator().manual_seed(0))
    kind, content = _sprite((images.numpy() * 255).astype(np.uint8)).split(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert picture.size == (3 * 64, 2 * 128)

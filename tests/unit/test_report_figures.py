"""Pictures decode, are not blank, and leave no trace in matplotlib's state."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_failcond.errors import FailcondError
from pytest_failcond.report import figures
from tests.runs import CLASSES, make_run


def pixels(content):
    assert content.startswith(b"\x89PNG")
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def reds(image):
    return int((np.abs(image - (0xB3, 0x26, 0x1E)).sum(axis=2) < 30).sum())


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "pictures")


def test_heat_map(run):
    image = pixels(figures.heat_map(run))
    assert image.std() > 20
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100
    assert image.shape[1] > image.shape[0]


def test_heat_map_shows_an_error_in_red(run):
    assert reds(pixels(figures.heat_map(run))) > 20


def test_heat_map_of_nothing_is_refused():
    with pytest.raises(FailcondError, match="no corruption cells"):
        figures.heat_map(make_run(cells=False))


@pytest.mark.parametrize("which", range(3))
def test_strip(run, which):
    image = pixels(figures.strip(run, list(run.directions.values())[which]))
    assert image.std() > 20
    assert reds(image) > 100, "frames that are wrong are marked"


def test_strip_enlarges_without_smoothing(tmp_path):
    run = make_run(tmp_path / "pictures")
    direction = next(iter(run.directions.values()))
    frames = np.zeros((28, 28 * 8), dtype=np.uint8)
    frames[10:18, 10:18] = 200
    Image.fromarray(frames).save(tmp_path / "pictures" / direction.strip.file)
    image = pixels(figures.strip(run, direction))
    assert (image == 200).all(axis=2).sum() > 8 * 8 * 9


def test_strip_in_colour(tmp_path):
    run = make_run(tmp_path / "pictures", color=True)
    image = pixels(figures.strip(run, next(iter(run.directions.values()))))
    assert (np.ptp(image, axis=2) > 100).sum() > 1000


def test_strip_of_a_run_without_pictures_is_refused(tmp_path):
    run = make_run(tmp_path / "pictures")
    direction = next(iter(run.directions.values()))
    (tmp_path / "pictures" / direction.strip.file).write_bytes(b"no PNG")
    with pytest.raises(FailcondError, match="damaged"):
        figures.strip(run, direction)
    with pytest.raises(FailcondError, match="kept without"):
        figures.strip(make_run(), direction)


@pytest.mark.parametrize("which", range(3))
def test_degradation(run, which):
    image = pixels(figures.degradation(run, list(run.directions.values())[which]))
    assert image.std() > 20
    assert (np.abs(image - (0x26, 0x87, 0xBD)).sum(axis=2) < 30).sum() > 1000, (
        "still right, in blue"
    )


def test_names_are_no_mathematics_and_no_warning(tmp_path):
    run = make_run(tmp_path / "pictures", classes=("$\\frac$", "数字", CLASSES[2]))
    for direction in run.directions.values():
        figures.strip(run, direction)
        figures.degradation(run, direction)


def test_pyplot_is_not_touched():
    code = (
        "import sys, matplotlib as m; before = dict(dict.items(m.rcParams)); "  # asks for no backend
        "from tests.runs import make_run; from pytest_failcond.report import figures; "
        "figures.heat_map(make_run()); "
        "sys.exit('matplotlib.pyplot' in sys.modules or dict(dict.items(m.rcParams)) != before)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=root)
    assert done.returncode == 0

"""Images that do not suit what is measured on them are noticed, once, and the run goes on."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import GRID

CHOSEN = 'constants = "imagenet-c"\n'
IMAGES = """
import numpy as np
from pytest_failcond import LabeledImages
def load():
    levels = np.random.default_rng(0).integers(0, {most} + 1, (30, {side}, {side}, 1))
    levels[0, 0, 0] = {most}
    return LabeledImages(levels.astype(np.uint8), np.arange(30) % 3)
def load_classifier():
    return lambda images: images.reshape(len(images), -1)[:, :3] * 5
"""


@pytest.fixture
def noticed(project):
    """Run with images of a size and a brightest level; return their remarks."""

    def run(tables: str, most: int = 255, side: int = 9):
        project.write("small.py", IMAGES.format(most=most, side=side))
        tables = tables.replace("mine:load_images", "small:load")
        project.configure(tables.replace("mine:load_classifier", "small:load_classifier"))
        result = project.run("--failcond-json=run.json")
        assert result.ret == 0
        kept = json.loads((project.path / "run.json").read_text(encoding="utf-8"))
        remarks = kept["environment"].get("remarks", [])
        told = " ".join(result.stdout.str().split())
        assert all(told.count(remark["text"]) == 1 for remark in remarks)
        of_images = (remark for remark in remarks if remark["model"] == "images")
        return {remark["what"]: remark["text"] for remark in of_images}

    return run


@pytest.mark.parametrize(("most", "is_dark"), [(0, True), (16, True), (64, True), (65, False)])
def test_dark_images_are_noticed(noticed, most, is_dark):
    found = noticed(GRID, most)
    assert set(found) == ({"dark"} if is_dark else set())
    assert not is_dark or f"brightest level of all is {most} of 255; scale them" in found["dark"]


@pytest.mark.parametrize(
    ("change", "side", "is_small"),
    [
        ((CHOSEN, ""), 9, True),
        ((CHOSEN, ""), 63, True),
        ((CHOSEN, ""), 64, False),
        ((CHOSEN, CHOSEN), 9, False),
        ((CHOSEN, 'constants = "cifar-c"\n'), 9, False),
    ],
)
def test_small_images_under_constants_that_were_not_chosen_are_noticed(
    noticed, change, side, is_small
):
    found = noticed(GRID.replace(*change), side=side)
    assert set(found) == ({"small"} if is_small else set())
    assert not is_small or f"{side} x {side} px, and" in found["small"]
    assert not is_small or 'constants = "cifar-c"' in found["small"]


def test_a_grid_of_own_corruptions_has_no_constants(noticed):
    own = GRID.replace(CHOSEN, "").replace('"gaussian_noise", ', "")
    assert noticed(own) == {}
    composed = own.replace(
        'blackout = "mine:blackout" }', 'blackout = "mine:blackout", both = ["blackout", "fog"] }'
    ).replace('["blackout"]\n', '["both"]\n', 1)
    assert set(noticed(composed)) == {"small"}

"""Readable images that the judges keep: ``python -m benchmarks.readable``, in the example's folder.

readable.json names 100 images of the example's generator (truncation 0.7), ten of each class, each
moved by 0.5 to 6 σ along one of the directions that rank highest for its class, all drawn at random and
without asking a judge. Readers named them, who had nothing but the pictures; ``--pictures DIR`` writes
these, as sheets, for other readers. An image is readable if every reader named its class.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.laboratory.configured import find_settings, open_laboratory
from pytest_failcond.probes.direction.corner_cases import shifted_images
from pytest_failcond.probes.direction.starts import start_image
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.statistics.bounds import proportion_bound
from pytest_failcond.subjects.images import to_float, to_uint8

DRAWN = 128  # at once, as the numbers of the start images count
PER_SHEET, COLUMNS, SCALE, GAP = 20, 5, 6, 24
Pixels = npt.NDArray[np.uint8]


def pictures(generator: Generator, listed: list[dict[str, Any]], seed: int) -> Pixels:
    """Make the images again, uint8 ``[N, H, W, C]``."""
    made = []
    for one in listed:
        start = start_image(
            generator, one["class"], one["sample"], DRAWN, seed=seed, truncation=0.7
        )
        direction = PROBES.parse(one["direction"])
        assert isinstance(direction, DirectionKey)
        shift = np.array([one["shift"]])
        moved = shifted_images(generator, start, direction, np.array([0]), shift)
        made.append(to_uint8(moved.numpy()))
    return np.concatenate(made)


def write_sheets(images: Pixels, folder: Path) -> None:
    """Write sheets of 20 numbered images."""
    folder.mkdir(parents=True, exist_ok=True)
    height, width = (SCALE * side for side in images.shape[1:3])
    for first in range(0, len(images), PER_SHEET):
        some = images[first : first + PER_SHEET, ..., 0]
        rows = -(-len(some) // COLUMNS)
        sheet = Image.new("L", (COLUMNS * (width + GAP), rows * (height + GAP)), 128)
        for place, pixels in enumerate(some):
            x, y = place % COLUMNS * (width + GAP), place // COLUMNS * (height + GAP)
            ImageDraw.Draw(sheet).text((x, y + GAP // 3), f"#{first + place + 1}", fill=255)
            sheet.paste(Image.fromarray(pixels).resize((width, height), 0), (x, y + GAP))
        sheet.save(folder / f"sheet-{first // PER_SHEET + 1}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write the sheets there")
    options = parser.parse_args()
    data = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    laboratory = open_laboratory(find_settings(None))
    assert isinstance(laboratory.generator, Generator)
    images = pictures(laboratory.generator, data["images"], data["seed"])
    if options.pictures:
        write_sheets(images, options.pictures)
    classes = np.array([one["class"] for one in data["images"]])
    names = np.array(laboratory.generator.classes)[classes]
    readable = np.all([np.array(list(answers)) == names for answers in data["answers"].values()], 0)
    judgement = laboratory.acceptance.see(to_float(images), among=len(laboratory.generator.classes))
    level = judgement.level(classes)
    for least_p in (0.5, laboratory.acceptance.least_p, 0.9):
        accepted = level >= least_p
        kept, all_of_them = int((accepted & readable).sum()), int(readable.sum())
        low = proportion_bound(kept, all_of_them, 0.95, "lower")
        print(
            f"least_p {least_p:g}: {kept} of {all_of_them} readable images kept (at least {low:.0%}); "
            f"{accepted.sum()} of {len(images)} accepted, of these {kept} readable"
        )


if __name__ == "__main__":
    main()

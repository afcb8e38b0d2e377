"""Write the statistics of imagecorruptions that our corruptions are held against."""

from __future__ import annotations

import json
import sys

import numpy as np

from pytest_failcond.corruptions import SEVERITIES
from pytest_failcond.corruptions.original import corrupt_one, load, version
from pytest_failcond.files import write_atomically
from tests.oracle.reference import (
    EXACT,
    FILE,
    KINDS,
    RANDOM,
    angles,
    motion_constants,
    pack,
    photographs,
    signature,
    summarise,
)


def exact(name: str, severity: int, kind: str) -> str:
    side, channels, count, _, _ = KINDS[kind]
    images = photographs(count, side, channels)
    if name == "motion_blur":
        radius, sigma = motion_constants(severity)
        moved = [
            load()._motion_blur(image, radius, sigma, angle)
            for image, angle in zip(images, angles(count), strict=True)
        ]
        out = np.clip(moved, 0, 255).astype(np.uint8)
    else:
        generator = np.random.default_rng(0)
        out = np.stack([corrupt_one(image, name, severity, generator) for image in images])
    return pack(signature(out))


def random(name: str, severity: int, kind: str) -> dict[str, list[float]]:
    def draw(images: np.ndarray, number: int) -> np.ndarray:
        generator = np.random.default_rng([severity, number])
        return np.stack([corrupt_one(image, name, severity, generator) for image in images])

    mean, error = summarise(draw, kind, KINDS[kind][4])
    return {"mean": np.round(mean, 4).tolist(), "error": np.round(error, 4).tolist()}


def main() -> None:
    cells: dict[str, dict[str, object]] = {"exact": {}, "random": {}}
    for kind in KINDS:
        for severity in SEVERITIES:
            for name in EXACT:
                cells["exact"][f"{name} {severity} {kind}"] = exact(name, severity, kind)
            for name in RANDOM:
                cells["random"][f"{name} {severity} {kind}"] = random(name, severity, kind)
            print(f"{kind}, severity {severity}", file=sys.stderr)
    text = json.dumps({"oracle": version(), **cells}, indent=0) + "\n"
    write_atomically(FILE, text)
    print(f"wrote {FILE}, {len(text) // 1024} KB")


if __name__ == "__main__":
    main()

"""The nineteen corruptions x five severities, against a loop over imagecorruptions."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.timing import seconds
from pytest_failcond.corruptions import NAMES, SEVERITIES, corrupt
from pytest_failcond.corruptions.original import corrupt_one

EXAMPLE = Path(__file__).parents[1] / "example_project"
PAPER = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "contrast",
    "jpeg_compression",
    "speckle_noise",
    "gaussian_blur",
)
# side, channels: images of ours, and of the loop
SIZES = {(32, 1): (4000, 20), (32, 3): (2000, 20), (224, 3): (8, 1)}


def run() -> None:
    """Print each corruption's µs per image, both ways, and their ratio, over five severities."""
    sys.path.insert(0, str(EXAMPLE))
    import digits

    # imagecorruptions refuses fewer than 32 px.
    gray = np.pad(digits.load_test_images().images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    random = np.random.default_rng(0)
    for (side, channels), (many, few) in SIZES.items():
        if channels == 1:
            images = gray[:many]
        else:  # digits of three hues, patched together: neither flat nor noise
            rows = np.repeat(gray[: 8 * many], 7 if side > 32 else 1, axis=1)
            large = np.repeat(rows, 7 if side > 32 else 1, axis=2)[..., 0]
            grain = random.integers(0, 32, (many, side, side, 3), dtype=np.uint8)
            images = np.stack([large[i * many : (i + 1) * many] // 2 + 60 for i in range(3)], -1)
            images = images + grain
        print(f"{side} px, {'gray' if channels == 1 else 'RGB'}")
        print(f"{'corruption':18}{'loop, µs':>12}{'ours, µs':>12}{'ratio':>8}")
        totals = {"all nineteen": np.zeros(2), "the paper's seven": np.zeros(2)}
        for name in NAMES:

            def loop(name: str = name, images: np.ndarray = images[:few]) -> None:
                for severity in SEVERITIES:
                    for image in images:
                        corrupt_one(image, name, severity, random)

            def ours(name: str = name, images: np.ndarray = images) -> None:
                for severity in SEVERITIES:
                    corrupt(images, name, severity)

            looped, batched = seconds(loop, ours, rounds=2)
            each = np.array([looped / few, batched / len(images)]) / len(SEVERITIES) * 1e6
            totals["all nineteen"] += each
            if name in PAPER:
                totals["the paper's seven"] += each
            print(f"{name:18}{each[0]:12.1f}{each[1]:12.2f}{each[0] / each[1]:8.1f}")
        for what, (loop_total, our_total) in totals.items():
            print(f"{what:18}{loop_total:12.1f}{our_total:12.2f}{loop_total / our_total:8.1f}")
        print()

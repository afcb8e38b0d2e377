"""The grid of seven corruptions x five severities, against a loop over imagecorruptions."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.timing import seconds
from pytest_failcond.corruptions import NAMES, SEVERITIES, corrupt
from pytest_failcond.corruptions.original import corrupt_one

EXAMPLE = Path(__file__).parents[1] / "example_project"
MANY, FEW = 10_000, 100  # images: ours all, the loop the first


def run() -> None:
    """Print µs per 32 px gray image, both ways, and their ratio."""
    sys.path.insert(0, str(EXAMPLE))
    import digits

    # imagecorruptions refuses fewer than 32 px.
    images = np.pad(digits.load_test_images().images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    print(f"{'corruption':18}{'loop, µs':>10}{'ours, µs':>10}{'ratio':>8}")
    totals = np.zeros(2)
    random = np.random.default_rng(0)
    for name in NAMES:

        def loop(name: str = name) -> None:
            for severity in SEVERITIES:
                for image in images[:FEW]:
                    corrupt_one(image, name, severity, random)

        def ours(name: str = name) -> None:
            for severity in SEVERITIES:
                corrupt(images, name, severity)

        looped, batched = seconds(loop, ours, rounds=2)
        each = np.array([looped / FEW, batched / MANY]) / len(SEVERITIES) * 1e6
        totals += each
        print(f"{name:18}{each[0]:10.1f}{each[1]:10.2f}{each[0] / each[1]:8.1f}")
    print(f"{'all seven':18}{totals[0]:10.1f}{totals[1]:10.2f}{totals[0] / totals[1]:8.1f}")

"""Write the statistics of imagecorruptions that our corruptions are held against."""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from pytest_failcond.corruptions import SEVERITIES
from pytest_failcond.corruptions.original import corrupt_one, version
from pytest_failcond.storage.files import write_atomically
from tests.oracle.reference import (
    EXACT,
    EXACTNESS,
    FILE,
    KINDS,
    RANDOM,
    angles,
    pack,
    photographs,
    signature,
    summarise,
)
from tests.oracle.sweep import every, original, sweep


def exact(name: str, severity: int, kind: str) -> str:
    side, channels, count, _, _ = KINDS[kind]
    images = photographs(count, side, channels)
    return pack(signature(original(images, name, severity, angles(count))))


def random(name: str, severity: int, kind: str) -> dict[str, list[float]]:
    def draw(images: np.ndarray, number: int) -> np.ndarray:
        generator = np.random.default_rng([severity, number])
        return np.stack([corrupt_one(image, name, severity, generator) for image in images])

    mean, error = summarise(draw, kind, KINDS[kind][4])
    return {"mean": np.round(mean, 4).tolist(), "error": np.round(error, 4).tolist()}


def compare(names: list[str], sides: range) -> None:
    """Print how many cells are apart from imagecorruptions, and by how much; exit 1 if too many are."""
    wrong = 0
    for name in names:
        found = sweep(every(name, sides))
        most, share = EXACTNESS[name]
        print(
            f"{name}: {found.cells} cells, {found.different} differ, by {found.most} levels at most, "
            f"at {found.share:.5%} of textured pixels; {len(found.beyond)} by more than {most}",
            *found.beyond[:5],
            sep="\n  ",
            flush=True,
        )
        wrong += len(found.beyond) + (found.share > share)
    sys.exit(wrong > 0)


def main() -> None:
    """Write the statistics, or with ``--sweep`` compare every size."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--sweep", action="store_true", help="compare pixels at every size instead")
    parser.add_argument("--sides", type=int, nargs=2, default=(32, 130), metavar=("FIRST", "LAST"))
    parser.add_argument("names", nargs="*", help="the corruptions to compare; all exact ones")
    given = parser.parse_args()
    if given.sweep:
        compare(given.names or list(EXACT), range(given.sides[0], given.sides[1] + 1))
    else:
        write()


def write() -> None:
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

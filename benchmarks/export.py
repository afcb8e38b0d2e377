"""Hard images a second, found, read and made again, and the memory that more of them take."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.example import EXAMPLE, load_example
from pytest_failcond import HardImages
from pytest_failcond.config.settings import Settings
from pytest_failcond.hard.export import Export
from pytest_failcond.hard.manifest import KINDS, MANIFEST, Asked
from pytest_failcond.laboratory.configured import build_laboratory, load_judges
from pytest_failcond.laboratory.measure import Laboratory

CLASSES = [1, 4, 7, 8]
SEEN = 512  # images that are read and made again


def run() -> None:
    """Print CPU-seconds and images a second; FAILCOND_EXPORT is the number of images."""
    count = int(os.environ.get("FAILCOND_EXPORT", "600"))
    settings = Settings(judge="models/judge.safetensors", folder=EXAMPLE)
    generator, _, classifier, _, _ = load_example()
    laboratory = build_laboratory(settings, classifier, None, generator, load_judges(settings))
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            few = _export(laboratory, Path(folder) / kind, count // 6, [kind])
            print(f"{kind}: {few:.1f} images per CPU-second")
        before = _peak()
        speed = _export(laboratory, Path(folder) / "all", count, list(KINDS))
        print(
            f"all kinds: {speed:.1f} images per CPU-second, {count:,} images of {len(CLASSES)} classes"
        )
        print(f"  memory: {_peak() - before:.0f} MiB more at its highest than after the others")
        size = (Path(folder) / "all" / MANIFEST).stat().st_size / count
        print(f"  manifest: {size:.0f} bytes an image")
        rows = range(min(SEEN, count))
        read = HardImages(Path(folder) / "all")
        made = HardImages(Path(folder) / "all", generator)
        print(f"read: {_speed(lambda: read.pixels(rows), len(rows)):,.0f} images per CPU-second")
        print(f"made: {_speed(lambda: made.pixels(rows), len(rows)):,.0f} images per CPU-second")


def _export(laboratory: Laboratory, folder: Path, count: int, kinds: list[str]) -> float:
    """Return images per CPU-second."""
    asked = Asked.model_validate(
        {
            "count": count,
            "classes": CLASSES,
            "kinds": kinds,
            "directions": 24,
            "max_shift": 8.0,
            "dimensions": 32,
            "max_distance": 8.0,
            "seed": 0,
            "truncation": 0.7,
            "files": True,
        }
    )
    export = Export(laboratory, folder, asked)
    per_second = _speed(lambda: export.run(lambda *told: None), 1)
    return len(export) * per_second


def _speed(function: Callable[[], object], count: int) -> float:
    started = time.process_time()
    function()
    return count / (time.process_time() - started)


def _peak() -> float:
    """Return the largest memory so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

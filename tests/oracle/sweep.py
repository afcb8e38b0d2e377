"""Our pixels beside imagecorruptions' own, shape by shape: no size is taken for another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from pytest_failcond import corrupt
from pytest_failcond.corruptions import SEVERITIES
from pytest_failcond.corruptions.blur import smear
from pytest_failcond.corruptions.original import corrupt_one, load
from tests.oracle.reference import EXACTNESS, motion_constants, photographs

CONTENTS = ("photograph", "noise", "blocks")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One comparison: a corruption of images of one shape, one photograph, noise and blocks."""

    name: str
    severity: int
    height: int
    width: int
    channels: int

    def images(self) -> np.ndarray:
        random = np.random.default_rng([self.height, self.width, self.channels])
        shape = (self.height, self.width, self.channels)
        side = max(self.height, self.width)
        photograph = photographs(1, side, self.channels, seed=8)[0, : self.height, : self.width]
        patches = random.integers(0, 2, (-(-self.height // 9), -(-self.width // 9), shape[2])) * 255
        blocks = np.kron(patches, np.ones((9, 9, 1)))[: self.height, : self.width]
        return np.stack([photograph, random.integers(0, 256, shape), blocks]).astype(np.uint8)

    def apart(self) -> np.ndarray:
        """Return how many levels ours are from theirs, ``[3, H, W, C]``, one image per content."""
        images = self.images()
        angles = (np.arange(len(images)) * 37.1 + self.height * 7.7 + self.width) % 90 - 45
        theirs = original(images, self.name, self.severity, angles)
        return np.abs(native(images, self.name, self.severity, angles).astype(int) - theirs)


def original(images: np.ndarray, name: str, severity: int, angles: np.ndarray) -> np.ndarray:
    """Corrupt as imagecorruptions does; ``angles``, in degrees, are those of motion_blur."""
    if name != "motion_blur":
        random = np.random.default_rng(0)
        return np.stack([corrupt_one(image, name, severity, random) for image in images])
    radius, sigma = motion_constants(severity)
    moved = [
        load()._motion_blur(image, radius, sigma, angle)
        for image, angle in zip(images, angles, strict=True)
    ]
    return np.clip(moved, 0, 255).astype(np.uint8)


def native(images: np.ndarray, name: str, severity: int, angles: np.ndarray) -> np.ndarray:
    """Corrupt as `original`, by our kernels."""
    if name != "motion_blur":
        return corrupt(images, name, severity)
    return smear(images, *motion_constants(severity), angles).astype(np.uint8)


@dataclasses.dataclass
class Found:
    """What many cells have shown."""

    cells: int = 0
    different: int = 0
    most: int = 0
    beyond: list[str] = dataclasses.field(default_factory=list)
    _pixels: int = 0
    _unequal: int = 0

    @property
    def share(self) -> float:
        """The share of unequal values in photographs and noise, where flat areas decide nothing."""
        return self._unequal / self._pixels

    def add(self, cell: Cell) -> None:
        apart = cell.apart()
        mixed = apart[:2]
        self.cells += 1
        self.different += bool(apart.any())
        self.most = max(self.most, int(apart.max()))
        self._pixels += mixed.size
        self._unequal += int((mixed > 0).sum())
        if apart.max() > EXACTNESS[cell.name][0]:
            worst = ", ".join(
                f"{content} {levels}"
                for content, levels in zip(CONTENTS, apart.max(axis=(1, 2, 3)), strict=True)
            )
            self.beyond.append(f"{cell}: levels apart: {worst}")


def sweep(cells: Iterable[Cell]) -> Found:
    found = Found()
    for cell in cells:
        found.add(cell)
    return found


def every(name: str, sides: range) -> Iterator[Cell]:
    """Yield squares of every side, and one other shape each, at every severity, gray and colour."""
    for side in sides:
        for width in {side, sides.start + side * 37 % len(sides)}:
            for severity in SEVERITIES:
                for channels in (1, 3):
                    yield Cell(name, severity, side, width, channels)


def some(name: str, sides: range) -> Iterator[Cell]:
    """Yield every side once, square and not in turn, over severities and channels."""
    for number, side in enumerate(sides):
        width = side if number % 2 else sides[side * 37 % len(sides)]
        yield Cell(name, SEVERITIES[number % 5], side, width, 1 if number % 3 else 3)

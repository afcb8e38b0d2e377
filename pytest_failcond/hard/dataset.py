"""Hard images as a torch dataset: read from their files, or made again from the manifest alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import Generator, as_generator
from pytest_failcond.hard.manifest import MANIFEST, Kind, read_manifest
from pytest_failcond.hard.rendering import BLOCK, StartStyles
from pytest_failcond.images.image_files import decode_pixels, read_regular
from pytest_failcond.subjects.images import to_float

_AHEAD = 4 * BLOCK  # images that are made together, if they are asked for one by one


class HardImages(Dataset[tuple[Tensor, int]]):
    """Images of ``failcond export``: float32 ``[C, H, W]`` in [0, 1], and the index of their class.

    They are read from the files beside the manifest. With a generator they are made again, to the bit
    the same on the same machine; then the manifest alone is needed. Either way few are in memory at a
    time. Made images come fastest in their order, and shuffled ones fastest from a ``DataLoader``, which
    asks for a batch at a time.

    Args:
        source: a manifest, or its folder.
        generator: that of the export.
        kinds: ``"direction"``, ``"combination"`` or ``"near"``; default all.

    Attributes:
        classes: names, by index.
        labels: int ``[N]``.
        kinds: the way of failing of each, ``[N]``.
        dimensions, shifts: those in which each is moved, and how far, σ; of any number each, ``[N]``.

    Raises:
        FailcondError: the manifest is missing or damaged, is of another generator, or its images were
            not written and there is no generator.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        generator: Generator | None = None,
        *,
        kinds: Sequence[Kind] | None = None,
    ) -> None:
        path = Path(source)
        path = path / MANIFEST if path.is_dir() else path
        manifest = read_manifest(path)
        self._folder = path.parent
        wanted = manifest.asked.kinds if kinds is None else kinds
        self._images = [image for image in manifest.images if image.kind in wanted]
        self._std = {int(k): value for k, value in manifest.std.items()}
        self._shape = tuple(manifest.image_shape)
        self._styles: StartStyles | None = None
        if generator is not None:
            generator = as_generator(generator)
            made_by = manifest.subjects.generator
            if generator.hash != made_by:
                raise FailcondError(
                    f"{path}: its images are of another generator: {made_by}, got {generator.hash}; give "
                    "the generator of the export"
                )
            asked = manifest.asked
            self._styles = StartStyles(generator, asked.seed, asked.truncation)
        elif not manifest.asked.files:
            raise FailcondError(
                f"{path}: the export wrote no image files; give its generator: generator=…"
            )
        self.classes = tuple(manifest.class_names)
        self.labels = np.array([image.label for image in self._images], dtype=np.int64)
        self.kinds = tuple(image.kind for image in self._images)
        self.dimensions = tuple(tuple(image.dimensions) for image in self._images)
        self.shifts = tuple(tuple(image.shifts) for image in self._images)
        self._ahead: tuple[int, npt.NDArray[np.uint8]] = 0, np.empty(0, dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one image; if it is made, those behind it too."""
        index = range(len(self))[index]  # an IndexError ends a loop
        first, pixels = self._ahead
        if not first <= index < first + len(pixels):
            first = index
            last = min(first + (1 if self._styles is None else _AHEAD), len(self))
            pixels = self.pixels(range(first, last))
            self._ahead = first, pixels
        return self._item(index, pixels[index - first])

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        """Return several images: torch's ``DataLoader`` asks so for a batch."""
        pixels = self.pixels(indices)
        return [self._item(index, image) for index, image in zip(indices, pixels, strict=True)]

    def pixels(self, indices: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Return images as they are in files, uint8 ``[N, H, W, C]``.

        Raises:
            FailcondError: a file is missing, or is not such an image.
        """
        chosen = [self._images[index] for index in indices]
        if self._styles is not None:
            return self._styles.render(chosen, self._std)
        if not chosen:
            return np.empty((0, *self._shape), dtype=np.uint8)
        return np.stack([self._read(self._folder / image.file) for image in chosen])

    def _read(self, path: Path) -> npt.NDArray[np.uint8]:
        if not path.is_file():
            raise FailcondError(
                f"{path}: is missing, though the manifest names it; export again, or give the generator"
            )
        pixels = decode_pixels(read_regular(path, str(path)), str(path))
        if pixels.shape != self._shape:
            raise FailcondError(
                f"{path}: is {list(pixels.shape)}, and the manifest says {list(self._shape)}; export again, "
                "or give the generator"
            )
        return pixels

    def _item(self, index: int, pixels: npt.NDArray[np.uint8]) -> tuple[Tensor, int]:
        return torch.from_numpy(to_float(pixels[None])[0]), int(self.labels[index])

"""Hard images as a torch dataset: read from their files, or made again from the manifest alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.generators.base import Generator, as_generator
from pytest_failcond.hard.listing import files_in
from pytest_failcond.hard.manifest import KINDS, MANIFEST, HardImage, Kind, read_manifest
from pytest_failcond.hard.rendering import BLOCK, StartStyles
from pytest_failcond.images.image_files import decode_pixels, read_regular
from pytest_failcond.subjects.images import to_float

_AGAIN = "run the same failcond export again, which makes what is missing, or give the generator: generator=…"
_AHEAD = 4 * BLOCK  # images that are made together, if they are asked for one by one


class HardImages(Dataset[tuple[Any, Any]]):
    """Images of ``failcond export``: float32 ``[C, H, W]`` in [0, 1], and the index of their class, an ``int``.

    They are read from the files beside the manifest. With a generator they are made again, to the bit
    the same on the same machine; then the manifest alone is needed. Either way few are in memory at a
    time. Made images come fastest in their order, and shuffled ones fastest from a ``DataLoader``, which
    asks for a batch at a time.

    Args:
        source: a manifest, or its folder.
        generator: that of the export.
        kinds: ``"direction"``, ``"combination"`` or ``"near"``; default all.
        transform: of an image, called with it.
        target_transform: of a class's index, which is an ``int``.

    Attributes:
        classes: names, by index.
        labels: int ``[N]``.
        kinds: the way of failing of each, ``[N]``.
        dimensions, shifts: those in which each is moved, and how far, σ; of any number each, ``[N]``.

    Raises:
        FailcondError: the manifest is missing or damaged, is of another generator, or has no image of a
            kind; or files are missing and there is no generator.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        generator: Generator | None = None,
        *,
        kinds: Sequence[Kind] | None = None,
        transform: Callable[[Tensor], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        path = Path(source)
        path = path / MANIFEST if path.is_dir() else path
        manifest = read_manifest(path)
        self._folder = path.parent
        self._images = _of_kinds(manifest.images, kinds, path)
        self._transform, self._target_transform = transform, target_transform
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
        else:
            self._check_files()
        self.classes = tuple(manifest.class_names)
        self.labels = np.array([image.label for image in self._images], dtype=np.int64)
        self.kinds = tuple(image.kind for image in self._images)
        self.dimensions = tuple(tuple(image.dimensions) for image in self._images)
        self.shifts = tuple(tuple(image.shifts) for image in self._images)
        self._ahead: tuple[int, npt.NDArray[np.uint8]] = 0, np.empty(0, dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return one image; if it is made, those behind it too."""
        index = range(len(self))[index]  # an IndexError ends a loop
        first, pixels = self._ahead
        if not first <= index < first + len(pixels):
            first = index
            last = min(first + (1 if self._styles is None else _AHEAD), len(self))
            pixels = self.pixels(range(first, last))
            self._ahead = first, pixels
        return self._item(index, pixels[index - first])

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Any, Any]]:
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
            raise FailcondError(f"{path}: is missing, though the manifest names it; {_AGAIN}")
        try:
            pixels = decode_pixels(read_regular(path, str(path)), str(path))
        except FailcondError as error:
            raise FailcondError(f"{error}; delete it, and {_AGAIN}") from error
        if pixels.shape != self._shape:
            raise FailcondError(
                f"{path}: is {list(pixels.shape)}, and the manifest says {list(self._shape)}; delete it, "
                f"and {_AGAIN}"
            )
        return pixels

    def _check_files(self) -> None:
        """Check that the files are there, without a look at each.

        Raises:
            FailcondError: some are missing.
        """
        below = {image.file.rpartition("/")[0] for image in self._images}
        there = {place for place, _ in files_in(self._folder, below - {""})}
        lost = [image.file for image in self._images if image.file not in there]
        if lost:
            raise FailcondError(
                f"{self._folder}: {len(lost):,} of {len(self._images):,} files that the manifest names "
                f"{'is' if len(lost) == 1 else 'are'} missing, the first is {lost[0]}; {_AGAIN}"
            )

    def _item(self, index: int, pixels: npt.NDArray[np.uint8]) -> tuple[Any, Any]:
        image, label = torch.from_numpy(to_float(pixels[None])[0]), int(self.labels[index])
        return (
            image if self._transform is None else self._transform(image),
            label if self._target_transform is None else self._target_transform(label),
        )


def _of_kinds(
    images: Sequence[HardImage], kinds: Sequence[Kind] | None, path: Path
) -> list[HardImage]:
    """Return the images of some kinds; None: of all.

    Raises:
        FailcondError: there is no such kind, or no image of one.
    """
    if not images:
        raise FailcondError(
            f"{path}: it has no image, its export has found none so far; run the same failcond export again"
        )
    if kinds is None:
        return list(images)
    wanted = [kinds] if isinstance(kinds, str) else list(kinds)
    there = {image.kind for image in images}
    for kind in wanted:
        if kind not in KINDS:
            raise FailcondError(f"kinds: there is no kind {kind!r}{nearest(str(kind), KINDS)}")
        if kind not in there:
            have = ", ".join(known for known in KINDS if known in there)
            raise FailcondError(f"{path}: it has no image of the kind {kind!r}; it has: {have}")
    if not wanted:
        raise FailcondError(f"kinds: it is empty; give some of {', '.join(KINDS)}, or leave it out")
    return [image for image in images if image.kind in wanted]

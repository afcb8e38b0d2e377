"""The folder of an export: what an earlier session left there, new files, and the manifest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import StyleSpace
from pytest_failcond.hard.candidates import Found
from pytest_failcond.hard.listing import files_in
from pytest_failcond.hard.manifest import (
    MANIFEST,
    HardImage,
    Kind,
    Manifest,
    Progress,
    line,
    read_manifest,
    write_manifest,
)
from pytest_failcond.hard.same import check_same
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.subjects.images import png


class ExportFolder:
    """The folder of an export. Files are written before the manifest names them.

    Args:
        folder: its path.
        new: the manifest of an export that has not begun.

    Attributes:
        head: the manifest, without its images.
        place: the folder, in messages.
        earlier: images that an earlier session found.
        std: σ of moved dimensions.
        saved: images in the manifest, as it was written last.

    Raises:
        FailcondError: the folder has something else in it, or an export of other settings.
    """

    def __init__(self, folder: Path, new: Manifest) -> None:
        self._folder, self.place = folder, f"OUT: {folder}"
        self.head, earlier = new, list[HardImage]()
        exists = (folder / MANIFEST).exists()
        if exists:
            found = read_manifest(folder / MANIFEST)
            check_same(self.place, found, new)
            earlier = list(found.images)
            self.head = found.model_copy(update={"images": []})
        sizes = self._sizes(earlier, exists)
        # Of each file that must be made again: its line's number, and what it shows.
        self._lost = [
            (number, image)
            for number, image in enumerate(earlier)
            if self.head.asked.files and sizes.get(image.file) != image.size
        ]
        self.std = {int(k): value for k, value in self.head.std.items()}
        self._dimensions = {int(k): name for k, name in self.head.dimensions.items()}
        self._lines = [line(image) for image in earlier]
        self.earlier = earlier
        self.saved = len(earlier)
        self._numbers = Counter(image.label for image in earlier)
        self._kinds = Counter(image.kind for image in earlier)
        if not self._lines:
            self.save(
                self.head.progress, complete=False
            )  # a place that cannot be written fails at once

    def __len__(self) -> int:
        return len(self._lines)

    def count(self, label: int) -> int:
        """Return the number of images of a class."""
        return self._numbers[label]

    def count_of(self, kind: Kind) -> int:
        """Return the number of images that fail in a way."""
        return self._kinds[kind]

    def earlier_of(self, label: int) -> list[HardImage]:
        """Take the images of a class that an earlier session found."""
        found = [image for image in self.earlier if image.label == label]
        self.earlier = [image for image in self.earlier if image.label != label]
        return found

    def add(self, found: Found) -> None:
        """Write an image; the manifest has it when it is saved."""
        candidate = found.candidate
        number = self._numbers[candidate.label]
        file = f"{self.head.folders[candidate.label]}/{number:06d}.png"
        content = png(found.pixels)
        if self.head.asked.files:
            write_atomically(self._folder / file, content)
        self._numbers[candidate.label] += 1
        self._kinds[candidate.kind] += 1
        image = HardImage(
            file=file,
            label=candidate.label,
            kind=candidate.kind,
            sample=candidate.sample,
            dimensions=list(candidate.dimensions),
            shifts=list(candidate.shifts),
            predicted=found.predicted,
            p=found.p,
            level=found.level,
            size=len(content),
        )
        self._lines.append(line(image))

    def lost(self, most: int) -> list[HardImage]:
        """Return some of the images whose files are missing, or of another size than they were written with."""
        return [image for _, image in self._lost[:most]]

    def restore(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Write the files of the first N images of `lost` again: uint8 ``[N, H, W, C]``."""
        for (number, image), made in zip(self._lost, pixels, strict=False):
            content = png(made)
            write_atomically(self._folder / image.file, content)
            self._lines[number] = line(image.model_copy(update={"size": len(content)}))
        del self._lost[: len(pixels)]

    def note(self, std: Mapping[int, float], space: StyleSpace) -> None:
        """Note σ and names of moved dimensions."""
        self.std |= std
        self._dimensions |= {k: space.name(k) for k in std}

    def save(self, progress: Mapping[str, Progress], *, complete: bool) -> None:
        """Write the manifest."""
        update: dict[str, Any] = {
            "progress": dict(progress),
            "complete": complete,
            "std": {str(k): self.std[k] for k in sorted(self.std)},
            "dimensions": {str(k): self._dimensions[k] for k in sorted(self._dimensions)},
        }
        self.head = self.head.model_copy(update=update)
        write_manifest(self._folder / MANIFEST, self.head, self._lines)
        self.saved = len(self._lines)

    def _sizes(self, earlier: Sequence[HardImage], exists: bool) -> dict[str, int]:
        """Return the sizes of the files, bytes, by place; refuse those that no export makes."""
        head = self.head
        below = {head.folders[label] for label in head.asked.classes} if head.asked.files else set()
        sizes = {place: entry.stat().st_size for place, entry in files_in(self._folder, below)}
        known = {MANIFEST, *(image.file for image in earlier)} if exists else set()
        # A process that was killed leaves files that the manifest does not name yet.
        ahead = re.compile(r".+/\d{6,}\.png") if exists and not head.complete else None
        other = min(
            (p for p in sizes if p not in known and not (ahead and ahead.fullmatch(p))),
            default=None,
        )
        if other is None:
            return sizes
        raise FailcondError(
            f"{self.place} has {other!r} in it, which does not belong to its export; remove it, or choose "
            "an empty folder"
            if exists
            else f"{self.place} is not empty, and no export is in it: it has {other!r}; choose an empty "
            "or a new folder"
        )

"""The folder of an export: what an earlier session left there, new files, and the manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import StyleSpace
from pytest_failcond.hard.candidates import Found
from pytest_failcond.hard.manifest import (
    MANIFEST,
    HardImage,
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

    Raises:
        FailcondError: the folder has something else in it, or an export of other settings.
    """

    def __init__(self, folder: Path, new: Manifest) -> None:
        self._folder, self.place = folder, f"OUT: {folder}"
        self.head, earlier = new, list[HardImage]()
        if (folder / MANIFEST).exists():
            found = read_manifest(folder / MANIFEST)
            check_same(self.place, found, new)
            earlier = list(found.images)
            self.head = found.model_copy(update={"images": []})
        elif folder.exists() and any(folder.iterdir()):
            raise FailcondError(
                f"OUT: {folder} is not empty, and no export is in it; choose an empty or a new folder"
            )
        self.std = {int(k): value for k, value in self.head.std.items()}
        self._dimensions = {int(k): name for k, name in self.head.dimensions.items()}
        self._lines = [line(image) for image in earlier]
        self.earlier = earlier
        self._numbers = Counter(image.label for image in earlier)
        if not self._lines:
            self.save(
                self.head.progress, complete=False
            )  # a place that cannot be written fails at once

    def __len__(self) -> int:
        return len(self._lines)

    def count(self, label: int) -> int:
        """Return the number of images of a class."""
        return self._numbers[label]

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
        if self.head.asked.files:
            write_atomically(self._folder / file, png(found.pixels))
        self._numbers[candidate.label] += 1
        image = HardImage(
            file=file,
            label=candidate.label,
            kind=candidate.kind,
            sample=candidate.sample,
            dimensions=list(candidate.dimensions),
            shifts=list(candidate.shifts),
            predicted=found.predicted,
            p=found.p,
        )
        self._lines.append(line(image))

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

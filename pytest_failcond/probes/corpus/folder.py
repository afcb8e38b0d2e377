"""The corpus: corner cases kept as images, to review, commit and replay.

A folder of PNG files, each as the classifier gets it, and a manifest with the class of each, its
origin, and whether the classifier must have it right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.probes.corpus.manifest import Entry, Status, read_manifest, write_manifest
from pytest_failcond.probes.keys import Key
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.words.commands import SUBJECTS, command_line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MANIFEST = "corpus.json"


@dataclass(frozen=True)
class Corpus:
    """The entries of a corpus, the folder of their images, and the entries that a review took out.

    ``removed`` holds the cases of entries that must not come back.
    """

    folder: Path
    entries: tuple[Entry, ...] = ()
    removed: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Corpus:
        """Read the manifest; images are read by `images`.

        Raises:
            FailcondError: it is missing, empty, damaged, wrongly edited, or of a newer version.
        """
        corpus = cls.read_if_any(folder)
        if corpus is None:
            raise FailcondError(
                f"corpus: there is no {folder / MANIFEST}; `failcond discover` makes it, or leave "
                "out the key"
            )
        if not corpus.entries:
            raise FailcondError(
                f"corpus: {folder / MANIFEST} has no entries; `failcond discover` adds some, or "
                "leave out the key"
            )
        return corpus

    @classmethod
    def read_if_any(cls, folder: Path) -> Corpus | None:
        """Read the manifest; None if it is missing.

        Raises:
            FailcondError: it is damaged, wrongly edited, or of a newer version.
        """
        manifest = read_manifest(folder / MANIFEST)
        if manifest is None:
            return None
        return cls(folder, tuple(manifest.entries), tuple(manifest.removed))

    def save(self, images: dict[str, bytes]) -> None:
        """Write the files of new images by id, then the manifest: it never names a missing file.

        Raises:
            FailcondError: the folder cannot be written; the older manifest is unchanged.
        """
        for entry_id, content in images.items():
            write_atomically(self.file(entry_id), content)
        write_manifest(self.folder / MANIFEST, self.entries, self.removed)

    def file(self, entry_id: str) -> Path:
        """Return the PNG file of an entry."""
        return self.folder / f"{entry_id}.png"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all entries, in the manifest's order."""
        return tuple(entry.id for entry in self.entries)

    def entry(self, entry_id: str) -> Entry:
        """Return an entry.

        Raises:
            FailcondError: there is none with this id.
        """
        (wanted,) = self._known([entry_id])
        return next(entry for entry in self.entries if entry.id == wanted)

    def marked(self, ids: Iterable[str], status: Status) -> Corpus:
        """Return the corpus with some entries of another status.

        Raises:
            FailcondError: there is no entry with such an id.
        """
        wanted = self._known(ids)
        return replace(
            self,
            entries=tuple(
                entry.model_copy(update={"status": status}) if entry.id in wanted else entry
                for entry in self.entries
            ),
        )

    def without(self, ids: Iterable[str]) -> Corpus:
        """Return the corpus without some entries, which must not come back.

        Raises:
            FailcondError: there is no entry with such an id.
        """
        wanted = self._known(ids)
        gone = [entry.case for entry in self.entries if entry.id in wanted]
        kept = tuple(entry for entry in self.entries if entry.id not in wanted)
        return replace(self, entries=kept, removed=(*self.removed, *gone))

    def _known(self, ids: Iterable[str]) -> set[str]:
        wanted = set(ids)
        for entry_id in sorted(wanted):
            if entry_id not in self.ids:
                raise FailcondError(
                    f"{self.folder / MANIFEST}: has no entry {entry_id!r}"
                    f"{nearest(entry_id, self.ids)}"
                )
        return wanted

    def free_id(self, wanted: str) -> str:
        """Return ``wanted``, or with a number added if an entry has it already."""
        taken = {entry_id.casefold() for entry_id in self.ids}  # as some file systems compare names
        free, number = wanted, 2
        while free.casefold() in taken:
            free, number = f"{wanted}-{number}", number + 1
        return free

    def labels(self, class_names: Sequence[str]) -> list[int]:
        """Return the index of every entry's class.

        Raises:
            FailcondError: a class is not among the names.
        """
        for entry in self.entries:
            if entry.class_name not in class_names:
                raise FailcondError(
                    f"{self.folder / MANIFEST}: {entry.id}: there is no class "
                    f"{entry.class_name!r}{nearest(entry.class_name, class_names)}; set classes = "
                    f"[...] in the configuration as in the run that found it"
                )
        return [class_names.index(entry.class_name) for entry in self.entries]

    def images(self) -> npt.NDArray[np.uint8]:
        """Read all images, uint8 ``[N, H, W, C]``.

        Raises:
            FailcondError: a file is missing or changed, not an image, or of another size.
        """
        import numpy as np

        read = [_pixels(self.file(entry.id), entry) for entry in self.entries]
        for entry, pixels in zip(self.entries, read, strict=True):
            if pixels.shape != read[0].shape:
                raise FailcondError(
                    f"{self.file(entry.id)}: is {list(pixels.shape)}, the first image of the corpus "
                    f"is {list(read[0].shape)}; keep images of one size in a corpus"
                )
        return np.stack(read)


def promotion(ids: Iterable[str], given: Mapping[str, str]) -> str:
    """Return the command that marks entries as fixed; ``given``: the options that chose the subjects."""
    return command_line(["discover", "--fixed", *ids], given, ["config"])


def shown_again(key: Key, given: Mapping[str, str]) -> str:
    """Return the command that makes an image again; its seed is in the manifest."""
    return command_line(["show", key], given, [name for name in SUBJECTS if name != "seed"])


def hash_png(content: bytes) -> str:
    """Return the result of `files.hash_file` for a file with this content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _pixels(path: Path, entry: Entry) -> npt.NDArray[np.uint8]:
    from pytest_failcond.images.image_files import decode_pixels, read_regular

    if not path.exists():
        raise FailcondError(
            f"{path}: is missing, though the manifest names it; take it from the commit that added "
            "it, or remove the entry"
        )
    content = read_regular(path, str(path))
    if hash_png(content) != entry.png:
        raise FailcondError(
            f"{path}: has changed: its hash is not that of the manifest; take it from the commit "
            f"that added it"
        )
    return decode_pixels(content, str(path))

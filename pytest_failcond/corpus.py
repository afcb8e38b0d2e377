"""The corpus: corner cases found once, kept as images to be reviewed, committed and replayed.

A folder of PNG files, each as the classifier is given it, and a manifest that says what each shows,
how it was found, and whether the classifier is expected to have it right.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.files import hash_file, write_atomically

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SCHEMA = 1
MANIFEST = "corpus.json"
Status = Literal["open", "fixed"]


class Entry(BaseModel):
    """One image of the corpus.

    Attributes:
        id: of its test; its file is ``<id>.png``.
        status: ``open``: the classifier is known to have it wrong; ``fixed``: it must have it right.
        class_name: the class that it shows.
        direction: the key of the direction along which it was found.
        dimension: the same dimension as ``layer[channel]``.
        sample: the start image's number in the generator's stream.
        broke_at: the shift at which the start image broke, σ.
        shift: the shift of this image, σ.
        predicted: the class that the classifier it was found on took it for.
        p: that classifier's probability of the class that it shows.
        judged: the class that the judge took it for; None: there was no judge.
        seed: of the start images.
        generator, classifier, judge: hashes of the models that it was found with.
        png: SHA-256 of its file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)
    id: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    status: Status
    class_name: str = Field(alias="class")
    direction: str
    dimension: str
    sample: int = Field(ge=0)
    broke_at: float = Field(ge=0)
    shift: float = Field(ge=0)
    predicted: str
    p: float = Field(ge=0, le=1)
    judged: str | None
    seed: int
    generator: str
    classifier: str | None
    judge: str | None
    png: str

    @property
    def case(self) -> tuple[str, int, int, str]:
        """What makes it the same case as another: its start image and the way it was moved."""
        return self.direction, self.sample, self.seed, self.generator


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    schema_: int = Field(alias="schema")
    entries: list[Entry]


@dataclass(frozen=True)
class Corpus:
    """The entries of a corpus, and the folder that their images lie in."""

    folder: Path
    entries: tuple[Entry, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Corpus:
        """Read the manifest; images are read by `images`.

        Raises:
            FailcondError: it is missing, empty, damaged, edited amiss, or of a newer version.
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
        """Read the manifest; None where there is none.

        Raises:
            FailcondError: it is damaged, edited amiss, or of a newer version.
        """
        path = folder / MANIFEST
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FailcondError(f"{path}: cannot be read ({error.strerror or error})") from error
        except ValueError as error:
            raise FailcondError(
                f"{path}: is not valid JSON ({error}); take it from the last commit"
            ) from error
        return cls(folder, _entries(path, data))

    def save(self, images: dict[str, bytes]) -> None:
        """Write the files of new images by id, then the manifest: it never names what is not there.

        Raises:
            FailcondError: the folder cannot be written; the older manifest is left as it was.
        """
        for entry_id, content in images.items():
            write_atomically(self.file(entry_id), content)
        entries = [entry.model_dump(by_alias=True) for entry in self.entries]
        text = json.dumps({"schema": SCHEMA, "entries": entries}, indent=1, ensure_ascii=False)
        write_atomically(self.folder / MANIFEST, f"{text}\n")

    def file(self, entry_id: str) -> Path:
        """Return the PNG file of an entry."""
        return self.folder / f"{entry_id}.png"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all entries, in the manifest's order."""
        return tuple(entry.id for entry in self.entries)

    def marked(self, ids: Iterable[str], status: Status) -> Corpus:
        """Return the corpus with some entries of another status.

        Raises:
            FailcondError: there is no entry with such an id.
        """
        wanted = set(ids)
        for entry_id in sorted(wanted):
            if entry_id not in self.ids:
                raise FailcondError(
                    f"{self.folder / MANIFEST}: has no entry {entry_id!r}"
                    f"{nearest(entry_id, self.ids)}"
                )
        return replace(
            self,
            entries=tuple(
                entry.model_copy(update={"status": status}) if entry.id in wanted else entry
                for entry in self.entries
            ),
        )

    def free_id(self, wanted: str) -> str:
        """Return ``wanted``, or with a number behind it where an entry has it already."""
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
                    "[...] in [tool.failcond] as when it was found"
                )
        return [class_names.index(entry.class_name) for entry in self.entries]

    def images(self) -> npt.NDArray[np.uint8]:
        """Read all images, uint8 ``[N, H, W, C]``.

        Raises:
            FailcondError: a file is missing or changed, is no image, or of another size.
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


def promotion(ids: Iterable[str]) -> str:
    """Return the command that marks entries as fixed."""
    return f"failcond discover --fixed {' '.join(ids)}"


def encode(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return the PNG file of an image ``[H, W, C]``, without loss."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def hash_png(content: bytes) -> str:
    """Return what `files.hash_file` gives for a file with this content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _entries(path: Path, data: Any) -> tuple[Entry, ...]:
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, int):
        raise FailcondError(f"{path}: is no manifest of a corpus; take it from the last commit")
    if schema > SCHEMA:
        raise FailcondError(
            f"{path}: written with schema {schema}, this version reads {SCHEMA}; update "
            "pytest-failcond"
        )
    try:
        entries = tuple(_Manifest.model_validate(data).entries)
    except ValidationError as error:
        raise FailcondError(f"{path}: {_sentence(error, data)}") from error
    seen: set[str] = set()
    for entry in entries:
        if entry.id.casefold() in seen:
            raise FailcondError(f"{path}: the id {entry.id!r} stands twice; ids are unique")
        seen.add(entry.id.casefold())
    return entries


def _sentence(error: ValidationError, data: dict[str, Any]) -> str:
    """Say the first of pydantic's findings, with the id of the entry that it is in."""
    first = error.errors()[0]
    where = list(first["loc"])
    if len(where) > 1 and where[0] == "entries" and isinstance(where[1], int):
        entry = data["entries"][where[1]]
        name = entry.get("id") if isinstance(entry, dict) else None
        where[:2] = [f"entry {where[1] + 1}" if name is None else f"entry {name!r}"]
    if first["type"] == "missing":
        return f"{': '.join(map(str, where))} is missing; add it"
    if first["type"] == "extra_forbidden":
        return f"{': '.join(map(str, where))} is not known; leave it out"
    message = first["msg"]
    return (
        f"{': '.join(map(str, where))}: {message[0].lower()}{message[1:]}, got {first['input']!r}"
    )


def _pixels(path: Path, entry: Entry) -> npt.NDArray[np.uint8]:
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        if hash_file(path) != entry.png:
            raise FailcondError(
                f"{path}: was changed since it was found: its hash is not the manifest's; take it "
                "from the commit that added it"
            )
        with Image.open(path) as image:
            pixels = np.asarray(image)
    except FileNotFoundError as error:
        raise FailcondError(
            f"{path}: is missing, though the manifest names it; take it from the commit that added "
            "it, or remove the entry"
        ) from error
    except (OSError, UnidentifiedImageError) as error:
        raise FailcondError(f"{path}: cannot be read ({error})") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels

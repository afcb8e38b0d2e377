"""The manifest of a corpus, read and written: the class and the origin of each image."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction.keys import read_key
from pytest_failcond.probes.keys import DirectionKey, untyped
from pytest_failcond.probes.moved import Moved, Moves, moved_by
from pytest_failcond.ranges import LONGEST_FILE
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.reading import Many, Record, read_json, validate
from pytest_failcond.words.printing import count

SCHEMA = 1
_REMEDY = "take it from the last commit"
_SINGLE, _SEVERAL = {"direction", "dimension"}, {"search", "moves"}
_ROUNDED = 1e-2
"""σ by which a kept combined shift may differ from that of its kept shifts."""
Status = Literal["open", "fixed"]


class Entry(Record):
    """One image of the corpus.

    Attributes:
        id: of its test; its file is ``<id>.png``.
        status: ``open``: the classifier is known to be wrong; ``fixed``: it must be right.
        class_name: the class that it shows.
        direction: the key of the direction along which it was found; None if it was moved along several.
        dimension: the same dimension as ``layer[channel]``.
        search: the key of the search that found it, if it was moved along several.
        moves: the shift of this image along each of them, σ, by their keys.
        sample: the start image's number in the generator's stream.
        broke_at: the shift at which the start image broke, σ; along several, the combined one.
        shift: the shift of this image, σ; along several, the combined one: the root of the sum of the squares.
        predicted: the prediction of the classifier on which it was found.
        p: that classifier's probability of the class that it shows.
        judged: the judge's prediction; None without a judge.
        seed: of the start images.
        truncation: of the start images; earlier versions knew none.
        generator, classifier, judge: hashes of the models that it was found with.
        png: SHA-256 of its file.
    """

    model_config = ConfigDict(populate_by_name=True)
    id: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=LONGEST_FILE)
    status: Status
    class_name: str = Field(alias="class")
    direction: str | None = None
    dimension: str | None = None
    search: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*(:[A-Za-z0-9_.+-]+)*$")
    moves: Moves | None = None
    sample: int = Field(ge=0, le=2**63 - 1)
    broke_at: float = Field(ge=0)
    shift: float = Field(ge=0)
    predicted: str
    p: float = Field(ge=0, le=1)
    judged: str | None
    seed: int
    truncation: float = Field(1.0, gt=0, le=1)
    generator: str
    classifier: str | None
    judge: str | None
    png: str

    @model_validator(mode="after")
    def _is_moved(self) -> Entry:
        """Check that it says how it was moved, once: along a direction, or along several."""
        if (self.direction is None) == (self.moves is None):
            raise ValueError("expected either direction or moves")
        if (self.dimension is None) != (self.direction is None):
            raise ValueError("direction and dimension go together")
        if (self.search is None) != (self.moves is None):
            raise ValueError("search and moves go together")
        if self.direction is not None and not isinstance(read_key(self.direction), DirectionKey):
            raise ValueError("direction must be a direction, such as direction:8:322:+")
        if self.moves and abs(self.moved.distance - self.shift) > _ROUNDED:
            raise ValueError(
                f"the moves have a length of {self.moved.distance:.4f} σ, and shift is {self.shift:g}"
            )
        return self

    @model_serializer(mode="wrap")
    def _of_its_kind(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the fields of the other kind."""
        other = _SEVERAL if self.moves is None else _SINGLE
        return {name: value for name, value in whole(self).items() if name not in other}

    @property
    def moved(self) -> Moved:
        """Its start image, and its shifts."""
        return moved_by(self.moves or {str(self.direction): self.shift}, self.sample)

    @property
    def origin(self) -> str:
        """How it was made, in words: ``combination of 13 dimensions, 4.6 σ from sample 33``."""
        moved = self.moved
        number = len(moved.directions)
        how = f"{self.dimension} {moved.directions[0].way}"
        if self.search is not None:
            how = f"{untyped(self.search).probe} of {count(number, 'dimension')}"
        return f"{how}, {moved.distance:.2g} σ from sample {self.sample}"

    @property
    def case(self) -> str:
        """The identity of its case: its start image and the way it was moved."""
        start = f"sample {self.sample} seed {self.seed}"
        if self.truncation != 1:
            start += f" truncation {self.truncation:g}"
        way = self.direction
        if self.search is not None:
            signs = sorted((key.dimension, key.sign) for key in self.moved.directions)
            way = f"{self.search} along {' '.join(f'{d}{s:+}'[:-1] for d, s in signs)}"
        return f"{way} {start} {self.generator}"

    @property
    def place(self) -> tuple[int, int, str, int, str]:
        """Its place in the manifest, whenever it was added: after those of single directions."""
        moved = self.moved
        if self.search is not None:
            return moved.class_index, sys.maxsize, self.search, self.sample, self.id
        (key,) = moved.directions
        return key.class_index, key.dimension, "+" if key.sign > 0 else "-", self.sample, self.id


class Manifest(Record):
    """The content of the file.

    Attributes:
        entries: one per image.
        removed: the cases of entries that a review took out, and that must not come back.
    """

    schema_: int = Field(alias="schema")
    entries: Many[Entry]
    removed: Many[str] = Field([])


def read_manifest(path: Path) -> Manifest | None:
    """Read a manifest; None if there is no file.

    Raises:
        FailcondError: it is damaged, edited amiss, or of a newer version.
    """
    if not path.exists():
        return None
    data = read_json(path, "a manifest of a corpus", _REMEDY)
    return _validated(path, data)


def write_manifest(path: Path, entries: Iterable[Entry], removed: Iterable[str]) -> None:
    """Write a manifest in an order that does not depend on when an entry was added.

    Raises:
        FailcondError: the place cannot be written; its earlier content is untouched.
    """
    content = {
        "schema": SCHEMA,
        "entries": [e.model_dump(by_alias=True) for e in sorted(entries, key=lambda e: e.place)],
        "removed": sorted(removed),
    }
    write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _validated(path: Path, data: Any) -> Manifest:
    schema = data.get("schema") if isinstance(data, dict) else None
    if type(schema) is not int:
        raise FailcondError(f"{path}: is not a manifest of a corpus; {_REMEDY}")
    if schema > SCHEMA:
        raise FailcondError(
            f"{path}: written with schema {schema}, this version reads {SCHEMA}; update "
            "pytest-failcond"
        )
    try:
        manifest = validate(Manifest, data)
    except ValueError as error:
        raise FailcondError(f"{path}: {error}; {_REMEDY}, or mend it") from error
    seen: set[str] = set()
    for entry in manifest.entries:
        if entry.id.casefold() in seen:
            raise FailcondError(f"{path}: two entries have the id {entry.id!r}; ids must be unique")
        seen.add(entry.id.casefold())
    return manifest

"""The manifest of a corpus, read and written: the class and the origin of each image."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction.keys import read_key
from pytest_failcond.probes.keys import DirectionKey
from pytest_failcond.ranges import LONGEST_FILE
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.reading import Many, Record, read_json, validate

SCHEMA = 1
_REMEDY = "take it from the last commit"
Status = Literal["open", "fixed"]


class Entry(Record):
    """One image of the corpus.

    Attributes:
        id: of its test; its file is ``<id>.png``.
        status: ``open``: the classifier is known to be wrong; ``fixed``: it must be right.
        class_name: the class that it shows.
        direction: the key of the direction along which it was found.
        dimension: the same dimension as ``layer[channel]``.
        sample: the start image's number in the generator's stream.
        broke_at: the shift at which the start image broke, σ.
        shift: the shift of this image, σ.
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
    direction: str
    dimension: str
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

    @field_validator("direction")
    @classmethod
    def _is_direction(cls, value: str) -> str:
        if not isinstance(read_key(value), DirectionKey):
            raise ValueError("must be a direction, such as direction:8:322:+")
        return value

    @property
    def case(self) -> str:
        """The identity of its case: its start image and the way it was moved."""
        start = f"sample {self.sample} seed {self.seed}"
        if self.truncation != 1:
            start += f" truncation {self.truncation:g}"
        return f"{self.direction} {start} {self.generator}"

    @property
    def place(self) -> tuple[int, int, str, int, str]:
        """Its place in the manifest, whenever it was added."""
        key = read_key(self.direction)
        assert isinstance(key, DirectionKey)
        sign = "+" if key.sign > 0 else "-"
        return key.class_index, key.dimension, sign, self.sample, self.id


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

"""The manifest of an export: all that its images can be made of again, with the generator's file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from pytest_failcond.errors import FailcondError
from pytest_failcond.ranges import LONGEST_NAME
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.reading import Many, Record, read_json, validate

MANIFEST = "manifest.json"
SCHEMA = 4
_WHAT = "a manifest of hard images"
_REMEDY = "export again, into an empty folder"
_SOURCE = "`failcond export FOLDER` makes a folder with one"

Kind = Literal["direction", "combination", "near"]
"""A way of failing: moved along one dimension past the break, along several, or to just before it."""
KINDS: tuple[Kind, ...] = get_args(Kind)

Number = Annotated[int, Field(ge=0, le=2**63 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]


class HardImage(Record):
    """One image.

    Attributes:
        file: its place in the folder, with ``/``.
        label: the class that it shows, by index.
        kind: the way of failing.
        sample: its start image's number in the stream ``export/<label>`` of the generator.
        dimensions: those that are moved.
        shifts: how far each is moved, σ, with its sign.
        predicted: the classifier's prediction, by index.
        p: the classifier's probability of the label.
        level: how surely the judges see the label: the least of their probabilities; 1 without a judge.
        size: of its file, bytes.
    """

    file: str
    label: Number
    kind: Kind
    sample: Number
    dimensions: Many[Number]
    shifts: Many[float]
    predicted: Number
    p: Share
    level: Share
    size: Number

    @model_validator(mode="after")
    def _a_shift_for_each(self) -> HardImage:
        if len(self.dimensions) != len(self.shifts) or not self.dimensions:
            raise ValueError(
                f"{self.file}: expected a shift for each dimension, got {len(self.dimensions)} "
                f"dimensions and {len(self.shifts)} shifts"
            )
        return self


class Asked(Record):
    """The request; images depend on nothing else but the subjects.

    Attributes:
        count: images.
        classes: by index.
        kinds: ways of failing.
        directions: of each class, at most.
        max_shift: σ, along one dimension.
        dimensions: of each class, along which combinations may be moved.
        max_distance: σ, along several.
        seed, truncation: of the start images.
        files: whether the images are written, not the manifest alone.
    """

    count: Annotated[int, Field(ge=1)]
    classes: Many[Number]
    kinds: Many[Kind]
    directions: Annotated[int, Field(ge=1)]
    max_shift: float
    dimensions: Annotated[int, Field(ge=1)]
    max_distance: float
    seed: Number
    truncation: Annotated[float, Field(gt=0, le=1)]
    files: bool


class Subjects(Record):
    """The models of an export.

    Attributes:
        generator, classifier, judges: hashes; None for a plain callable.
        classifier_name, judge_names: what the configuration calls them.
        least_p: the probability at which judges accept.
    """

    generator: str
    classifier: str | None
    classifier_name: str | None
    judges: Many[str | None]
    judge_names: Many[str]
    least_p: float | None


class Progress(Record):
    """How far the search in a class has come.

    Attributes:
        done: whether nothing more is sought.
        drawn: images drawn of its stream.
        accepted: those that show the class, as the judges see them.
        usable: those of them that the classifier has right: the start images.
        looked: images drawn while images of a kind were needed, by kind.
        left_out: why nothing can be sought in the class; empty if it can.
    """

    done: bool = False
    drawn: Number = 0
    accepted: Number = 0
    usable: Number = 0
    looked: dict[Kind, Number] = Field({})
    left_out: str = ""


class Manifest(Record):
    """The content of the file.

    Attributes:
        complete: whether the search has ended.
        class_names, folders: by index.
        image_shape: height, width and channels.
        std: σ of the moved dimensions.
        dimensions: their names, ``layer[channel]``.
        progress: by index of the class.
        images: in the order in which they were found, class after class in turn.
    """

    schema_: int = Field(alias="schema")
    complete: bool
    asked: Asked
    subjects: Subjects
    class_names: Many[str]
    folders: Many[Annotated[str, Field(max_length=LONGEST_NAME)]]
    image_shape: Annotated[Many[Number], Field(min_length=3, max_length=3)]
    std: dict[str, float]
    dimensions: dict[str, str]
    progress: dict[str, Progress]
    images: Many[HardImage]

    @field_validator("images")
    @classmethod
    def _files_once(cls, images: list[HardImage]) -> list[HardImage]:
        files = {image.file for image in images}
        if len(files) < len(images):
            raise ValueError("two images have the same file")
        return images

    @model_validator(mode="after")
    def _known_classes_and_dimensions(self) -> Manifest:
        for image in self.images:
            if image.label >= len(self.class_names):
                raise ValueError(f"{image.file}: there is no class {image.label}")
            if (place := Path(image.file)).is_absolute() or ".." in place.parts:
                raise ValueError(f"{image.file!r}: lies outside the folder")
            for k in image.dimensions:
                if str(k) not in self.std:
                    raise ValueError(f"{image.file}: std has no dimension {k}")
        return self


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        FailcondError: it is missing, damaged, or of another version.
    """
    data = read_json(path, _WHAT, _REMEDY, _SOURCE)
    schema = data.get("schema") if isinstance(data, dict) else None
    if type(schema) is not int:
        raise FailcondError(f"{path}: is not {_WHAT}; {_REMEDY}")
    if schema != SCHEMA:
        remedy = "update pytest-failcond" if schema > SCHEMA else _REMEDY
        raise FailcondError(
            f"{path}: written with schema {schema}, this version reads {SCHEMA}; {remedy}"
        )
    try:
        return validate(Manifest, data)
    except ValueError as error:
        raise FailcondError(f"{path}: {error}; {_REMEDY}") from error


def line(image: HardImage) -> str:
    """Return an image's line in the file."""
    return json.dumps(image.model_dump(), ensure_ascii=False)


def write_manifest(path: Path, head: Manifest, lines: Iterable[str]) -> None:
    """Write a manifest with an image on each line.

    Args:
        path: of the file.
        head: the manifest without images.
        lines: of `line`.

    Raises:
        FailcondError: the place cannot be written; its earlier content is untouched.
    """
    fields: dict[str, Any] = head.model_dump(by_alias=True)
    del fields["images"]
    fields["images"] = []
    opened = json.dumps(fields, indent=1, ensure_ascii=False).removesuffix("]\n}")
    body = ",\n  ".join(lines)
    body = f"\n  {body}\n ]" if body else "]"
    write_atomically(path, f"{opened}{body}\n}}\n")

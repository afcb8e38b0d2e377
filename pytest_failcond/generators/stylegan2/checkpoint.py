"""Generator files: safetensors, with all information in the header."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.storage.described import FileKind
from pytest_failcond.storage.reading import Record

_FOREIGN = (".pkl", ".pickle", ".pt", ".pth", ".ckpt")


class _Training(Record):
    """The fields that are read from the record of a training; the rest is for readers."""

    model_config = ConfigDict(extra="ignore")
    images: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    mix: dict[str, Any] = Field({})


GENERATOR: FileKind[GeneratorConfig] = FileKind(
    format="pytest-failcond-generator",
    version="1",
    name="a pytest-failcond generator",
    config=GeneratorConfig.from_json,
    shapes=lambda config: config.tensor_shapes,
    dtype="F32",
    training=_Training,
    source="`failcond train` makes one",
)


def read_config(path: str | os.PathLike[str]) -> tuple[GeneratorConfig, dict[str, Any]]:
    """Return a generator file's configuration and the record of its training, without torch.

    Raises:
        FailcondError: the file is missing, truncated, foreign, of a newer version, or its tensors are
            not those of its configuration.
    """
    where = Path(path)
    remedy = "a generator is a .safetensors file, as `failcond train` writes one"
    if where.suffix.lower() in _FOREIGN:
        both = shlex.join([str(where), str(where.with_suffix(".safetensors"))])
        remedy = f"make a generator file of it, once: `failcond convert {both}`"
    return GENERATOR.read(path, remedy)

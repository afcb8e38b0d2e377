"""Generator files: safetensors, with all information in the header.

A configuration is compared with the tensors before anything is allocated.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.storage.reading import Record, parse_json, shown, validate
from pytest_failcond.storage.tensors import misfit, read_header

FORMAT = "pytest-failcond-generator"
VERSION = "1"
_REMEDY = "a generator is a .safetensors file, as `failcond train` writes one"


class _Training(Record):
    """The fields that are read from the record of a training; the rest is for readers."""

    model_config = ConfigDict(extra="ignore")
    images: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    mix: dict[str, Any] = Field({})


def read_config(path: str | os.PathLike[str]) -> tuple[GeneratorConfig, dict[str, Any]]:
    """Return a generator file's configuration and the record of its training, without torch.

    Raises:
        FailcondError: the file is missing, truncated, foreign, of a newer version, or its tensors are
            not those of its configuration.
    """
    header = read_header(path, _REMEDY)
    metadata = header.metadata
    if metadata.get("format") != FORMAT:
        raise FailcondError(f"{path}: a safetensors file, but not a pytest-failcond generator")
    if metadata.get("version") != VERSION:
        raise FailcondError(
            f"{path}: generator format {shown(metadata.get('version'))}, this version reads "
            f"{VERSION!r}; update pytest-failcond"
        )
    try:
        config = GeneratorConfig.from_json(parse_json(metadata.get("config", "").encode()))
        training = parse_json(metadata.get("training", "{}").encode())
        validate(_Training, training)
    except (FailcondError, ValueError) as error:
        raise FailcondError(f"{path}: its header holds no valid configuration ({error})") from error
    if fault := misfit(header, config.tensor_shapes):
        raise FailcondError(f"{path}: its weights do not fit its configuration: {fault}")
    return config, training

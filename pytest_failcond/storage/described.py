"""Our own safetensors files, whose headers describe them: format, version, configuration, training.

A configuration is compared with the tensors before anything is allocated, and without torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.reading import Record, parse_json, shown, validate
from pytest_failcond.storage.tensors import misfit, read_header

C = TypeVar("C")


class AnyTraining(Record):
    """The record of a training is an object; what is in it is for the eye."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True)
class FileKind(Generic[C]):
    """A kind of file.

    Attributes:
        format: its name in the header.
        version: that is read and written.
        name: "a pytest-failcond generator".
        config: reads the configuration from plain data.
        shapes: of the tensors that a configuration asks for, by name.
        dtype: of all tensors, as safetensors calls it.
        training: the fields that are read from the record of the training.
        source: what makes such a file, as a clause.
    """

    format: str
    version: str
    name: str
    config: Callable[[Any], C]
    shapes: Callable[[C], Mapping[str, tuple[int, ...]]]
    dtype: str
    training: type[Record] = AnyTraining
    source: str = ""

    def described(self, config: Any, training: Mapping[str, Any]) -> dict[str, str]:
        """Return the texts of a header: configuration and training are JSON-ready."""
        return {
            "format": self.format,
            "version": self.version,
            "config": json.dumps(config),
            "training": json.dumps(dict(training)),
        }

    def read(self, path: str | os.PathLike[str], remedy: str) -> tuple[C, dict[str, Any]]:
        """Return a file's configuration and the record of its training.

        Args:
            path: of the file.
            remedy: what to do if it is another kind of file.

        Raises:
            FailcondError: the file is missing, truncated, foreign, of another version, or its tensors
                are not those of its configuration.
        """
        header = read_header(path, remedy, self.source)
        metadata = header.metadata
        if metadata.get("format") != self.format:
            raise FailcondError(f"{path}: a safetensors file, but not {self.name}; {remedy}")
        if metadata.get("version") != self.version:
            raise FailcondError(
                f"{path}: {self.name} of format {shown(metadata.get('version'))}, this version reads "
                f"{self.version!r}; update pytest-failcond"
            )
        try:
            config = self.config(parse_json(metadata.get("config", "").encode()))
            training = parse_json(metadata.get("training", "{}").encode())
            validate(self.training, training)
        except (FailcondError, ValueError) as error:
            raise FailcondError(
                f"{path}: its header holds no valid configuration ({error})"
            ) from error
        if fault := misfit(header, self.shapes(config), self.dtype):
            raise FailcondError(f"{path}: its weights do not fit its configuration: {fault}")
        return config, training

"""Generator files: safetensors, with everything there is to know in the header.

The header is JSON that the standard library reads, so that classes and shapes are known without
torch; nothing in such a file can execute code.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

from pytest_failcond.errors import FailcondError
from pytest_failcond.stylegan2.config import GeneratorConfig

FORMAT = "pytest-failcond-generator"
VERSION = "1"
_LARGEST_HEADER = 100_000_000  # the safetensors format's own limit, bytes


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the metadata of a safetensors file's header, after checking that the file is whole.

    Raises:
        FailcondError: the file is missing, truncated, or not a safetensors file.
    """
    where = Path(path)
    try:
        size = where.stat().st_size
        with where.open("rb") as stream:
            start = stream.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else _LARGEST_HEADER + 1
            if length > _LARGEST_HEADER:
                raise FailcondError(f"{where}: not a safetensors file")
            text = stream.read(length)
        if text and not text.startswith(b"{"):
            raise FailcondError(f"{where}: not a safetensors file")
        if len(text) < length:
            raise FailcondError(f"{where}: truncated within its header; copy the file again")
        header = json.loads(text)
        metadata = {str(k): str(v) for k, v in header.pop("__metadata__", {}).items()}
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except OSError as error:
        raise FailcondError(f"{where}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise FailcondError(f"{where}: not a safetensors file") from error
    if size != 8 + length + end:
        raise FailcondError(
            f"{where}: truncated: {size} bytes of {8 + length + end}; copy the file again"
        )
    return metadata


def read_config(path: str | os.PathLike[str]) -> tuple[GeneratorConfig, dict[str, Any]]:
    """Return a generator file's configuration and the record of its training, without torch.

    Raises:
        FailcondError: the file is missing, truncated, foreign, or of a newer version.
    """
    metadata = read_metadata(path)
    if metadata.get("format") != FORMAT:
        raise FailcondError(f"{path}: a safetensors file, but not a pytest-failcond generator")
    if metadata.get("version") != VERSION:
        raise FailcondError(
            f"{path}: generator format {metadata.get('version')!r}, this version reads {VERSION!r}; "
            "update pytest-failcond"
        )
    try:
        config = GeneratorConfig.from_json(json.loads(metadata["config"]))
        training = dict(json.loads(metadata.get("training", "{}")))
    except (FailcondError, KeyError, TypeError, ValueError) as error:
        raise FailcondError(f"{path}: its header holds no valid configuration ({error})") from error
    return config, training

"""The file of judges: safetensors in half precision, with their description in the header.

Reading it executes no code of the file. Judges that are heads on a backbone need that backbone, which is loaded
from the user's code by the ``module:callable`` in the header.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_failcond.errors import FailcondError
from pytest_failcond.judges.config import Kind, PackConfig
from pytest_failcond.storage.described import FileKind
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.tensors import packed

if TYPE_CHECKING:
    from torch import nn

_JUDGES: FileKind[PackConfig] = FileKind(
    format="pytest-failcond-judges",
    version="1",
    name="one of judges",
    config=PackConfig.from_json,
    shapes=lambda config: config.all_shapes,
    dtype="F16",
    source="`failcond judge` makes one",
)
_REMEDY = "a file of judges is a .safetensors file, as `failcond judge` writes one"


@dataclass(frozen=True)
class JudgesHeader:
    """The header of a file of judges.

    Attributes:
        config: the judges.
        training: the record of their training and quality; plain data.
    """

    config: PackConfig
    training: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PackedJudges:
    """The judges of a file.

    Attributes:
        acceptors: the judges that decide whether an image is accepted.
        guides: the judges that a search may use.
        header: of the file.

    All map images, float32 ``[N, C, H, W]`` in [0, 1], to logits ``[N, K + 1]``, the last for *none of these*.
    """

    acceptors: tuple[nn.Module, ...]
    guides: tuple[nn.Module, ...]
    header: JudgesHeader


def read_judges(path: str | os.PathLike[str]) -> JudgesHeader:
    """Return the header of a file of judges, without torch.

    Raises:
        FailcondError: the file is missing, truncated, foreign, of a newer version, or its tensors are
            not those of its judges.
    """
    return JudgesHeader(*_JUDGES.read(path, _REMEDY))


def load_judges(path: str | os.PathLike[str], *, folder: Path | None = None) -> PackedJudges:
    """Load the judges of a file.

    Args:
        path: of the file.
        folder: the first place of the search for a backbone's module; default the current directory.

    Raises:
        FailcondError: as `read_judges`, a weight is not finite, or the backbone cannot be loaded or is
            another than the judges were trained on.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from pytest_failcond.judges.networks import Judge

    header = read_judges(path)
    config = header.config
    backbone = None
    if config.features:
        backbone = _backbone(config, path, folder)
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise FailcondError(f"{path}: its weights cannot be read ({error})") from error
    if not all(value.isfinite().all() for value in tensors.values()):
        raise FailcondError(
            f"{path}: its weights are not finite, so its training diverged; train the judges again"
        )
    made: dict[Kind, list[nn.Module]] = {"acceptor": [], "guide": []}
    for judge in config.judges:
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
            module = Judge(config, judge, backbone)
        prefix = f"{judge.name}."
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        # The tensors have been checked; those of a backbone are not among them.
        module.load_state_dict({k: v.float() for k, v in own.items()}, strict=False)
        made[judge.kind].append(module.eval().requires_grad_(False))
    return PackedJudges(tuple(made["acceptor"]), tuple(made["guide"]), header)


def save_judges(
    path: str | os.PathLike[str],
    config: PackConfig,
    states: Mapping[str, Mapping[str, Any]],
    training: Mapping[str, Any],
) -> None:
    """Write a file of judges, atomically: the same bytes for the same judges.

    Args:
        path: of the file.
        config: of the judges.
        states: each judge's tensors, by the judge's name.
        training: the record of their training.

    Raises:
        FailcondError: the file cannot be written.
    """
    tensors = {}
    for judge in config.judges:
        for name in config.tensor_shapes(judge):
            value = states[judge.name][name.removeprefix(f"{judge.name}.")]
            tensors[name] = value.detach().cpu().half().numpy()
    metadata = _JUDGES.described(config.to_json(), training)
    write_atomically(path, packed(tensors, metadata, _JUDGES.dtype))


def load_backbone(reference: str, key: str, folder: Path | None = None) -> nn.Module:
    """Load the backbone of judges for large images, frozen.

    Raises:
        FailcondError: it cannot be loaded, or is not a torch module.
    """
    from torch import nn

    from pytest_failcond.subjects.loading import load_subject

    backbone: nn.Module = load_subject(reference, key, nn.Module, folder=folder)
    return backbone.eval().requires_grad_(False)


def _backbone(config: PackConfig, path: str | os.PathLike[str], folder: Path | None) -> nn.Module:
    from pytest_failcond.subjects.model_hash import hash_model

    backbone = load_backbone(config.features, f"{path}: features", folder)
    if hash_model(backbone, "backbone") != config.features_hash:
        raise FailcondError(
            f"{path}: its judges were trained on another backbone than {config.features!r} returns "
            "now; restore that backbone, or train the judges again with `failcond judge`"
        )
    return backbone

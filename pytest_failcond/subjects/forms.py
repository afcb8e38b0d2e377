"""Forms in which torch modules come: exported, compiled, of another precision or place."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from pytest_failcond.process.exchange import UserCodeError
from pytest_failcond.words.judged import the

if TYPE_CHECKING:
    import torch
    from torch import nn

_ELSEWHERE = re.compile(
    r"same device|expected device|not compiled with CUDA|No CUDA GPUs|NVIDIA driver|different devices"
)
_OF_TYPES = re.compile(r"dtype|scalar type|should be the same")
_LONGEST = 80  # characters of a compiler's complaint


def as_module(model: Any) -> Any:
    """Return an exported program's module; any other model unchanged."""
    torch = sys.modules.get("torch")
    export = getattr(torch, "export", None)
    if export is not None and isinstance(model, export.ExportedProgram):
        return model.module()
    return model


def fixed_batch(module: nn.Module) -> int | None:
    """Return the number of images that an exported module takes; None: any."""
    from torch.fx import GraphModule

    if not isinstance(module, GraphModule):
        return None
    for node in module.graph.nodes:
        if node.op == "placeholder":
            shape = getattr(node.meta.get("val"), "shape", ())
            return shape[0] if shape and isinstance(shape[0], int) else None
    return None


def other_precision(module: nn.Module) -> torch.dtype | None:
    """Return the one type of a module's weights besides float32, such as float16; None: none, or
    several.
    """
    import torch

    kinds = {value.dtype for value in (*module.parameters(), *module.buffers())}
    kinds = {kind for kind in kinds if kind.is_floating_point and kind != torch.float32}
    return kinds.pop() if len(kinds) == 1 else None


def of_precision(error: UserCodeError, kind: torch.dtype) -> UserCodeError:
    """Return the error of a call on float32 images, with the remedy for weights of another type."""
    if not _OF_TYPES.search(error.text):
        return error
    name = str(kind).removeprefix("torch.")
    return UserCodeError(
        f"{error}; some of its weights are {name}: let its forward cast its images where they are used, "
        "or load it in float32",
        error.__cause__ or error,
    )


def way_out(error: UserCodeError, name: str) -> UserCodeError:
    """Return the error of a call with its remedy, if the form of the model is its cause."""
    cause = error.__cause__ or error
    place = type(cause).__module__
    if place.startswith(("torch._dynamo", "torch._inductor")):
        text = error.text.partition(" Set TORCHDYNAMO")[0]
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        return UserCodeError(
            f"{the(name)} cannot be compiled here (torch.compile raised {error.kind}: {text}); "
            "install a C++ compiler, or give the model without torch.compile",
            cause,
        )
    if _ELSEWHERE.search(error.text):
        return UserCodeError(
            f"{error}; keep all its tensors as parameters or buffers, which move with it, call no "
            '.cuda() or .to("cuda") in its forward, and name the device by `device`',
            cause,
        )
    return error

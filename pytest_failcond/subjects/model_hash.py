"""The hash of a torch module: of the tree of its types, and its parameters and buffers.

Not its ``repr``, which changes with torch's version, nor its code: a stride, a slope or a line of
``forward`` cannot be seen. Buffers count though they may not be persistent, since the constants that
images are normalised by often are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pytest_failcond.process.exchange import ask
from pytest_failcond.words.judged import the

SCHEME = "model"
"""The prefix of these hashes. Hashes of another scheme cannot be compared with them."""


def hash_model(model: nn.Module, name: str, head: object = None) -> str | None:
    """Return the hash of a module; None if its parts cannot be seen: it is frozen.

    The same weights in ``torch.compile`` or ``DataParallel`` are the same model.

    Args:
        model: any module.
        name: its name in messages.
        head: the output that counts, if there are several: each makes another classifier.

    Raises:
        FailcondError: its state cannot be read.
    """
    digest = _Digest()
    if head is not None:
        digest.say("head", repr(head))
    ask(f"reading the weights of {the(name)}", digest.add, "", model)
    if isinstance(unwrapped(model), torch.jit.ScriptModule) and not digest.tensors:
        return None
    return f"{SCHEME}:{digest.hexdigest()}"


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module that ``torch.compile`` or a parallel wrapper, which compute the same, holds."""
    compiled = type(model).__module__.startswith("torch._dynamo")
    if compiled and isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
        return unwrapped(inner)
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return unwrapped(model.module)
    return model


class _Digest:
    """SHA-256 over a module's tree."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._seen: dict[int, str] = {}
        self.tensors = 0

    def hexdigest(self) -> str:
        return self._sha.hexdigest()

    def add(self, path: str, module: nn.Module) -> None:
        """Take in a module and all below it."""
        module = unwrapped(module)
        if id(module) in self._seen:
            self.say(path, "is", self._seen[id(module)])
            return
        self._seen[id(module)] = path
        self.say(path, _type_name(module))
        # A child may have two names, which the public iterators would hide.
        children = {key: child for key, child in module._modules.items() if child is not None}
        own: dict[str, Any] = {}
        for of in (module.named_parameters, module.named_buffers):
            own.update(of(recurse=False, remove_duplicate=False))
        for key, value in module.state_dict().items():  # packed weights of quantised modules
            if key.partition(".")[0] not in children:
                own.setdefault(key, value)
        for key in sorted(own):
            self._add_value(f"{path}.{key}", own[key])
        for key in sorted(children):
            self.add(f"{path}.{key}", children[key])

    def _add_value(self, path: str, value: Any) -> None:
        if isinstance(value, Tensor):
            self._add_tensor(path, value.detach())
        elif isinstance(value, Mapping):
            for key in sorted(value, key=str):
                self._add_value(f"{path}.{key}", value[key])
        elif isinstance(value, tuple | list):
            for position, part in enumerate(value):
                self._add_value(f"{path}.{position}", part)
        elif isinstance(value, str | int | float | bytes | torch.dtype | None):
            self.say(path, repr(value))
        else:
            self.say(path, type(value).__qualname__)

    def _add_tensor(self, path: str, value: Tensor) -> None:
        if value.is_quantized:
            self.say(path, str(value.qscheme()))
            if value.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
                self.say(path, repr(value.q_scale()), repr(value.q_zero_point()))
            else:
                self._add_tensor(f"{path}.scales", value.q_per_channel_scales())
                self._add_tensor(f"{path}.zero_points", value.q_per_channel_zero_points())
            value = value.int_repr()
        if value.layout != torch.strided:
            value = value.to_dense()
        self.tensors += 1
        self.say(path, str(value.dtype), str(tuple(value.shape)))
        plain = value.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        self._sha.update(plain.view(torch.uint8).numpy().data)

    def say(self, *words: str) -> None:
        """Take in words, so that two different lists never give the same bytes."""
        for word in words:
            data = word.encode()
            self._sha.update(len(data).to_bytes(8, "little") + data)


def _type_name(module: nn.Module) -> str:
    """Name a module's type, by its author's name."""
    if isinstance(module, torch.jit.ScriptModule):
        return f"torch.jit.{module.original_name}"
    if isinstance(module, torch.fx.GraphModule):  # each has its own class
        return "torch.fx.GraphModule"
    return f"{type(module).__module__}.{type(module).__qualname__}"

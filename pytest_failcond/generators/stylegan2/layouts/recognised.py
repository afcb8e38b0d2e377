"""Tells by its content what a foreign file has, and finds the generator in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_failcond.errors import FailcondError
from pytest_failcond.foreign.names import PERSISTENT
from pytest_failcond.foreign.values import Inert
from pytest_failcond.generators.stylegan2.layouts import nvidia, rosinality
from pytest_failcond.generators.stylegan2.layouts.layout import Found
from pytest_failcond.storage.reading import shown

_AVERAGED = ("G_ema", "g_ema")
_OTHERS = ("state_dict", "G", "g")
_WANTED = "name a file with a StyleGAN2 generator of NVIDIA, PyTorch-StudioGAN or rosinality"
_KINDS = (
    (r"synthesis\.(?:input\.|L\d+_)", "a generator of StyleGAN3, whose network is another one"),
    (
        r"(?:.*\.)?(?:from_?rgb|b4\.fc|final_linear|final_conv)\b",
        "a discriminator, not a generator",
    ),
    (r"(?:module\.)?blocks\.\d+\.\d+\.", "a network of BigGAN's kind, not a StyleGAN2"),
)
"""Names of tensors, and the network that has such."""


def find_generator(root: Any) -> Found:
    """Return the generator in the content of a file, the averaged one where a training is kept whole.

    Raises:
        FailcondError: there is none, or it is of a kind that is not read.
    """
    name, network = _chosen(root)
    notes: tuple[str, ...] = ()
    if name in _AVERAGED and len(root) > 1:
        notes = (f"of the networks in the file, the averaged generator is taken, {name}",)
    elif name in ("G", "g"):
        notes = (f"{name} is not the averaged generator, which is better but not in the file",)
    found = _of_modules(network) if isinstance(network, Inert) else _of_tensors(root, network)
    return Found(**(vars(found) | {"notes": (*notes, *found.notes)}))


def _chosen(root: Any) -> tuple[str, Any]:
    """Return the network to read, and its key in the file; empty: it is all of the file."""
    if isinstance(root, Inert):
        return "", root
    if not isinstance(root, dict):
        raise FailcondError(f"it has a {type(root).__name__}, and no generator; {_WANTED}")
    for name in (*_AVERAGED, *_OTHERS):
        if isinstance(root.get(name), dict | Inert):
            return name, root[name]
    if any(isinstance(value, np.ndarray) for value in root.values()):
        return "", root
    for name, network in root.items():
        if isinstance(network, dict | Inert) and (kind := _kind_of(_names(network))):
            raise FailcondError(
                f"its {shown(name)} is {kind}, and no generator lies under G_ema, g_ema or state_dict; {_WANTED}"
            )
    keys = ", ".join(shown(key) for key in list(root)[:6]) or "nothing"
    raise FailcondError(f"it has {keys}, and no generator; {_WANTED}")


def _of_modules(network: Inert) -> Found:
    modules = flattened(network)
    _refuse_others(list(modules.tensors))
    if not nvidia.is_one(modules.tensors):
        raise FailcondError(
            f"it is a network of the class {shown(modules.classes.get('', ''))} and no StyleGAN2 "
            f"generator; {_WANTED}"
        )
    return nvidia.found_in_modules(modules)


def _of_tensors(root: Mapping[Any, Any], network: Mapping[Any, Any]) -> Found:
    if "state_dict" in network and isinstance(network["state_dict"], dict):
        network = network["state_dict"]
    tensors = {name: value for name, value in network.items() if isinstance(value, np.ndarray)}
    if tensors and all(str(name).startswith("module.") for name in tensors):
        tensors = {str(name).removeprefix("module."): value for name, value in tensors.items()}
    _refuse_others(list(tensors))
    if nvidia.is_one(tensors):
        return nvidia.found_in_state(tensors)
    if rosinality.is_one(tensors):
        return rosinality.found_in(root, tensors, _arguments(root))
    some = ", ".join(shown(name) for name in list(tensors)[:3]) or "no tensors"
    raise FailcondError(f"it has {some}, and no StyleGAN2 generator; {_WANTED}")


def _arguments(root: Mapping[Any, Any]) -> Mapping[str, Any]:
    """Return the options of the training that are kept beside the networks."""
    kept = root.get("args")
    state = kept.state if isinstance(kept, Inert) else kept
    return state if isinstance(state, dict) else {}


def _refuse_others(names: list[Any]) -> None:
    if kind := _kind_of(names):
        raise FailcondError(f"it is {kind}; {_WANTED}")


def _kind_of(names: list[Any]) -> str:
    """Return the kind of network that has tensors of such names, if it is known and another."""
    for pattern, kind in _KINDS:
        if any(re.match(pattern, str(name)) for name in names):
            return kind
    return ""


def _names(network: Inert | Mapping[Any, Any]) -> list[Any]:
    if isinstance(network, Inert):
        return list(flattened(network).tensors)
    return list(network)


def flattened(network: Inert) -> nvidia.Modules:
    """Return the tensors and attributes of a tree of NVIDIA's modules.

    Raises:
        FailcondError: it is another object.
    """
    modules = nvidia.Modules()
    _flatten(network, "", modules)
    return modules


def _flatten(network: Any, path: str, modules: nvidia.Modules) -> None:
    where = path or "the network"
    if not isinstance(network, Inert) or (network.module, network.name) != PERSISTENT:
        raise FailcondError(f"{where} is no module of NVIDIA's; {_WANTED}")
    description = network.arguments[0]
    state = description.get("state")
    if not isinstance(state, dict):
        raise FailcondError(f"{where} is a module without a state; {_WANTED}")
    modules.classes[path] = str(description.get("class_name"))
    modules.attributes[path] = {
        str(name): value for name, value in state.items() if not str(name).startswith("_")
    }
    start = f"{path}." if path else ""
    for kind in ("_parameters", "_buffers"):
        for name, value in _part(state, kind, where).items():
            if isinstance(value, np.ndarray):
                modules.tensors[f"{start}{name}"] = value
            elif value is not None:
                raise FailcondError(f"{start}{name} is no tensor; {_WANTED}")
    for name, value in _part(state, "_modules", where).items():
        if value is not None:
            _flatten(value, f"{start}{name}", modules)


def _part(state: Mapping[Any, Any], kind: str, where: str) -> Mapping[Any, Any]:
    found: Any = state.get(kind, {})
    if not isinstance(found, dict):
        raise FailcondError(f"{where} is a module whose {kind} are no dictionary; {_WANTED}")
    return found

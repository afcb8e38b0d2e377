"""The state of a training, to continue from: networks with their Adam, as tensors of a safetensors file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.tensors import Header, read_header

Trained = Mapping[str, tuple[nn.Module, Optimizer]]
"""Networks by name, each with the Adam that moves all of its parameters."""


def open_state(path: Path, kind: str, plan: str) -> Header:
    """Return the header of a state.

    Args:
        path: of the file.
        kind: the format that it must be of.
        plan: all that the training rests on, which must be the same.

    Raises:
        FailcondError: the file is damaged or foreign, or of a training with other settings.
    """
    header = read_header(path, "remove it to start afresh")
    if header.metadata.get("format") != kind:
        raise FailcondError(f"{path}: not a training state; remove it to start afresh")
    if header.metadata.get("plan") != plan:
        raise FailcondError(
            f"{path}: this training was started with other settings; repeat them, or give another "
            f"output to start afresh"
        )
    return header


def tensors_of(trained: Trained) -> dict[str, Tensor]:
    """Return the tensors of networks and optimisers, by name, in float32; counts of steps too."""
    tensors: dict[str, Tensor] = {}
    for name, (network, optimiser) in trained.items():
        tensors |= {f"{name}.{k}": v for k, v in network.state_dict().items()}
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{name}.{number}.{k}": v for k, v in state.items()}
    return {k: v.detach().cpu().float().clone().contiguous() for k, v in tensors.items()}


def shapes_of(trained: Trained, found: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of `tensors_of`, for those parameters that were moved before.

    Args:
        trained: the networks and optimisers.
        found: the names of a file's tensors.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    moved = {key.rpartition(".")[0] for key in found if key.startswith("adam.")}
    for name, (network, _) in trained.items():
        shapes |= {f"{name}.{k}": tuple(v.shape) for k, v in network.state_dict().items()}
        for number, parameter in enumerate(network.parameters()):
            if (of := f"adam.{name}.{number}") in moved:
                shape = tuple(parameter.shape)
                shapes |= {f"{of}.step": (), f"{of}.exp_avg": shape, f"{of}.exp_avg_sq": shape}
    return shapes


def restore(trained: Trained, tensors: Mapping[str, Tensor]) -> None:
    """Give networks and optimisers the tensors of `tensors_of`."""
    for name, (network, optimiser) in trained.items():
        network.load_state_dict(part(tensors, f"{name}."))
        parameters = list(network.parameters())
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in part(tensors, f"adam.{name}.").items():
            number, entry = key.split(".", 1)
            of = parameters[int(number)]
            # A fused Adam reads moments in the order in memory of their parameter, channels last for instance.
            like = torch.empty_like(of, device="cpu").copy_(value) if value.ndim else value
            state.setdefault(int(number), {})[entry] = like
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin so, without that beginning."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

"""Users' torch modules: checked, and put into evaluation mode for a call."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeGuard

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import UserCodeError, ask
from pytest_failcond.words.judged import the

if TYPE_CHECKING:
    from torch import nn


def is_module(model: object) -> TypeGuard[nn.Module]:
    """Whether it is a torch module; False if torch is not imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


@contextlib.contextmanager
def evaluating(module: nn.Module, name: str) -> Iterator[bool]:
    """Put a module into evaluation mode, and back; yields whether any part of it was in training
    mode.
    """
    # Parts of a frozen module have no mode.
    training = [part for part in module.modules() if getattr(part, "training", False)]
    if training:
        try:
            ask(the(name), module.eval, on="when it was put into evaluation mode")
        except UserCodeError as error:
            if error.kind != "NotImplementedError":
                raise
            training = []  # modules of torch.export keep the mode of their export
    try:
        yield bool(training)
    finally:
        for part in training:
            part.training = True


def check_weights(module: nn.Module, name: str) -> None:
    """Check that a module's weights exist.

    Raises:
        FailcondError: one is not initialised yet, or on the meta device.
    """
    from torch.nn.parameter import is_lazy

    for key, value in (*module.named_parameters(), *module.named_buffers()):
        if is_lazy(value):
            raise FailcondError(
                f"{the(name)}: {key} is not initialised yet (a lazy module); call the model once on "
                "images, and load its weights, where it is loaded"
            )
        if value.is_meta:
            raise FailcondError(
                f"{the(name)}: {key} has no values (it is on the meta device); load the model's "
                "weights where it is loaded"
            )


def check_device(device: str, remedy: str = 'use --failcond-device=cpu or device = "cpu"') -> None:
    """Raise a FailcondError unless torch can compute on ``device``."""
    import torch

    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise FailcondError(f"device {device!r} is unknown; use cpu, cuda or mps") from error
    absent = (kind == "cuda" and not torch.cuda.is_available()) or (
        kind == "mps" and not torch.backends.mps.is_available()
    )
    if absent:
        raise FailcondError(f"device {device!r} is not available here; {remedy}")

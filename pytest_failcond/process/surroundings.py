"""Torch's global state: ours while we compute, the user's while the user's code runs.

A loader may set the default dtype or device. Its model relies on them; our computations must not
see them. Without an imported torch, nothing happens.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any


class _Here(threading.local):
    theirs: tuple[Any, Any] | None = None
    """The user's default dtype and device, while ours are set."""


_here = _Here()


@contextlib.contextmanager
def ours() -> Iterator[None]:
    """Compute with torch's own defaults: float32, on the CPU, outside ``torch.inference_mode``.

    Usable as a decorator. Callers decide whether gradients are recorded.
    """
    torch = sys.modules.get("torch")
    if torch is None or _here.theirs is not None:
        yield
        return
    with contextlib.ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        _here.theirs = _swap(torch, (torch.float32, torch.device("cpu")))
        if torch.get_default_device().type != "cpu":  # set by ``with torch.device(…)``
            stack.enter_context(torch.device("cpu"))
        try:
            yield
        finally:
            theirs, _here.theirs = _here.theirs, None
            _swap(torch, theirs)


@contextlib.contextmanager
def theirs() -> Iterator[None]:
    """Let the user's code run with the defaults that it set; undo its other changes.

    Defaults that it sets remain its own; gradients, threads and determinism are restored.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = _flags(torch)
    mine, saved = None, _here.theirs
    if saved is not None:
        mine, _here.theirs = _swap(torch, saved), None
    try:
        yield
    finally:
        if mine is not None:
            _here.theirs = _swap(torch, mine)
        _restore(torch, before)


def _swap(torch: Any, wanted: tuple[Any, Any]) -> tuple[Any, Any]:
    """Set default dtype and device; returns the previous ones."""
    before = torch.get_default_dtype(), torch.get_default_device()
    if before[0] != wanted[0]:
        torch.set_default_dtype(wanted[0])
    if before[1] != wanted[1]:
        torch.set_default_device(None if wanted[1].type == "cpu" else wanted[1])
    return before


def _flags(torch: Any) -> tuple[Any, ...]:
    return (
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.get_float32_matmul_precision(),
    )


def _restore(torch: Any, before: tuple[Any, ...]) -> None:
    if _flags(torch) == before:
        return
    grad, threads, deterministic, warn_only, precision = before
    torch.set_grad_enabled(grad)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
    torch.set_float32_matmul_precision(precision)

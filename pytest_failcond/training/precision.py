"""The precision in which convolutions of a training compute: half, where a device has it."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Precision(NamedTuple):
    """A type, and the scaling that it needs.

    Attributes:
        dtype: of the convolutions; weights and losses are float32.
        scaled: whether losses are scaled, because small gradients are 0 in this type.
    """

    dtype: torch.dtype
    scaled: bool


def precision_for(kind: str, half: bool, has_bfloat16: bool = True) -> Precision:
    """Return the precision for a device.

    Args:
        kind: of the device, such as ``cpu``.
        half: whether half precision is wanted.
        has_bfloat16: whether the device itself computes in bfloat16. GPUs before NVIDIA's Ampere do not,
            nor do many CPUs: these would imitate it, many times slower than float32.
    """
    if not half or (kind == "cpu" and not has_bfloat16):
        return Precision(torch.float32, scaled=False)
    if kind == "cuda" and not has_bfloat16:
        return Precision(torch.float16, scaled=True)
    return Precision(torch.bfloat16, scaled=False)


def precision_of(device: torch.device, half: bool) -> Precision:
    """Return the precision for a device that is here."""
    has = True
    if device.type == "cuda":
        has = torch.cuda.is_bf16_supported(False)
    elif device.type == "cpu":
        has = _cpu_has_bfloat16()
    return precision_for(device.type, half, has)


def _cpu_has_bfloat16() -> bool:
    """Whether torch's convolutions compute in bfloat16 on this CPU."""
    here: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return here and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

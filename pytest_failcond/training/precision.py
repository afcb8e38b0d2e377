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
        has_bfloat16: whether the device computes in bfloat16; GPUs before NVIDIA's Ampere do not.
    """
    if not half:
        return Precision(torch.float32, scaled=False)
    if kind == "cuda" and not has_bfloat16:
        return Precision(torch.float16, scaled=True)
    return Precision(torch.bfloat16, scaled=False)


def precision_of(device: torch.device, half: bool) -> Precision:
    """Return the precision for a device that is here."""
    return precision_for(
        device.type, half, device.type != "cuda" or torch.cuda.is_bf16_supported(False)
    )

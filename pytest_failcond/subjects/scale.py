"""Outputs that are probabilities already, told from logits."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from pytest_failcond.process.exchange import is_tensor

Outputs = Literal["logits", "probabilities"]
"""What a model returns."""

_ROUGH, _FINE = 0.02, 1e-4
"""How far the sum of a row of probabilities may be from 1: by bfloat16 or 8-bit outputs; and of a few
rows, where logits could sum to nearly 1 by chance.
"""
_FEW = 16
_LEAST = 1e-30  # a probability whose logarithm and its gradient are finite in float32


def are_probabilities(values: Any, *, rough: bool = False) -> bool:
    """Whether values ``[N, K]``, a tensor or an array, are probabilities of N images.

    Args:
        values: finite.
        rough: whether only the tolerance of low precision counts, however few the images.
    """
    values = values.detach().float() if is_tensor(values) else values
    if not bool((values >= 0).all()):
        return False
    tolerance = _ROUGH if rough or len(values) >= _FEW else _FINE
    return bool((abs(values.sum(axis=1) - 1) <= tolerance).all())


def logits_of(probabilities: Any) -> Any:
    """Return logits whose softmax is these probabilities; gradients flow through them."""
    if is_tensor(probabilities):
        import torch

        kind = torch.promote_types(probabilities.dtype, torch.float32)
        return probabilities.to(kind).clamp_min(_LEAST).log()
    return np.log(np.maximum(probabilities, _LEAST))

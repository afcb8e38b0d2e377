"""The memory of a batch, and its softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.subjects.memory import available_memory


def check_room(size: int, shape: Sequence[int]) -> None:
    """Check that a batch fits into memory before it is made.

    Args:
        size: images of a batch.
        shape: of an image, float32.

    Raises:
        FailcondError: it does not.
    """
    # Its pixels, twice, because the first batch is shown twice; and the index of each image.
    needed = size * (math.prod(shape) * 4 * 2 + 8)
    if needed < 1 << 28:  # 268 MB: not worth a check
        return
    free = available_memory()
    if free is not None and needed > free:
        raise FailcondError(
            f"batch_size = {size}: a batch of {' x '.join(map(str, shape))} images takes "
            f"{needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB of memory are free; lower batch_size"
        )


def copy_of(images: Any) -> Any:
    """Return a copy of an array or a tensor."""
    return images.copy() if isinstance(images, np.ndarray) else images.clone()


def is_writable(images: Any) -> bool:
    """Whether an array may be written into; a tensor always may."""
    return not isinstance(images, np.ndarray) or images.flags.writeable


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``[N, K]`` → ``[N, K]``, each row the probabilities of an image."""
    powers: npt.NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers

"""Time and ratio: the machine is noisy, so both sides are measured in turns, and the best counts."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds(*functions: Callable[[], object], rounds: int = 3) -> list[float]:
    """Return each function's shortest time of ``rounds``, s, taken in turns after a first call."""
    best = [float("inf")] * len(functions)
    for _ in range(rounds):
        for i, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[i] = min(best[i], time.perf_counter() - start)
    return best

"""Training batches on their device, made ahead of their use if the device computes beside the CPU."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

Batch = tuple[Tensor, ...]
"""The images of a step, and labels."""

AHEAD = 4
"""Batches that are made ahead for a GPU, each by a thread of its own."""


class Loader:
    """The batches of a training by step, on a device.

    A batch depends on its step alone, so batches that are made ahead are the same.

    Args:
        make: makes the batch of a step, on the CPU; called by several threads if batches are made ahead.
        device: their place.
        ahead: batches to make while another one is used; 0: each is made when it is asked for.
    """

    def __init__(self, make: Callable[[int], Batch], device: torch.device, ahead: int) -> None:
        self._make, self._device, self._ahead = make, device, ahead
        self._threads = ThreadPoolExecutor(ahead, "failcond-batches") if ahead else None
        self._waiting: dict[int, Future[Batch]] = {}

    def at(self, step: int) -> Batch:
        """Return the batch of a step."""
        if self._threads is None:
            return self._placed(self._make(step))
        wanted = range(step, step + self._ahead + 1)
        for other in self._waiting.keys() - set(wanted):  # a training that was resumed
            self._waiting.pop(other).cancel()
        for number in wanted:
            if number not in self._waiting:
                self._waiting[number] = self._threads.submit(self._pinned, number)
        return self._placed(self._waiting.pop(step).result())

    def close(self) -> None:
        """End the threads; batches that were made ahead are dropped."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()

    def _pinned(self, step: int) -> Batch:
        """Make a batch, for a GPU in memory that it reads without the CPU."""
        batch = self._make(step)
        if self._device.type != "cuda":
            return batch
        return tuple(part.pin_memory() for part in batch)

    def _placed(self, batch: Batch) -> Batch:
        return tuple(part.to(self._device, non_blocking=True) for part in batch)

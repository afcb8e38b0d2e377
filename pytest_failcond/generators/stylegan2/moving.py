"""Moved images for less than a synthesis each.

A shift in one layer leaves every earlier layer unchanged, so their part is computed once; and an image
is linear in the styles of the image layers (their outputs are upsampled and summed), so there one
synthesis gives all shifts, as far as no clamp acts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.generators.base import Move
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.network import State, Synthesis, ToImage
from pytest_failcond.process.batching import all_together, filled
from pytest_failcond.process.surroundings import ours

_KEPT = 1 << 27  # values that are kept of the unmoved images: 537 MB


class LayerMover:
    """Images, any of them moved along any of D ways.

    Args:
        synthesis: makes raw images.
        finish: raw images → images.
        styles: of the images unmoved, float32 ``[N, S]``.
        moves: D ways.
        layers: the layers that the moves change.
        device: the device of the synthesis.
        config: the shape of the network, which decides how many images are computed together.
    """

    @ours()
    def __init__(
        self,
        synthesis: Synthesis,
        finish: Callable[[Tensor], Tensor],
        styles: Tensor,
        moves: Sequence[Move],
        layers: Set[int],
        device: torch.device,
        config: GeneratorConfig,
    ) -> None:
        self._synthesis = synthesis
        self._finish = finish
        self._styles = styles
        self._moves = np.zeros((len(moves), styles.shape[1]))
        for d, move in enumerate(moves):
            self._moves[d, list(move)] = list(move.values())
        self._layer = _kept_before(config.values_before, min(layers, default=0), len(styles))
        self._device = device
        self._batch = config.batches.images
        together = all_together(len(styles), max(config.values_before), self._batch)
        with torch.no_grad():
            parts = torch.split(styles.to(device), max(together, 1))
            self._state = State.joined([synthesis.prefix(part, self._layer) for part in parts])
        changed = [synthesis.layers[layer] for layer in layers]
        self._linear = bool(changed) and all(isinstance(layer, ToImage) for layer in changed)
        if self._linear:
            self._base, self._slopes, self._room = self._unit_changes(max(together, 1))

    @ours()
    def images(
        self,
        rows: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        amounts: npt.NDArray[np.float64],
    ) -> Tensor:
        """Return image ``rows[i]`` moved by ``amounts[i]`` units of move ``which[i]``."""
        if self._linear and (np.abs(amounts) < self._room[which, rows]).all():
            units = torch.from_numpy(amounts).float()[:, None, None, None]
            return self._finish(self._base[rows] + units * self._slopes[which, rows])
        return self._finish(self._raw(rows, which, amounts))

    def _raw(
        self,
        rows: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        amounts: npt.NDArray[np.float64],
    ) -> Tensor:
        """Synthesise from the first layer that changes: raw output ``[M, C, R, R]``."""
        parts = []
        for part in filled(len(rows), self._batch):
            chosen = torch.from_numpy(rows[part].copy())
            shifts = amounts[part, None] * self._moves[which[part]]
            styles = self._styles[chosen] + torch.from_numpy(shifts).float()
            with torch.no_grad():
                state = self._state.select(chosen.to(self._device))
                raw = self._synthesis.suffix(state, styles.to(self._device), self._layer)
            parts.append(raw.cpu())
        return torch.cat(parts)[: len(rows)]

    def _unit_changes(self, size: int) -> tuple[Tensor, Tensor, npt.NDArray[np.float64]]:
        """Return the raw images, the change of each by a unit of each move, and how many units before an
        image layer's clamp acts: ``[N, C, R, R]``, ``[D, N, C, R, R]``, ``[D, N]``.
        """
        shifts = torch.from_numpy(self._moves).float().to(self._device)
        parts = []
        for chosen in torch.split(torch.arange(len(self._styles)), size):
            state = self._state.select(chosen.to(self._device))
            styles = self._styles[chosen].to(self._device)
            with torch.no_grad():
                found = self._synthesis.linear(state, styles, shifts, self._layer)
            parts.append([value.cpu() for value in found])
        images, changes, room = zip(*parts, strict=True)
        return torch.cat(images), torch.cat(changes, dim=1), torch.cat(room, dim=1).double().numpy()


def _kept_before(values: Sequence[int], first: int, count: int) -> int:
    """Return the layer before which the state of ``count`` images is kept: the first that changes, or an
    earlier one if that would take too much memory.
    """
    return max(i for i in range(first + 1) if i == 0 or count * values[i] <= _KEPT)

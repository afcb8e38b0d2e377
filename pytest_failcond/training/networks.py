"""The networks of a training, their optimisers, and their state as tensors."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.network import Network
from pytest_failcond.training.discriminator import Discriminator
from pytest_failcond.training.recipe import Recipe
from pytest_failcond.training.state import Trained, part, restore, shapes_of, tensors_of


class Networks:
    """Generator and discriminator with an optimiser each, and the generator averaged over steps.

    Args:
        config: the generator's shape.
        recipe: of the training.
        start: a generator to go on from; None: a new one, keyed by the recipe's seed.
        device: of all of them.
        scaled: whether losses are scaled, as float16 needs it.

    Attributes:
        generator, discriminator: what is trained.
        average: of the generator.
    """

    def __init__(
        self,
        config: GeneratorConfig,
        recipe: Recipe,
        start: Network | None,
        device: torch.device,
        *,
        scaled: bool,
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(recipe.seed, "weights"))
            self.generator = Network(config)
            self.discriminator = Discriminator(config, group=recipe.deviation_group)
        if start is not None:
            self.generator.load_state_dict(start.state_dict())
        for network in self._trained().values():
            network.to(device)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self._optimisers = {
            name: torch.optim.Adam(
                network.parameters(), lr=recipe.learning_rate, betas=(0.0, 0.99), eps=1e-8
            )
            for name, network in self._trained().items()
        }
        self._scalers = {
            name: torch.amp.GradScaler(device.type, enabled=scaled) for name in self._trained()
        }

    def _trained(self) -> dict[str, torch.nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def descend(self, name: str, loss: Tensor, rate: float) -> None:
        """Move one of the networks down its loss, at a learning rate."""
        optimiser = self._optimisers[name]
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        scaler = self._scalers[name]
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimiser)
        scaler.update()

    def scale(self, name: str) -> float:
        """Return the present scale of a network's losses; 1 if they are not scaled."""
        return float(self._scalers[name].get_scale())

    def scaling(self) -> dict[str, dict[str, int | float]]:
        """Return the state of the scaling, by network; nothing if losses are not scaled."""
        found = {name: scaler.state_dict() for name, scaler in self._scalers.items()}
        return {name: state for name, state in found.items() if state}

    def average_in(self, weight: float) -> None:
        """Move the average towards the generator, by a weight in [0, 1]."""
        with torch.no_grad():
            for average, current in zip(
                self.average.parameters(), self.generator.parameters(), strict=True
            ):
                average.lerp_(current, weight)

    def tensors(self) -> dict[str, Tensor]:
        """Return the whole state, by name."""
        average = {f"average.{k}": v.cpu() for k, v in self.average.state_dict().items()}
        return average | tensors_of(self._moved())

    def shapes(self, found: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of `tensors`, for those parameters of a file that were moved before."""
        average = self.average.state_dict()
        shapes = {f"average.{k}": tuple(v.shape) for k, v in average.items()}
        return shapes | shapes_of(self._moved(), found)

    def restore(
        self, tensors: dict[str, Tensor], scaling: dict[str, dict[str, int | float]]
    ) -> None:
        """Go on from what `tensors` and `scaling` returned, on this device or another."""
        for name, state in scaling.items():
            if self._scalers[name].is_enabled():
                self._scalers[name].load_state_dict(state)
        self.average.load_state_dict(part(tensors, "average."))
        restore(self._moved(), tensors)

    def _moved(self) -> Trained:
        return {
            name: (network, self._optimisers[name]) for name, network in self._trained().items()
        }


def seed_of(*parts: str | int) -> int:
    """Return a seed for torch, keyed by what it is for."""
    return int(stream_key(*parts)[0] >> np.uint64(1))

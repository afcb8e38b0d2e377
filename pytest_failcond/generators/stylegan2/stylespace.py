"""The StyleSpace (Wu et al. 2020, arXiv 2011.12799): every modulation value of one image.

Order: layer after layer as in `GeneratorConfig.style_layers`, channel after channel. In the paper's
32 px generator (512 channels everywhere) s_3322 is b16.conv1[250].
"""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.generators.base import Generator
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.process.surroundings import ours
from pytest_failcond.storage.cache import cached_array

STATISTICS_SAMPLES = 20_000
STATISTICS_SEED = 0  # of their own stream: a property of the generator, not of a run

_AT_ONCE = 1024  # dimensions whose statistics are taken together: those of all take gigabytes


def locate(config: GeneratorConfig, dimension: int) -> tuple[int, str, int]:
    """Return a dimension's layer number, layer name and channel.

    Raises:
        FailcondError: there is no such dimension.
    """
    start = 0
    for number, (name, width) in enumerate(config.style_layers):
        if 0 <= dimension - start < width:
            return number, name, dimension - start
        start += width
    raise FailcondError(f"dimension {dimension} is outside 0 to {start - 1}")


def index_of(config: GeneratorConfig, name: str) -> int:
    """Return the dimension written ``layer[channel]``, such as ``b16.conv0[2]``.

    Raises:
        FailcondError: there is no such layer or channel.
    """
    match = re.fullmatch(r"(.+)\[(\d+)\]", name)
    layers = dict(config.style_layers)
    if not match or match[1] not in layers:
        wanted = match[1] if match else name
        raise FailcondError(f"there is no style layer {wanted!r}{nearest(wanted, layers)}")
    channel, start = int(match[2]), 0
    if channel >= layers[match[1]]:
        raise FailcondError(f"{match[1]} has channels 0 to {layers[match[1]] - 1}, not {channel}")
    for layer, width in config.style_layers:
        if layer == match[1]:
            return start + channel
        start += width
    raise AssertionError(name)


class StyleSpace:
    """The dimensions of a generator's style vectors: S = ``size`` of them.

    Args:
        config: the generator's shape.
        generator: draws the style vectors.
        device: the kind of its device, which decides the last bits of σ and range.

    Attributes:
        layers: (name, width) of the modulated layers, in order.
        size: S.
    """

    def __init__(self, config: GeneratorConfig, generator: Generator, device: str) -> None:
        self._config = config
        self._generator = generator
        self._device = device
        self.layers = config.style_layers
        self.size = sum(width for _, width in self.layers)

    def name(self, dimension: int) -> str:
        """Write a dimension as ``layer[channel]``."""
        _, layer, channel = locate(self._config, dimension)
        return f"{layer}[{channel}]"

    def index(self, name: str) -> int:
        """Read a dimension written as ``layer[channel]``."""
        return index_of(self._config, name)

    def layer_of(self, dimension: int) -> int:
        """Return the number of the layer that a dimension modulates."""
        return locate(self._config, dimension)[0]

    @ours()
    def _samples(self) -> npt.NDArray[np.float32]:
        """Style vectors of all classes in equal parts: float32 ``[20000, S]``; no synthesis."""
        labels = torch.arange(STATISTICS_SAMPLES) % max(len(self._generator.classes), 1)
        styles = self._generator.sample(labels, STATISTICS_SEED, stream="statistics")
        return styles.numpy()

    @property
    def std(self) -> npt.NDArray[np.float64]:
        """σ of each dimension over 20,000 style vectors of all classes: ``[S]``."""
        std: npt.NDArray[np.float64] = self._statistics[0]
        return std

    @property
    def range(self) -> npt.NDArray[np.float64]:
        """The generator's own range: 0.1 % and 99.9 % quantiles of each dimension, ``[2, S]``."""
        ends: npt.NDArray[np.float64] = self._statistics[1:]
        return ends

    @cached_property
    def _statistics(self) -> npt.NDArray[np.float64]:
        """σ and both ends of the range, ``[3, S]``: a property of the file, so kept by its hash."""

        def compute() -> npt.NDArray[np.float64]:
            samples = self._samples()
            parts = np.array_split(samples, -(-self.size // _AT_ONCE), axis=1)
            return np.concatenate([_spread(part) for part in parts], axis=1)

        name = f"{self._generator.hash}/{self._device}/{STATISTICS_SAMPLES}"
        return cached_array(f"statistics/{name}", (3, self.size), compute)


def _spread(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return σ and both ends of the range of some dimensions: ``[N, D]`` → ``[3, D]``."""
    std = samples.std(axis=0, dtype=np.float64)
    return np.stack([std, *np.quantile(samples, [0.001, 0.999], axis=0)])

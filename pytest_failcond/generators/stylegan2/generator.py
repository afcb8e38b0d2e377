"""The trained generator, as users see it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.base import BATCH, Move
from pytest_failcond.generators.stylegan2.checkpoint import GENERATOR, read_config
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.moving import LayerMover
from pytest_failcond.generators.stylegan2.network import Network, ToImage
from pytest_failcond.generators.stylegan2.stylespace import StyleSpace, locate
from pytest_failcond.process.batching import Batches, filled
from pytest_failcond.process.surroundings import ours
from pytest_failcond.storage.files import hash_file, write_atomically
from pytest_failcond.storage.tensors import packed
from pytest_failcond.subjects.labels import class_indices

_MEAN_OF = 4096  # samples that a class's mean w is taken over


class Generator:
    """A StyleGAN2 with constant noise inputs, in float32; class-conditional, or of one kind of image.

    Args:
        config: its shape.
        network: its weights; default freshly initialised ones.
        training: the record of its training, JSON-ready.
        hash: its hash; default that of its weights.
        device: its device.
    """

    def __init__(
        self,
        config: GeneratorConfig,
        network: Network | None = None,
        *,
        training: dict[str, Any] | None = None,
        hash: str | None = None,
        device: str = "cpu",
    ) -> None:
        self.config = config
        self.network = (network or Network(config)).eval().requires_grad_(False).to(device)
        self.training = training or {}
        self.device = torch.device(device)
        self._hash = hash
        self._means: dict[int, Tensor] = {}

    @classmethod
    @ours()
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> Generator:
        """Read a generator file.

        Raises:
            FailcondError: the file is missing, truncated, foreign, or does not fit its own header.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        config, training = read_config(path)
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
            network = Network(config)
        try:
            weights = load_file(path)
            network.load_state_dict(weights)
        except (SafetensorError, RuntimeError) as error:
            raise FailcondError(f"{path}: its weights do not fit its configuration") from error
        if not all(value.isfinite().all() for value in weights.values()):
            raise FailcondError(f"{path}: its weights are not finite: its training diverged")
        return cls(config, network, training=training, hash=hash_file(path), device=device)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a generator file (safetensors, the configuration in its header), atomically."""
        tensors = {name: value.cpu().numpy() for name, value in self.network.state_dict().items()}
        metadata = GENERATOR.described(self.config.to_json(), self.training)
        write_atomically(path, packed(tensors, metadata, GENERATOR.dtype))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes; none if it is unconditional."""
        return self.config.classes

    @property
    def hash(self) -> str:
        """Its hash: of its file or, for one made in memory, of its weights."""
        if self._hash is None:
            self._hash = self.weights
        return self._hash

    @property
    def weights(self) -> str:
        """The hash of its weights alone: the record of its training may change."""
        digest = hashlib.sha256()
        for name, value in self.network.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return f"weights:{digest.hexdigest()}"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its images."""
        return (*self.config.image_size, self.config.image_channels)

    def work_from(self, layer: int) -> float:
        """Return the share of a synthesis that a shift in a layer repeats; none in an image layer."""
        linear = isinstance(self.network.synthesis.layers[layer], ToImage)
        return 0.0 if linear else self.config.work_from(layer)

    @property
    def batches(self) -> Batches:
        """How many images are computed together: fewer of large ones."""
        return self.config.batches

    @cached_property
    def style_space(self) -> StyleSpace:
        """The dimensions of its style vectors, their σ and range."""
        return StyleSpace(self.config, self, self.device.type)

    @ours()
    def sample(
        self,
        labels: Any,
        seed: int = 0,
        *,
        stream: str = "sample",
        first: int = 0,
        truncation: float = 1.0,
    ) -> Tensor:
        """Draw style vectors: labels int ``[N]`` → float32 ``[N, S]``, keyed by (seed, stream).

        These are the samples number ``first``, ``first`` + 1, … of the stream. A sample depends on
        the key, its number and its label alone, not on the number of samples; to the last bit, if
        it is drawn at the same place of a batch.

        Args:
            labels: classes by index; 0 for an unconditional generator.
            seed: keys the samples.
            stream: keys them too, by what they are for.
            first: number of the first sample.
            truncation: what remains of each w's difference from the mean w of its class, over 0 and at
                most 1: less is nearer to what is typical. Without classes, from its one mean w.

        Raises:
            FailcondError: a label is not a class of this generator, or not a whole number; or the
                truncation is outside its range.
        """
        if not 0 < truncation <= 1:
            raise FailcondError(f"truncation: {truncation:g} is not over 0 and at most 1")
        labels = torch.from_numpy(class_indices(labels))
        self._check_labels(labels)
        numbers = np.arange(first, first + len(labels))
        z = KeyedRandom("z", seed, stream, indices=numbers).normal(self.config.z_dim)
        noise = torch.from_numpy(z.astype(np.float32))
        if truncation == 1:
            return self._batched(self._styles, noise, labels)
        w = self._batched(self.network.mapping, noise, labels)
        mean = torch.stack([self._mean_w(c) for c in labels.tolist()]) if len(labels) else w
        return self._batched(self.network.synthesis.styles, mean + truncation * (w - mean))

    def _mean_w(self, class_index: int) -> Tensor:
        """Return the mean w of a class, ``[w_dim]``, taken once."""
        if not self.classes:
            mean: Tensor = self.network.mapping.mean.cpu()
            return mean
        if class_index in self._means:
            return self._means[class_index]
        numbers = np.arange(_MEAN_OF)
        z = KeyedRandom("z", 0, f"mean/{class_index}", indices=numbers).normal(self.config.z_dim)
        labels = torch.full((_MEAN_OF,), class_index)
        w = self._batched(self.network.mapping, torch.from_numpy(z.astype(np.float32)), labels)
        self._means[class_index] = w.double().mean(dim=0).float()
        return self._means[class_index]

    @ours()
    def synthesize(self, styles: Tensor) -> Tensor:
        """Make images: styles ``[N, S]`` → float32 ``[N, C, H, W]`` in [0, 1], cropped."""
        return self._batched(self.render, self._check(styles), size=self.batches.images)

    def render(self, styles: Tensor) -> Tensor:
        """Make the images of one batch on its device; gradients flow to ``styles``."""
        return self.finish(self.network.synthesis(styles.to(self.device)))

    def mover(self, styles: Tensor, moves: Sequence[Move]) -> LayerMover:
        """Prepare to move the images of ``styles`` ``[N, S]``, each along any of ``moves``.

        Layers that no move changes are computed once: moves that begin in one layer belong
        together.

        Raises:
            FailcondError: the style vectors have another width, or a dimension does not exist.
        """
        layers = {locate(self.config, k)[0] for move in moves for k in move}
        styles = self._check(styles)
        synthesis = self.network.synthesis
        return LayerMover(synthesis, self.finish, styles, moves, layers, self.device, self.config)

    def finish(self, raw: Tensor) -> Tensor:
        """Map raw output x to an image: clamp((x + 1) / 2, 0, 1), the padding cropped."""
        rows, columns = self.config.crop
        return ((raw + 1) / 2).clamp(0, 1)[:, :, rows, columns]

    def _styles(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.network.synthesis.styles(self.network.mapping(z, labels))

    def _batched(self, function: Any, *inputs: Tensor, size: int = BATCH) -> Tensor:
        """Apply ``function`` in batches of one size, the last one padded by repetition."""
        count = len(inputs[0])
        parts = []
        with torch.no_grad():
            for rows in filled(count, size) if count else [slice(0)]:
                batch = [value[rows].to(self.device) for value in inputs]
                parts.append(function(*batch).cpu())
        return torch.cat(parts)[:count]

    def _check_labels(self, labels: Tensor) -> None:
        last = max(len(self.classes) - 1, 0)
        if len(labels) and int(labels.max()) > last:
            has = (
                f"has classes 0 to {last}" if self.classes else "has no classes, so each label is 0"
            )
            raise FailcondError(f"labels: this generator {has}, got {int(labels.max())}")

    def _check(self, styles: Tensor) -> Tensor:
        width = sum(width for _, width in self.config.style_layers)
        if styles.ndim != 2 or styles.shape[1] != width:
            raise FailcondError(f"styles: expected [N, {width}], got {list(styles.shape)}")
        return styles.float()

"""Training of the generator: the StyleGAN2 losses with an auxiliary class head, keyed and resumable.

Sources: non-saturating loss and lazy R1 regularisation, path length and weight averaging from arXiv
1912.04958; class head and its two losses from ADC-GAN (arXiv 2107.10060); adaptive augmentation
from arXiv 2006.06676. All randomness is keyed by (seed, step): a resumed run draws the same numbers
as an uninterrupted one.
"""

from __future__ import annotations

import copy
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator
from torch import Tensor

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.reading import Record, parse_json, validate
from pytest_failcond.storage.tensors import misfit
from pytest_failcond.training.augment import adjust, augment
from pytest_failcond.training.data import CorruptionMix, TrainingImages, labels_at
from pytest_failcond.training.loading import AHEAD, Batch, Loader
from pytest_failcond.training.networks import Networks, seed_of
from pytest_failcond.training.precision import precision_of
from pytest_failcond.training.recipe import Recipe
from pytest_failcond.training.state import open_state

_AUGMENT_EVERY = 4  # steps between two adjustments of the augmentation
_PATH_EVERY = 4
_PATH_DECAY = 0.01
LOSSES = ("D", "D class", "G", "G class")
"""The names of the losses; while the discriminator warms up, only its own exist."""

_SIGNS = "signs"  # the mean sign of the discriminator's scores of real images
_STATE_FORMAT = "pytest-failcond-training"


class _Progress(Record):
    """The progress of a training, apart from its tensors."""

    step: Annotated[int, Field(ge=0, le=2**53)]
    augmentation: tuple[float, list[float]]
    scaling: dict[str, dict[str, int | float]] = Field(default_factory=dict)

    @field_validator("augmentation", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class Trainer:
    """Two networks, their optimisers and an averaged generator, advanced a step at a time.

    Args:
        config: the generator's shape.
        images: the training images.
        recipe: the recipe.
        start: a trained generator of the same shape to go on from; default a new one. Its
            discriminator is not kept: a new one learns.
        device: of the networks. A GPU computes in its half precision, unless the recipe says float32, and
            its batches are made ahead.

    Attributes:
        step: steps done.

    Raises:
        FailcondError: the images, or the start, do not fit the configuration.
    """

    def __init__(
        self,
        config: GeneratorConfig,
        images: TrainingImages,
        recipe: Recipe,
        start: Generator | None = None,
        device: str = "cpu",
    ) -> None:
        if not config.classes:
            raise FailcondError(
                "a generator without classes cannot be trained on; start from one with classes"
            )
        images.check(config)
        if start is not None and start.config != config:
            raise FailcondError(
                "the shape or the classes of the generator to start from differ from the options; "
                "leave out --classes, --resolution and --channels, or start afresh"
            )
        self._start = start
        self.config = config
        self.recipe = recipe
        self.step = 0
        self._images = images
        self._device = torch.device(device)
        self._dtype, scaled = precision_of(self._device, recipe.bf16)
        network = None if start is None else start.network
        self._networks = Networks(config, recipe, network, self._device, scaled=scaled)
        self._loader = Loader(self._made, self._device, AHEAD if self._device.type == "cuda" else 0)
        self._augmentation = 0.0
        self._real_signs: list[float] = []
        self._path_mean = torch.zeros((), device=self._device)

    @property
    def mix(self) -> CorruptionMix:
        """The corruption of its training images."""
        return self._images.mix

    @property
    def images_seen(self) -> int:
        """Real images shown so far."""
        return self.step * self.recipe.batch

    def generator(self) -> Generator:
        """Return a copy of the averaged generator, with the record of its training."""
        record = {"images": self.images_seen, "recipe": asdict(self.recipe)}
        record |= {"mix": asdict(self._images.mix), "data": self._images.hash}
        if self._start is not None:
            record["start"] = {"hash": self._start.hash, "training": self._start.training}
        return Generator(self.config, copy.deepcopy(self._networks.average), training=record)

    def advance(self) -> dict[str, float]:
        """Do one step: discriminator, generator, average. Returns the losses by name."""
        recipe, count = self.recipe, self.recipe.batch
        noise = torch.Generator(self._device)
        noise.manual_seed(seed_of(recipe.seed, "noise", self.step))
        real, real_labels, fake_labels = self._loader.at(self.step)
        z = torch.randn((2 * count, self.config.z_dim), generator=noise, device=self._device)

        found = self._train_discriminator(real, real_labels, z[:count], fake_labels, noise)
        warm = self.images_seen >= recipe.warm_up
        if warm:
            found |= self._train_generator(z[count:], fake_labels, noise)
        self.step += 1
        if warm:
            self._update_average()
        values = torch.stack([*found.values()]).tolist()  # once a step: a GPU is waited for
        losses = dict(zip(found, values, strict=True))
        self._real_signs.append(losses.pop(_SIGNS))
        self._update_augmentation()
        for name, value in losses.items():
            if not math.isfinite(value):
                raise FailcondError(
                    f"training diverged: {name} loss is {value} at step {self.step}; "
                    "lower the learning rate or raise r1_gamma"
                )
        return losses

    def _made(self, step: int) -> Batch:
        """Return the real images of a step, their labels, and those of the generated images."""
        classes, recipe = len(self.config.classes), self.recipe
        real, fake = labels_at(step, classes, recipe.batch, recipe.seed)
        return self._images.batch(real, step), torch.from_numpy(real), torch.from_numpy(fake)

    def _train_discriminator(
        self, real: Tensor, real_labels: Tensor, z: Tensor, labels: Tensor, noise: torch.Generator
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            fake = self._synthesize(z, labels, noise)
        penalise = self.step % self.recipe.r1_every == 0
        shown = augment(real, self._augmentation, noise).detach().requires_grad_(penalise)
        fake = augment(fake, self._augmentation, noise)
        real_score, real_class = self._networks.discriminator(shown, real_labels, dtype=self._dtype)
        fake_score, fake_class = self._networks.discriminator(fake, labels, dtype=self._dtype)
        loss = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
        class_loss = F.cross_entropy(real_class, 2 * real_labels) + F.cross_entropy(
            fake_class, 2 * labels + 1
        )
        total = loss + self.recipe.class_weight * class_loss
        if penalise:
            scale = self._networks.scale("discriminator")
            scaled = scale * real_score.sum()
            (gradient,) = torch.autograd.grad(scaled, shown, create_graph=True)
            penalty = (gradient / scale).square().sum(dim=(1, 2, 3)).mean()
            total = total + penalty * (self.recipe.r1_gamma / 2 * self.recipe.r1_every)
        self._networks.descend("discriminator", total, self.recipe.rate(self.images_seen))
        signs = real_score.detach().sign().mean()
        return {"D": loss.detach(), "D class": class_loss.detach(), _SIGNS: signs}

    def _train_generator(
        self, z: Tensor, labels: Tensor, noise: torch.Generator
    ) -> dict[str, Tensor]:
        fake = augment(self._synthesize(z, labels, noise), self._augmentation, noise)
        self._networks.discriminator.requires_grad_(False)
        score, logits = self._networks.discriminator(fake, labels, dtype=self._dtype)
        self._networks.discriminator.requires_grad_(True)
        loss = F.softplus(-score).mean()
        class_loss = F.cross_entropy(logits, 2 * labels) - F.cross_entropy(logits, 2 * labels + 1)
        total = loss + self.recipe.class_weight * class_loss
        if self.recipe.path_weight and self.step % _PATH_EVERY == 0:
            total = total + self._path_penalty(z, labels, noise) * _PATH_EVERY
        self._networks.descend("generator", total, self.recipe.rate(self.images_seen))
        return {"G": loss.detach(), "G class": class_loss.detach()}

    def _path_penalty(self, z: Tensor, labels: Tensor, noise: torch.Generator) -> Tensor:
        """Path-length regularisation (arXiv 1912.04958, eq. 4), on half the batch."""
        half = max(1, len(z) // 2)
        w = self._networks.generator.mapping(z[:half], labels[:half])
        image = self._networks.generator.synthesis(
            self._networks.generator.synthesis.styles(w), noise=noise
        )
        direction = torch.randn(image.shape, generator=noise, device=noise.device) / math.sqrt(
            image[0, 0].numel()
        )
        (jacobian,) = torch.autograd.grad((image * direction).sum(), w, create_graph=True)
        lengths = jacobian.square().sum(dim=1).sqrt()
        self._path_mean = self._path_mean.lerp(lengths.detach().mean(), _PATH_DECAY)
        penalty: Tensor = (lengths - self._path_mean).square().mean() * self.recipe.path_weight
        return penalty

    def _synthesize(self, z: Tensor, labels: Tensor, noise: torch.Generator) -> Tensor:
        styles = self._networks.generator.synthesis.styles(
            self._networks.generator.mapping(z, labels)
        )
        images: Tensor = self._networks.generator.synthesis(styles, dtype=self._dtype, noise=noise)
        return images

    def _update_average(self) -> None:
        seen = self.images_seen + (self._start.training.get("images", 0) if self._start else 0)
        half_life = min(self.recipe.ema_images, seen * self.recipe.ema_ramp)
        self._networks.average_in(1.0 - 0.5 ** (self.recipe.batch / max(half_life, 1e-8)))

    def _update_augmentation(self) -> None:
        if self.step % _AUGMENT_EVERY:
            return
        if self.recipe.adaptive_augmentation:
            signs = sum(self._real_signs) / len(self._real_signs)
            images = _AUGMENT_EVERY * self.recipe.batch
            self._augmentation = adjust(self._augmentation, signs, images)
        self._real_signs.clear()

    def close(self) -> None:
        """End the threads that make batches ahead, if there are any."""
        self._loader.close()

    def save(self, path: Path) -> None:
        """Write the whole state of the training, atomically, as safetensors."""
        from safetensors.torch import save

        tensors = self._networks.tensors() | {"path_mean": self._path_mean}
        metadata = {
            "format": _STATE_FORMAT,
            "step": str(self.step),
            "plan": self._plan(),
            "augmentation": json.dumps([self._augmentation, self._real_signs]),
        }
        if scaling := self._networks.scaling():
            metadata["scaling"] = json.dumps(scaling)
        contiguous = {k: v.detach().clone().contiguous() for k, v in tensors.items()}
        write_atomically(path, save(contiguous, metadata))

    def resume(self, path: Path) -> None:
        """Continue from the file of `save`.

        Raises:
            FailcondError: the file is damaged, or of a training with other settings.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        header = open_state(path, _STATE_FORMAT, self._plan())
        metadata = header.metadata
        try:
            state = validate(
                _Progress,
                {
                    name: parse_json(metadata.get(name, "").encode())
                    for name in ("step", "augmentation", "scaling")
                    if name in metadata or name != "scaling"
                },
            )
            if fault := misfit(header, self._networks.shapes(header.tensors) | {"path_mean": ()}):
                raise ValueError(fault)
            self._restore(load_file(path), state)
        except (SafetensorError, RuntimeError, ValueError) as error:
            raise FailcondError(f"{path}: damaged: {error}; remove it to start afresh") from error

    def _restore(self, tensors: dict[str, Tensor], progress: _Progress) -> None:
        self._networks.restore(tensors, progress.scaling)
        self._path_mean = tensors["path_mean"].to(self._device)
        self._augmentation, self._real_signs = progress.augmentation
        self.step = progress.step

    def _plan(self) -> str:
        plan = {
            "config": self.config.to_json(),
            "recipe": asdict(self.recipe),
            "images": self._images.hash,
            "start": self._start.hash if self._start else None,
        }
        return json.dumps(plan, sort_keys=True)

"""The training of all judges, one step at a time; it is keyed, so that it can be repeated and resumed."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.errors import FailcondError
from pytest_failcond.judges.config import JudgeConfig, Kind, PackConfig
from pytest_failcond.judges.networks import Judge
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.reading import Record, parse_json, validate
from pytest_failcond.storage.tensors import misfit
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.training.judges.agreement import disagreement
from pytest_failcond.training.judges.calibration import temperature
from pytest_failcond.training.judges.examples import Examples
from pytest_failcond.training.judges.learner import Learner
from pytest_failcond.training.judges.negatives import OF_ACCEPTORS, OF_GUIDES, taught
from pytest_failcond.training.judges.parts import Parts
from pytest_failcond.training.judges.recipe import JudgeRecipe
from pytest_failcond.training.state import (
    Trained,
    open_state,
    restore,
    shapes_of,
    tensors_of,
)

_STATE_FORMAT = "pytest-failcond-judge-training"
_RISE = 0.25  # the share of the training over which the learning rate rises
_FAMILIES = {"acceptor": OF_ACCEPTORS, "guide": OF_GUIDES}


class _Progress(Record):
    """The progress of a training, kept beside its tensors."""

    step: Annotated[int, Field(ge=0, le=2**53)]
    seconds: Annotated[float, Field(ge=0)]


class JudgeTrainer:
    """Judges and their optimisers.

    Args:
        data: labelled images.
        parts: the images that each kind of judge learns from.
        pack: the judges' shapes.
        recipe: the numbers of the training.
        steps: of a whole training.
        seconds: the longest time of a whole training, which then has fewer steps and still ends at the
            lowest learning rate; None: no limit.
        backbone: a frozen module whose features the judges read.
        device: of the judges; examples are made on the CPU.

    Attributes:
        step: the number of steps done.
        seconds: the time taken so far; the caller of `advance` counts it.
    """

    def __init__(
        self,
        data: LabeledImages,
        parts: Parts,
        pack: PackConfig,
        recipe: JudgeRecipe,
        *,
        steps: int,
        seconds: float | None = None,
        backbone: nn.Module | None = None,
        device: str = "cpu",
    ) -> None:
        self.pack, self.recipe, self.steps, self.parts = pack, recipe, steps, parts
        self.step, self.seconds = 0, 0.0
        self._most_seconds = seconds
        self._backbone = backbone if backbone is None else backbone.to(device)
        self._device = torch.device(device)
        self._images = data.hash
        self._learners: dict[str, Learner] = {}
        self._examples: dict[Kind, Examples] = {}
        self._optimisers: dict[str, torch.optim.AdamW] = {}
        for judge in pack.judges:
            learner = self._new(judge)
            self._learners[judge.name] = learner
            self._optimisers[judge.name] = torch.optim.AdamW(
                learner.parameters(),
                lr=recipe.learning_rate,
                weight_decay=0.01,
                fused=self._device.type in ("cpu", "cuda"),
            )
            if judge.kind not in self._examples:
                self._examples[judge.kind] = self._examples_of(judge.kind, data)

    def _new(self, judge: JudgeConfig) -> Learner:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_seed("weights", self.recipe.seed, judge.name))
            learner = Learner(self.pack, judge, self._backbone)
        return learner.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _examples_of(self, kind: Kind, data: LabeledImages) -> Examples:
        """Return the examples of all judges of a kind: making them costs a quarter of a judge's step."""
        return Examples(
            data,
            self.parts.acceptors if kind == "acceptor" else self.parts.guides,
            taught(_FAMILIES[kind]),
            batch=self.recipe.batch,
            negatives=self.recipe.negatives_per_batch,
            key=(self.recipe.seed, kind),
        )

    @property
    def progress(self) -> float:
        """The share of the training that is done, by steps or by time, in [0, 1]."""
        by_time = 0.0 if self._most_seconds is None else self.seconds / self._most_seconds
        return min(1.0, max(self.step / self.steps, by_time))

    @property
    def images_seen(self) -> int:
        """The number of examples that each judge has seen so far."""
        return self.step * self.recipe.batch

    def advance(self) -> dict[str, float]:
        """Do one step of every judge. Returns their losses by name.

        Raises:
            FailcondError: the training diverged.
        """
        losses: dict[str, float] = {}
        for kind, examples in self._examples.items():
            images, answers = (x.to(self._device) for x in examples.at(self.step))
            of_kind = [judge.name for judge in self.pack.judges if judge.kind == kind]
            logits = {name: self._learners[name].train()(images) for name in of_kind}
            for name, own in logits.items():
                loss = F.cross_entropy(own, answers, label_smoothing=self.recipe.smoothing)
                others = [logits[other] for other in of_kind if other != name]
                loss = loss + self.recipe.agreement * disagreement(own, others, answers)
                self._move(name, loss)
                losses[name] = float(loss.detach())
        self.step += 1
        return losses

    def _move(self, name: str, loss: Tensor) -> None:
        if not math.isfinite(value := float(loss.detach())):
            raise FailcondError(
                f"training diverged: the loss of {name} is {value} at step {self.step + 1}; lower "
                "--learning-rate"
            )
        optimiser = self._optimisers[name]
        for group in optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * rate(self.progress)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def examples(self) -> tuple[Tensor, ...]:
        """Return each judge's examples of the first step, float32 ``[N, C, H, W]``."""
        return tuple(examples.at(0)[0] for examples in self._examples.values())

    def record(self) -> dict[str, Any]:
        """Return the record of the training, as plain data."""
        return {
            "images": self._images,
            "recipe": asdict(self.recipe),
            "steps": self.step,
            "taught": {name: len(getattr(self.parts, name)) for name in ("acceptors", "guides")},
            "held_out": len(self.parts.held_out),
            "threads": torch.get_num_threads(),
            "temperatures": {name: x.temperature for name, x in self._learners.items()},
            "negatives": {
                f"{kind}s": [f.__name__ for f in families] for kind, families in _FAMILIES.items()
            },
        }

    def calibrate(self, data: LabeledImages) -> None:
        """Calibrate every judge on the half of the images that it has not learned from."""
        for judge in self.pack.judges:
            learner = self._learners[judge.name]
            learner.temperature = 1.0
            learner.temperature = temperature(
                learner.eval(),
                data,
                self.parts.guides if judge.kind == "acceptor" else self.parts.acceptors,
                _FAMILIES[judge.kind],
                negatives=self.recipe.negatives,
                key=(self.recipe.seed, judge.name),
                device=self._device,
            )

    def states(self) -> dict[str, dict[str, Tensor]]:
        """Return the tensors of each judge's file, by the judge's name."""
        return {name: learner.folded() for name, learner in self._learners.items()}

    def judges(self) -> dict[str, Judge]:
        """Return the present judges by name, their weights rounded to half precision as in the file."""
        made = {}
        for judge in self.pack.judges:
            module = Judge(self.pack, judge, self._backbone)
            state = {k: v.half().float() for k, v in self._learners[judge.name].folded().items()}
            module.load_state_dict(state, strict=False)  # the backbone has its own weights
            made[judge.name] = module.to(self._device).eval().requires_grad_(False)
        return made

    def save(self, path: Path) -> None:
        """Write the whole state of the training to a safetensors file, atomically."""
        from safetensors.torch import save

        metadata = {
            "format": _STATE_FORMAT,
            "plan": self._plan(),
            "progress": json.dumps({"step": self.step, "seconds": self.seconds}),
        }
        write_atomically(path, save(tensors_of(self._trained()), metadata))

    def resume(self, path: Path) -> None:
        """Continue from a state that `save` wrote.

        Raises:
            FailcondError: the file is damaged, or of a training with other settings.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        header = open_state(path, _STATE_FORMAT, self._plan())
        try:
            progress = validate(_Progress, parse_json(header.metadata.get("progress", "").encode()))
            if fault := misfit(header, shapes_of(self._trained(), header.tensors)):
                raise ValueError(fault)
            restore(self._trained(), load_file(path))
        except (SafetensorError, RuntimeError, ValueError) as error:
            raise FailcondError(f"{path}: damaged: {error}; remove it to start afresh") from error
        self.step, self.seconds = progress.step, progress.seconds

    def _trained(self) -> Trained:
        return {name: (learner, self._optimisers[name]) for name, learner in self._learners.items()}

    def _plan(self) -> str:
        plan: dict[str, Any] = {
            "pack": self.pack.to_json(),
            "recipe": asdict(self.recipe),
            "images": self._images,
            "steps": self.steps,
        }
        return json.dumps(plan, sort_keys=True)


def rate(progress: float) -> float:
    """Return the learning rate as a share of its highest: it rises for a quarter of the training, then falls to 0."""
    if progress < _RISE:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * progress / _RISE))
    return 0.5 * (1 + math.cos(math.pi * (progress - _RISE) / (1 - _RISE)))


def _seed(*parts: str | int) -> int:
    return int(stream_key("judges", *parts)[0] >> np.uint64(1))

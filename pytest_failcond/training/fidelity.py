"""Measures of the likeness of two image sets: features, Fréchet distance, recall, usefulness.

Shapes: N images, D features. Images are uint8 ``[N, H, W, C]``, so that generated ones are compared
in the same 256 levels as real ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.errors import FailcondError
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import LabeledImages, to_float

NEIGHBOURS = 3
_BATCH = 256
_PROBE_BATCH = 64
_PROBE_STEPS = 800


@dataclass(frozen=True)
class Seen:
    """The judge's view of images.

    Attributes:
        correct: whether the judge gives the label, bool ``[N]``.
        features: the input of its last linear layer, float32 ``[N, D]``.
    """

    correct: npt.NDArray[np.bool_]
    features: npt.NDArray[np.float32]


@ours()
def see(judge: Classifier, data: LabeledImages) -> Seen:
    """Show images to the judge, in batches.

    Raises:
        FailcondError: the judge uses no linear layer, so that there are no features, or fails.
    """
    predicted, features = _shown(judge, data)
    if features is None:
        raise FailcondError(
            "judge: expected a torch.nn.Linear, whose input is taken as features, found "
            "none; give a judge that ends in one"
        )
    return Seen(predicted == data.labels, features)


@ours()
def features_of(judge: Classifier, data: LabeledImages) -> npt.NDArray[np.float32] | None:
    """Return the input of the judge's last linear layer, ``[N, D]``; None if it uses none.

    Raises:
        FailcondError: the judge fails.
    """
    return _shown(judge, data)[1] if judge.differentiable else None


def _shown(
    judge: Classifier, data: LabeledImages
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]:
    """Return what the judge takes images for, ``[N]``, and its features, if it has any."""
    predicted, features = [], []
    with torch.no_grad(), _linear_inputs(judge.model) as caught:
        for start in range(0, len(data), _BATCH):
            images = torch.from_numpy(to_float(data.images[start : start + _BATCH]))
            caught.clear()
            predicted.append(judge.logits(images).argmax(dim=1).cpu().numpy())
            features += [caught[-1].flatten(1).float().cpu().numpy()] if caught else []
    return np.concatenate(predicted), np.concatenate(features) if features else None


@contextlib.contextmanager
def _linear_inputs(model: Any) -> Iterator[list[Tensor]]:
    """Catch the inputs of a module's linear layers, in the order of their use."""
    caught: list[Tensor] = []
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    hooks = [
        m.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0])) for m in linear
    ]
    try:
        yield caught
    finally:
        for hook in hooks:
            hook.remove()


def frechet_distance(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Return |μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½) of features ``[N, D]`` and ``[M, D]``.

    The distance between the normal distributions fitted to them (Heusel et al. 2017, arXiv
    1706.08500). The trace of the root is that of (Σa^½ Σb Σa^½)^½, whose eigenvalues are real.
    """
    first, second = a.astype(np.float64), b.astype(np.float64)
    shift = first.mean(axis=0) - second.mean(axis=0)
    # np.cov squeezes a single feature to a number.
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (first, second))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(min=0)).sum()
    distance = shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2 * overlap
    return max(float(distance), 0.0)


def spread(features: npt.NDArray[np.float32]) -> float:
    """Return tr(Σ) of features ``[N, D]``: the unit in which a Fréchet distance has no scale."""
    return float(features.astype(np.float64).var(axis=0, ddof=1).sum())


def coverage(
    made: npt.NDArray[np.float32], real: npt.NDArray[np.float32], *, neighbours: int = NEIGHBOURS
) -> float:
    """Return the share of ``real`` ``[M, D]`` with one of ``made`` ``[N, D]`` near.

    Near is within the ball that reaches to a real image's third nearest real neighbour (Naeem et al.
    2020, arXiv 2002.09797). Unlike `recall`, it is not raised by a few images far from all others.
    """
    points, targets = torch.from_numpy(made).double(), torch.from_numpy(real).double()
    nearest = torch.cdist(targets, points).min(dim=1).values
    return float((nearest <= _radii(targets, neighbours)).double().mean())


def recall(
    made: npt.NDArray[np.float32], real: npt.NDArray[np.float32], *, neighbours: int = NEIGHBOURS
) -> float:
    """Return the share of ``real`` ``[M, D]`` that lies in the manifold of ``made`` ``[N, D]``.

    The manifold is the union of balls around each of its points, which reach to their third
    nearest neighbour (Kynkäänniemi et al. 2019, arXiv 1904.06991).
    """
    points, targets = torch.from_numpy(made).double(), torch.from_numpy(real).double()
    inside = (torch.cdist(targets, points) <= _radii(points, neighbours)).any(dim=1)
    return float(inside.double().mean())


def _radii(points: Tensor, neighbours: int) -> Tensor:
    """Return the distance of each point ``[N, D]`` to its k-th nearest neighbour: ``[N]``."""
    # The nearest of all is the point itself.
    return torch.cdist(points, points).kthvalue(neighbours + 1, dim=1).values


def usefulness(train: LabeledImages, test: LabeledImages, *, classes: int, seed: int) -> float:
    """Return the accuracy on ``test`` of a small network trained on ``train`` alone.

    The classification accuracy score of Ravuri & Vinyals 2019 (arXiv 1905.10887): images that miss
    part of a class, or show another, teach a classifier less than real ones.
    """
    key = int(stream_key("probe", seed)[0] >> np.uint64(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key)
        model = _probe(train.shape[2], classes)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    order = torch.Generator().manual_seed(key)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=0.004, total_steps=_PROBE_STEPS
    )
    for rows in _batches(len(train), order):
        loss = F.cross_entropy(
            model(torch.from_numpy(to_float(train.images[rows]))),
            torch.from_numpy(train.labels[rows]),
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    judge = Classifier(model.eval(), classes=classes, name="small classifier")
    return float(see(judge, test).correct.mean())


def _batches(count: int, random: torch.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Draw rows in shuffled epochs, one batch per step."""
    rows = torch.empty(0, dtype=torch.int64)
    for _ in range(_PROBE_STEPS):
        while len(rows) < _PROBE_BATCH:
            rows = torch.cat([rows, torch.randperm(count, generator=random)])
        yield rows[:_PROBE_BATCH].numpy()
        rows = rows[_PROBE_BATCH:]


def _probe(channels: int, classes: int) -> nn.Module:
    """Make a small convolutional network for images of any size."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((channels, 16), (16, 32), (32, 64)):
        layers += [
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64 * 16, classes)
    )

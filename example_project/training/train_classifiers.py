"""Train the example's two classifiers: ``python train_classifiers.py --mnist FOLDER [names…]``.

``FOLDER`` holds MNIST's four gzip files. Weights go to ``../models`` in half precision.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
import digits

from pytest_failcond import LabeledImages, corrupt
from pytest_failcond.corruptions import NAMES, KeyedRandom
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.subjects.images import to_float
from pytest_failcond.training.data import CorruptionMix

BATCH = 128
CORRUPTIONS = [*NAMES, digits.column_blur]


def clean(data: LabeledImages, epoch: int) -> npt.NDArray[np.uint8]:
    """Digits as they are."""
    return data.images


def any_corruption(data: LabeledImages, epoch: int) -> npt.NDArray[np.uint8]:
    """One digit in four clean, the others under one corruption and severity drawn for each."""
    indices = np.arange(len(data)) + epoch * len(data)
    draws = KeyedRandom("hardened", indices=indices).uniform(3)
    out = data.images.copy()
    for number, corruption in enumerate(CORRUPTIONS):
        for severity in range(1, 6):
            rows = np.flatnonzero(
                (draws[:, 0] > 0.25)
                & (np.floor(draws[:, 1] * len(CORRUPTIONS)) == number)
                & (np.floor(draws[:, 2] * 5) == severity - 1)
            )
            out[rows] = corrupt(out[rows], corruption, severity, seed=1, indices=indices[rows])
    return out


def papers_mix(data: LabeledImages, epoch: int) -> npt.NDArray[np.uint8]:
    """What the generator is trained on: one digit in two blurred, then noised."""
    return CorruptionMix().apply(data.images, np.arange(len(data)) + epoch * len(data), seed=1)


RECIPES = {
    "mlp": (digits.make_mlp, clean, 8),
    "hardened": (digits.make_mlp, any_corruption, 30),
}


def train(name: str, data: LabeledImages) -> nn.Module:
    """Train one classifier with Adam on a one-cycle schedule; keyed, so that it can be repeated."""
    make, corruption, epochs = RECIPES[name]
    torch.manual_seed(0)
    model = make().to(memory_format=torch.channels_last)
    labels = torch.from_numpy(data.labels)
    steps = len(data) // BATCH
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=0.002, total_steps=epochs * steps
    )
    started = time.monotonic()
    for epoch in range(epochs):
        model.train()
        images = torch.from_numpy(to_float(corruption(data, epoch)))
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(epoch))
        for step in range(steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            loss = F.cross_entropy(model(images[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        print(f"{name}: epoch {epoch + 1}/{epochs}, {time.monotonic() - started:.0f} s", flush=True)
    return model.eval()


def accuracy(
    model: nn.Module, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]
) -> float:
    """Share of images classified right."""
    with torch.no_grad():
        predicted = torch.cat(
            [model(part).argmax(1) for part in torch.from_numpy(to_float(images)).split(1000)]
        )
    return float((predicted.numpy() == labels).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", type=Path, required=True, help="folder with MNIST's gzip files")
    parser.add_argument("names", nargs="*", metavar="name", default=list(RECIPES))
    options = parser.parse_args()
    data, test = digits.read_digits(options.mnist, "train"), digits.load_test_images()
    for name in options.names:
        model = train(name, data)
        tensors = {
            k: (v.half() if v.is_floating_point() else v).contiguous()
            for k, v in model.state_dict().items()
        }
        write_atomically(digits.HERE / "models" / f"{name}.safetensors", save(tensors))
        model.load_state_dict({k: v.to(model.state_dict()[k].dtype) for k, v in tensors.items()})
        corrupted = papers_mix(test, 0)
        print(
            f"{name}: clean {accuracy(model, test.images, test.labels):.4f}, "
            f"paper's mix {accuracy(model, corrupted, test.labels):.4f}"
        )


if __name__ == "__main__":
    main()

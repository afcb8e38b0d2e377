"""Classes that are bands of an image, a generator that shows some of them, and who looks at them.

In a project, ``banded`` gives the subjects: ``failcond_generator`` must come from a fixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pytest_failcond import LabeledImages
from tests.unit.linear import LinearGenerator

CLASSES = 3
SIDE = 9
STD = (1.0, 1.0, 1.0, 0.5)  # the first three say which class it is


def band(index: int) -> Tensor:
    """Ones in the third of the rows that tells a class: ``[1, H, W]``."""
    image = torch.zeros(1, SIDE, SIDE)
    image[:, 3 * index : 3 * index + 3] = 1
    return image


class BandedGenerator(LinearGenerator):
    """Shows the bands of the classes of ``shown``; of the others, what ``instead`` of them is.

    Args:
        shown: classes that are shown.
        instead: brightness of the band of the others: 0 shows nothing.
        varied: σ of the brightness.
    """

    def __init__(
        self, shown: Sequence[int] = (0, 1, 2), instead: float = 0.0, varied: float = 0.05
    ) -> None:
        bands = [band(index) * 0.05 for index in range(CLASSES)]
        everywhere = torch.full((1, SIDE, SIDE), varied / STD[3])
        super().__init__(torch.stack([*bands, everywhere]), 0.2, STD)
        self.shown, self.instead = tuple(shown), instead
        self.hash = f"banded:{self.shown}:{instead}:{varied}"

    def sample(self, labels: Any, *arguments: Any, **options: Any) -> Tensor:
        styles = super().sample(labels, *arguments, **options)
        index = torch.as_tensor(np.asarray(labels), dtype=torch.int64)
        shown = torch.isin(index, torch.tensor(self.shown, dtype=torch.int64))
        styles[torch.arange(len(index)), index] += 12.0 * torch.where(shown, 1.0, self.instead)
        return styles


def real_images(count: int = 180, *, noise: float = 0.05) -> LabeledImages:
    """Bands as the generator shows them, with as much variety."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % CLASSES
    bands = np.stack([band(int(c)).numpy() for c in labels])
    brightness = random.normal(0.6, 0.05, (count, 1, 1, 1))
    images = 0.2 + bands * brightness + random.normal(0, noise, (count, 1, 1, 1))
    return LabeledImages(
        (images.clip(0, 1) * 255).round().astype(np.uint8)[:, 0, :, :, None], labels
    )


class Bands(nn.Module):
    """Looks at the bands alone; a judge takes an image without a bright one for none of these.

    Args:
        turned: by how much the class that it says is off.
        none: whether it has an output for none of these.
    """

    def __init__(self, turned: int = 0, *, none: bool = False, sharp: float = 40.0) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d((3, 1))
        self.out = nn.Linear(CLASSES, CLASSES + none)
        with torch.no_grad():
            self.out.weight.zero_()
            self.out.bias.zero_()
            self.out.weight[:CLASSES] = sharp * torch.eye(CLASSES).roll(turned, dims=0)
            self.out.bias[CLASSES:] = 0.5 * sharp

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.out(self.pool(images).flatten(1))
        return logits


def load_images() -> LabeledImages:
    return real_images()


def load_classifier() -> nn.Module:
    """Right on every real image."""
    return Bands(sharp=10.0).eval()


def load_bad() -> nn.Module:
    """Wrong on every real image."""
    return Bands(1, sharp=10.0).eval()


def load_judge() -> nn.Module:
    return Bands(none=True).eval()


def load_naive() -> nn.Module:
    """Never says none of these: the brightest band, however faint, is enough."""
    return Bands(sharp=100_000.0).eval()


def load_strict() -> nn.Module:
    """Accepts no image, real ones neither."""
    judge = Bands(none=True)
    with torch.no_grad():
        judge.out.bias[CLASSES:] = 1000.0
    return judge.eval()


class Callable:
    """The judge as a plain callable, without features."""

    def __init__(self) -> None:
        self.judge = load_judge()

    def __call__(self, images: Any) -> Any:
        with torch.no_grad():
            return self.judge(torch.from_numpy(np.asarray(images))).numpy()


def load_callable() -> Any:
    return Callable()

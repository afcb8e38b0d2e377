"""Corner cases of 256 x 256 px: NVIDIA's full-size StyleGAN2 and a classifier of ResNet-50's size.

Random weights serve: neither the time nor the memory depends on them. To try the benchmarks themselves,
the environment variable FAILCOND_SIDE takes a smaller side, px.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pytest_failcond import Classifier, Generator, find_corner_cases
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.network import Network

SIDE = int(os.environ.get("FAILCOND_SIDE", "256"))
CHANNELS = (512, 512, 512, 512, 256, 128, 64)  # of the configurations auto and paper256

CONFIG = GeneratorConfig(
    classes=("cat", "dog"),
    resolution=SIDE,
    image_size=(SIDE, SIDE),
    image_channels=3,
    channels=CHANNELS[: SIDE.bit_length() - 2],
    z_dim=512,
    w_dim=512,
    mapping_layers=8,
)
STARTS = 8


def run() -> None:
    """Print CPU seconds and the peak of memory after each step."""
    torch.manual_seed(0)
    generator = _told("generator", lambda: Generator(CONFIG, Network(CONFIG)))
    _told("σ and ranges", lambda: generator.style_space.std)
    _reuse(generator)
    model = ResNet50(len(CONFIG.classes))
    most = int(os.environ.get("FAILCOND_CLASSES", len(CONFIG.classes)))
    for index, name in enumerate(CONFIG.classes[:most]):
        _prefer(index, model, generator)
        step = f"{name}: one direction of {STARTS} start images, ranked and walked"
        _told(step, partial(_found, generator, Classifier(model), index))


def _reuse(generator: Generator) -> None:
    """Print the CPU seconds of moved images, layer by layer, against whole syntheses."""
    styles, space = generator.sample([0] * STARTS), generator.style_space
    rows, shifts = np.arange(STARTS), np.linspace(0.1, 2, STARTS)
    whole = _cpu(lambda: generator.synthesize(styles))
    print(f"{STARTS} whole images: {whole:.2f} CPU s")
    half = SIDE // 2
    for name in ("b32.conv1", f"b{half}.conv0", f"b{SIDE}.conv1", f"b{SIDE}.torgb"):
        mover = generator.mover(styles, [{space.index(f"{name}[0]"): 1.0}])
        spent = _cpu(partial(mover.images, rows, np.zeros_like(rows), shifts))
        print(f"  moved in {name}: {spent:.2f} CPU s, {whole / spent:.1f} x", flush=True)


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _prefer(index: int, model: ResNet50, generator: Generator) -> None:
    """Make a model see a class in most images, so that walks are long."""
    images = generator.synthesize(generator.sample([index] * STARTS))
    with torch.no_grad():
        logits = model(images)
        model.head.bias.sub_(logits.mean(dim=0))
        model.head.bias[index].add_(3 * float(logits.std(dim=0).max()))


def _found(generator: Generator, classifier: Classifier, index: int) -> None:
    """Find a class's first direction, and walk it as far as the configuration's default."""
    judge = Classifier(partial(_sure, index), name="judge")
    told: list[tuple[float, float]] = []
    found = find_corner_cases(
        generator, classifier, index, top=1, samples=STARTS, judge=judge,
        tell=lambda left: told.append((time.perf_counter(), left)),
    )  # fmt: skip
    when, left = told[0]
    took = time.perf_counter() - when
    print(f"  first estimate {left:.0f} s left, took {took:.0f} s", flush=True)
    walked = found.directions[0].walk
    broken = int((walked.breaks >= 0).sum())
    print(f"  {len(walked.shifts)} steps, {broken} of {STARTS} start images broken", flush=True)


def _sure(index: int, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Answer as a judge that costs nothing and sees a class in every image."""
    return np.where(np.arange(len(CONFIG.classes)) == index, 99.0, 0.0)[None].repeat(len(images), 0)


def _told(step: str, work: Callable[[], Any]) -> Any:
    start, clock = time.process_time(), time.perf_counter()
    made = work()
    spent, passed = time.process_time() - start, time.perf_counter() - clock
    print(f"{step}: {spent:.1f} CPU s, {passed:.1f} s, peak {peak() / 1e9:.2f} GB", flush=True)
    return made


def peak() -> int:
    """Return the most memory that this process has had, bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class _Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut (He et al. 2015, arXiv 1512.03385)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.inner = nn.Sequential(
            *_convolution(inputs, width, 1), nn.ReLU(inplace=True),
            *_convolution(width, width, 3, stride), nn.ReLU(inplace=True),
            *_convolution(width, outputs, 1),
        )  # fmt: skip
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(*_convolution(inputs, outputs, 1, stride))
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.inner(x) + self.shortcut(x))


class ResNet50(nn.Sequential):
    """Images ``[N, 3, H, W]`` → logits: 3, 4, 6 and 3 bottlenecks, as ResNet-50 has."""

    def __init__(self, classes: int) -> None:
        blocks, inputs = [], 64
        for stage, (count, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True)):
            for number in range(count):
                blocks.append(_Bottleneck(inputs, width, 2 if stage and not number else 1))
                inputs = 4 * width
        super().__init__(
            *_convolution(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1),
            *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes),
        )  # fmt: skip
        self.eval()

    @property
    def head(self) -> nn.Linear:
        """Its last layer."""
        last = self[-1]
        assert isinstance(last, nn.Linear)
        return last


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs)

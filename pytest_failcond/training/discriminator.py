"""The discriminator: residual, with minibatch statistics and two inputs of the class.

Architecture: arXiv 1912.04958 (residual), arXiv 1710.10196 (minibatch standard deviation),
projection: Miyato & Koyama 2018 (arXiv 1802.05637), auxiliary head: Hou et al. 2022, ADC-GAN
(arXiv 2107.10060).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.layers import (
    Dense,
    activate,
    convolution_weight,
    downsampling_convolution,
    normalise,
    smooth,
)


class Convolution(nn.Module):
    """Convolution ``[N, in, H, W] → [N, out, H, W]``, or half the size if ``down``."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, bias: bool, down: bool) -> None:
        super().__init__()
        self.weight = convolution_weight(outputs, inputs, kernel)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = 1.0 / math.sqrt(inputs * kernel * kernel)
        self.kernel = kernel
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.scale).to(x.dtype)
        if self.down and self.kernel == 1:
            x = F.conv2d(smooth(x, padding=1, stride=2), weight)
        elif self.down:
            x = downsampling_convolution(x, weight)
        else:
            x = F.conv2d(x, weight, padding=self.kernel // 2)
        return x if self.bias is None else activate(x + self.bias.to(x.dtype)[:, None, None])


class ResidualBlock(nn.Module):
    """``[N, in, H, W] → [N, out, H/2, W/2]``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Convolution(inputs, inputs, 3, bias=True, down=False)
        self.second = Convolution(inputs, outputs, 3, bias=True, down=True)
        self.skip = Convolution(inputs, outputs, 1, bias=False, down=True)

    def forward(self, x: Tensor) -> Tensor:
        sum_: Tensor = self.second(self.first(x)) + self.skip(x)
        return sum_ * math.sqrt(0.5)


def minibatch_deviation(x: Tensor, group: int) -> Tensor:
    """Append a channel with the mean standard deviation over each group of images."""
    count, _, height, width = x.shape
    group = math.gcd(group, count)
    deviation = x.reshape(group, count // group, -1).var(dim=0, unbiased=False).add(1e-8).sqrt()
    channel = deviation.mean(dim=1).repeat(group).reshape(count, 1, 1, 1)
    return torch.cat([x, channel.expand(count, 1, height, width)], dim=1)


class Discriminator(nn.Module):
    """Images ``[N, c, H, W]`` in [-1, 1], labels ``[N]`` → realness ``[N]``, class logits ``[N, 2K]``.

    The 2K logits tell, for each class, a real (2c) from a generated one (2c + 1).
    """

    def __init__(self, config: GeneratorConfig, *, group: int) -> None:
        super().__init__()
        widths = config.channels[::-1]
        self.classes = len(config.classes)
        self.group = group
        self.from_image = Convolution(config.image_channels, widths[0], 1, bias=True, down=False)
        self.blocks = nn.ModuleList(ResidualBlock(a, b) for a, b in pairwise(widths))
        last = widths[-1]
        self.final = Convolution(last + 1, last, 3, bias=True, down=False)
        self.dense = Dense(last * 16, last)
        self.realness = Dense(last, 1)
        self.embed = Dense(self.classes, last)
        self.auxiliary = Dense(last, 2 * self.classes)

    def forward(
        self, images: Tensor, labels: Tensor, *, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        x = self.from_image(images.to(dtype).contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x)
        x = self.final(minibatch_deviation(x.float(), self.group))
        features = activate(self.dense(x.flatten(1)))
        embedding = normalise(self.embed(F.one_hot(labels, self.classes).to(features.dtype)))
        projection = (features * embedding).sum(dim=1) / math.sqrt(features.shape[1])
        return self.realness(features)[:, 0] + projection, self.auxiliary(features)

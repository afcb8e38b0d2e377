"""The layers that both networks are made of, from the StyleGAN and StyleGAN2 papers.

Weights are kept at unit variance and scaled when used (equalised learning rate, Karras et al. 2018,
arXiv 1710.10196), convolutions run as ordinary ones in channels-last order, which suits CPUs best. A GPU
filters by products of matrices: its convolutions of one channel each are many times slower.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAK = 0.2
GAIN = math.sqrt(2.0)  # keeps the variance through a leaky ReLU


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU at unit gain. It works in place where no gradient is kept: ``x`` is not used again.

    A new tensor of a large layer costs more than its arithmetic.
    """
    return F.leaky_relu(x, LEAK, inplace=not torch.is_grad_enabled()).mul_(GAIN)


def scaled(x: Tensor, scale: Tensor) -> Tensor:
    """Return the product, in place where no gradient is kept: ``x`` is not used again."""
    return x * scale if torch.is_grad_enabled() else x.mul_(scale)


def kept_within(x: Tensor, limit: float | None) -> Tensor:
    """Clamp to ± a limit, if there is one."""
    return x if limit is None else x.clamp(-limit, limit)


def normalise(x: Tensor) -> Tensor:
    """Scale each row of ``[N, D]`` to a mean square of 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class Dense(nn.Module):
    """Fully connected layer ``[N, in] → [N, out]``; ``lr_scale`` slows its learning."""

    def __init__(
        self, inputs: int, outputs: int, *, bias: float | None = 0.0, lr_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_scale)
        self.bias = None if bias is None else nn.Parameter(torch.full((outputs,), bias / lr_scale))
        self.scale = lr_scale / math.sqrt(inputs)
        self.lr_scale = lr_scale

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias * self.lr_scale
        return F.linear(x, self.weight * self.scale, bias)


def convolution_weight(outputs: int, inputs: int, kernel: int) -> nn.Parameter:
    """Return a unit-variance convolution weight ``[out, in, kernel, kernel]``."""
    weight = torch.randn(outputs, inputs, kernel, kernel)
    return nn.Parameter(weight.to(memory_format=torch.channels_last))


def smooth(x: Tensor, *, padding: int = 0, stride: int = 1, gain: float = 1.0) -> Tensor:
    """Apply the separable filter [1, 3, 3, 1] / 8 to ``[N, C, H, W]``, zeros outside."""
    if x.is_cuda:
        return smooth_by_matrices(x, padding=padding, stride=stride, gain=gain)
    channels = x.shape[1]
    taps = x.new_tensor([1.0, 3.0, 3.0, 1.0]) * (math.sqrt(gain) / 8.0)
    rows = taps.reshape(1, 1, 4, 1).expand(channels, 1, 4, 1)
    columns = taps.reshape(1, 1, 1, 4).expand(channels, 1, 1, 4)
    x = F.conv2d(x, rows, padding=(padding, 0), stride=(stride, 1), groups=channels)
    return F.conv2d(x, columns, padding=(0, padding), stride=(1, stride), groups=channels)


def upsample(x: Tensor) -> Tensor:
    """Double the size of ``[N, C, H, W]``: zeros between the pixels, then the filter at gain 4."""
    if x.is_cuda:
        return upsample_by_matrices(x)
    channels = x.shape[1]
    taps = x.new_tensor([1.0, 3.0, 3.0, 1.0]) / 4.0
    rows = taps.reshape(1, 1, 4, 1).expand(channels, 1, 4, 1)
    columns = taps.reshape(1, 1, 1, 4).expand(channels, 1, 1, 4)
    x = F.conv_transpose2d(x, rows, stride=(2, 1), padding=(1, 0), groups=channels)
    return F.conv_transpose2d(x, columns, stride=(1, 2), padding=(0, 1), groups=channels)


def smooth_by_matrices(
    x: Tensor, *, padding: int = 0, stride: int = 1, gain: float = 1.0
) -> Tensor:
    """Do what `smooth` does, by a product of matrices along each axis."""
    rows, columns = (
        _matrix(size, padding, stride, gain, x.dtype, x.device) for size in x.shape[2:]
    )
    return _filtered(x, rows, columns)


def upsample_by_matrices(x: Tensor) -> Tensor:
    """Do what `upsample` does, by a product of matrices along each axis."""
    # The filter between zeros is that of half the size, turned over.
    rows, columns = (_matrix(2 * size, 1, 2, 4.0, x.dtype, x.device).T for size in x.shape[2:])
    return _filtered(x, rows, columns)


def _filtered(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Multiply each axis of ``[N, C, H, W]`` by its matrix, ``[H', H]`` and ``[W', W]``."""
    count, channels, height, width = x.shape
    last = x.permute(0, 2, 3, 1).reshape(count, height, width * channels)
    high = torch.bmm(rows.expand(count, -1, -1), last).reshape(-1, width, channels)
    made = torch.bmm(columns.expand(len(high), -1, -1), high)
    return made.reshape(count, len(rows), len(columns), channels).permute(0, 3, 1, 2)


@lru_cache(maxsize=64)
def _matrix(
    size: int, padding: int, stride: int, gain: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return the filter of `smooth` along an axis of a size, as a matrix ``[made, size]``."""
    taps = [1.0, 3.0, 3.0, 1.0]
    made = (size + 2 * padding - len(taps)) // stride + 1
    with torch.inference_mode(False):  # kept, for gradients too
        matrix = torch.zeros(made, size + 2 * padding)
        for row in range(made):
            matrix[row, row * stride : row * stride + len(taps)] = torch.tensor(taps)
        matrix *= math.sqrt(gain) / 8.0
        return matrix[:, padding : padding + size].to(device, dtype)


def upsampling_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve ``[N, in, H, W]`` at twice the size and smooth: ``[N, out, 2H, 2W]``."""
    return smooth(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4.0)


def downsampling_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Smooth ``[N, in, H, W]`` and convolve at half the size: ``[N, out, H/2, W/2]``."""
    return F.conv2d(smooth(x, padding=2), weight, stride=2)

"""The judges' networks: normalised contrast, a few convolutions or a backbone's features, K + 1 outputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_failcond.judges.config import POOLED, JudgeConfig, PackConfig

_CERTAIN = 30.0  # a logit at which a probability is 1 in single precision, if all others are 0


def contrast(images: Tensor) -> Tensor:
    """Return the difference of the brightest and the darkest part of each image: ``[N]``, in [0, 1].

    Images ``[N, C, H, W]`` are averaged over 3 × 3 px first, so that a single pixel does not count.
    """
    # Sums of slices: on a CPU, avg_pool2d takes several times as long.
    rows = images[:, :, :-2] + images[:, :, 1:-1] + images[:, :, 2:]
    ninefold = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    return (ninefold.amax(dim=(1, 2, 3)) - ninefold.amin(dim=(1, 2, 3))) / 9


def spread(images: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """Normalise contrast: subtract each image's median, and divide by its contrast or by ``floor``.

    Args:
        images: ``[N, C, H, W]`` in [0, 1]; channels keep their proportions, so that hues stay.
        floor: the least divisor.

    Returns:
        The images, and whether each has a contrast of ``floor`` or more, ``[N]``.
    """
    span = contrast(images)
    middle = images.flatten(1).median(dim=1).values
    unit = span.clamp(min=floor)
    return (images - middle[:, None, None, None]) / unit[:, None, None, None], span >= floor


class Judge(nn.Module):
    """Images ``[N, C, H, W]`` in [0, 1] → logits ``[N, K + 1]``, the last for *none of these*.

    Args:
        pack: the contents of the judge's file.
        config: the judge.
        backbone: a frozen module, images in [0, 1] → features ``[N, D]`` or ``[N, D, h, w]``.
    """

    def __init__(
        self, pack: PackConfig, config: JudgeConfig, backbone: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.floor = pack.floor
        self.backbone = backbone
        shapes = {
            k.removeprefix(f"{config.name}."): v for k, v in pack.tensor_shapes(config).items()
        }
        self.convolutions = nn.ModuleList(  # type: ignore[call-overload]
            nn.Conv2d(
                *(shapes[f"convolutions.{number}.weight"][1], width, kernel),
                stride=stride,
                padding=kernel // 2,
            )
            for number, (width, kernel, stride) in enumerate(
                zip(config.widths, config.kernels, config.strides, strict=True)
            )
        ).to(memory_format=torch.channels_last)
        hidden, width = shapes["hidden.weight"]
        self.hidden = nn.Linear(width, hidden)
        self.last = nn.Linear(hidden, pack.classes + 1)

    def forward(self, images: Tensor) -> Tensor:
        shown, visible = spread(images, self.floor)
        logits: Tensor = self.last(F.relu(self.hidden(self.features(shown))))
        nothing = torch.zeros_like(logits)
        nothing[:, -1] = _CERTAIN
        return torch.where(visible[:, None], logits, nothing)

    def features(self, shown: Tensor) -> Tensor:
        """Return the inputs of the head, ``[N, D]``, for images of normalised contrast."""
        if self.backbone is not None:
            return pooled(self.backbone((shown + 0.5).clamp(0, 1)))
        # On a CPU, channels last take two thirds of the time.
        x = shown.contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            x = F.relu_(convolution(x))
        return coarse(x)


def coarse(features: Tensor) -> Tensor:
    """Average maps ``[N, C, h, w]`` over a grid of `POOLED` cells a side; returns them as ``[N, D]``."""
    if features.shape[2:] == (POOLED, POOLED):  # averages of one cell cost as much as others
        return features.flatten(1)
    return F.adaptive_avg_pool2d(features, POOLED).flatten(1)


def pooled(features: Tensor) -> Tensor:
    """Return a backbone's features as ``[N, D]``: maps ``[N, D, h, w]`` are averaged."""
    return features.mean(dim=(2, 3)) if features.ndim == 4 else features.flatten(1)

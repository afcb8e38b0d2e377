"""Calibration: a judge's probabilities agree with the share that it has right (Guo et al. 2017, arXiv 1706.04599).

A judge learns from variants that are hard to read, with smoothed labels, and is less sure of plain images than
it should be. A temperature, one number for each judge, divides its logits and corrects that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.subjects.images import LabeledImages, to_float
from pytest_failcond.training.judges.examples import made_of_nothing
from pytest_failcond.training.judges.negatives import Family

_IMAGES = 2_000
_BATCH = 256
_LOWEST, _HIGHEST, _TRIED = 0.25, 4.0, 161


def temperature(
    judge: nn.Module,
    data: LabeledImages,
    rows: npt.NDArray[np.int64],
    families: tuple[Family, ...],
    *,
    negatives: float,
    key: tuple[str | int, ...],
    device: torch.device,
) -> float:
    """Return the temperature with the least cross-entropy on images that a judge has not learned from.

    Args:
        judge: in evaluation mode.
        data: all images.
        rows: the images to show, unchanged and made into negatives.
        families: of the negatives.
        negatives: their share, in (0, 1).
        key: names the randomness.
        device: of the judge.
    """
    stream = stream_key("judges", "calibration", *key)
    random = np.random.Generator(np.random.Philox(key=stream))
    draws = torch.Generator().manual_seed(int(stream[0] >> np.uint64(1)))
    chosen = random.permutation(rows)[:_IMAGES]
    images = torch.from_numpy(to_float(data.images[chosen]))
    labels = torch.from_numpy(data.labels[chosen])
    some = max(2, round(len(chosen) * negatives / (1 - negatives)))
    nothing = made_of_nothing(images[:some], labels[:some], families, draws)
    logits = _logits(judge, torch.cat([images, nothing]), device)
    answers = torch.cat([labels, torch.full((len(nothing),), logits.shape[1] - 1)])
    tried = np.geomspace(_LOWEST, _HIGHEST, _TRIED)
    losses = [float(F.cross_entropy(logits / value, answers)) for value in tried]
    return float(tried[int(np.argmin(losses))])


def _logits(judge: nn.Module, images: Tensor, device: torch.device) -> Tensor:
    with torch.no_grad():
        parts = [judge(part.to(device)).cpu() for part in torch.split(images, _BATCH)]
    return torch.cat(parts).double()

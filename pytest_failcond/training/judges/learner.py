"""A judge in training: it has batch normalisation, which is folded into the convolutions afterwards."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_failcond.judges.config import JudgeConfig, PackConfig
from pytest_failcond.judges.networks import Judge, coarse, pooled


class Learner(Judge):
    """A `Judge` that normalises the outputs of its convolutions over the batch.

    Attributes:
        temperature: divides the logits of the folded judge.
    """

    temperature: float = 1.0

    def __init__(
        self, pack: PackConfig, config: JudgeConfig, backbone: nn.Module | None = None
    ) -> None:
        super().__init__(pack, config)
        self._spine = [backbone]  # in a list, so that it is not trained and not saved
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in config.widths)

    def features(self, shown: Tensor) -> Tensor:
        (backbone,) = self._spine
        if backbone is not None:
            with torch.no_grad():
                return pooled(backbone((shown + 0.5).clamp(0, 1)))
        x = shown.contiguous(memory_format=torch.channels_last)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.relu(norm(convolution(x)))
        return coarse(x)

    def folded(self) -> dict[str, Tensor]:
        """Return the tensors of the `Judge` that computes the same in evaluation mode."""
        tensors = {k: v for k, v in self.state_dict().items() if not k.startswith("norms.")}
        for number, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            assert convolution.bias is not None
            assert norm.running_mean is not None
            assert norm.running_var is not None
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            name = f"convolutions.{number}"
            tensors[f"{name}.weight"] = convolution.weight * gain[:, None, None, None]
            tensors[f"{name}.bias"] = (convolution.bias - norm.running_mean) * gain + norm.bias
        for name in ("last.weight", "last.bias"):
            tensors[name] = tensors[name] / self.temperature
        return {k: v.detach().cpu().clone() for k, v in tensors.items()}

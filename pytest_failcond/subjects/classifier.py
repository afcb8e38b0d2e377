"""The model under test, and the judge: whatever the user gives, in one shape."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pytest_failcond.errors import FailcondError, FailcondWarning

BATCH = 256


class Classifier:
    """Images → class probabilities, in batches of one fixed size.

    Args:
        model: a ``torch.nn.Module`` (float32 ``[N, C, H, W]`` in [0, 1] → logits ``[N, K]``) or a
            plain callable that takes and returns NumPy arrays of these shapes.
        classes: K, if known; an output of another width is refused.
        batch_size: images per call. The last batch is filled up by repetition, because the last
            bits of a network's output depend on how many images are computed together.
        device: where a module computes, such as ``cpu`` or ``cuda``.
        name: what messages call it.

    Raises:
        FailcondError: the model is not callable, or the device is absent.

    A module in training mode is measured in evaluation mode and put back, with a `FailcondWarning`.
    """

    def __init__(
        self,
        model: nn.Module | Callable[[npt.NDArray[np.float32]], npt.ArrayLike],
        *,
        classes: int | None = None,
        batch_size: int = BATCH,
        device: str = "cpu",
        name: str = "classifier",
    ) -> None:
        if not callable(model):
            raise FailcondError(
                f"{name}: expected a torch.nn.Module or a callable, got {type(model).__name__}"
            )
        self.model = model
        self.classes = classes
        self.batch_size = batch_size
        self.name = name
        self.seen: Callable[[int], None] | None = None  # told of the images of each call
        self.device = torch.device(device)
        if isinstance(model, nn.Module):
            check_device(device)
            model.to(self.device)
            if any(module.training for module in model.modules()):
                warnings.warn(
                    FailcondWarning(
                        f"the {name} is in training mode; it is measured in evaluation mode "
                        "and put back (call .eval() where it is loaded)"
                    ),
                    stacklevel=2,
                )

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow through it: it is a torch module."""
        return isinstance(self.model, nn.Module)

    @property
    def hash(self) -> str | None:
        """What identifies it: a hash of a module's weights; None for a plain callable."""
        if not isinstance(self.model, nn.Module):
            return None
        digest = hashlib.sha256(str(self.model).encode())
        for key, value in self.model.state_dict().items():
            digest.update(key.encode())
            digest.update(np.ascontiguousarray(value.detach().cpu().float().numpy()).data)
        return f"weights:{digest.hexdigest()}"

    def logits(self, images: Tensor) -> Tensor:
        """One call, gradients included: ``[N, C, H, W]`` → ``[N, K]``.

        Raises:
            FailcondError: the model raised, or returned another shape, or values that are not finite.
        """
        if isinstance(self.model, nn.Module):
            module = self.model
            training = [part for part in module.modules() if part.training]
            module.eval()
            try:
                out = self._call(module, images.to(self.device))
            finally:
                for part in training:
                    part.training = True
        else:
            out = self._call(self.model, images.detach().cpu().numpy())
            out = torch.as_tensor(np.asarray(out, dtype=np.float32))
        if self.seen is not None:
            self.seen(len(images))
        return self._checked(out, len(images))

    def probabilities(
        self, images: Tensor | npt.NDArray[np.float32], *, batch: int | None = None
    ) -> npt.NDArray[np.float32]:
        """Softmax of the logits, without gradients: float32 ``[N, C, H, W]`` → ``[N, K]``.

        ``batch`` lets a module, which takes batches of any size, compute in smaller ones.
        """
        images = torch.as_tensor(images)
        size = self.batch_size
        if batch is not None and self.differentiable:
            size = min(size, batch)
        count = len(images)
        parts = []
        with torch.no_grad():
            for start in range(0, count, size):
                rows = torch.arange(start, start + size).clamp(max=count - 1)
                full = start + size <= count
                part = images[start : start + size] if full else images[rows]
                parts.append(torch.softmax(self.logits(part).float(), dim=1).cpu())
        return torch.cat(parts)[:count].numpy()

    def _call(self, model: Callable[..., Any], images: Any) -> Any:
        try:
            return model(images)
        except Exception as error:
            shape = list(images.shape)
            raise FailcondError(
                f"the {self.name} raised {type(error).__name__} on images {shape}: {error}"
            ) from error

    def _checked(self, out: Any, count: int) -> Tensor:
        width = "classes" if self.classes is None else self.classes
        shape = list(out.shape) if hasattr(out, "shape") else type(out).__name__
        if not isinstance(out, Tensor) or out.ndim != 2 or len(out) != count or out.shape[1] < 1:
            raise FailcondError(
                f"the {self.name} returned {shape}; it must return logits [{count}, {width}]"
            )
        if self.classes is None:
            self.classes = out.shape[1]
        if out.shape[1] != self.classes:
            raise FailcondError(
                f"the {self.name} returned {out.shape[1]} classes, but there are {self.classes}; "
                "check `classes` and the generator"
            )
        if not bool(torch.isfinite(out).all()):
            raise FailcondError(
                f"the {self.name} returned values that are not finite (NaN or infinite); "
                "see what it makes of images in [0, 1]"
            )
        return out


def check_device(device: str) -> None:
    """Raise a FailcondError unless torch can compute on ``device``."""
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise FailcondError(f"device {device!r} is unknown; use cpu, cuda or mps") from error
    absent = (kind == "cuda" and not torch.cuda.is_available()) or (
        kind == "mps" and not torch.backends.mps.is_available()
    )
    if absent:
        raise FailcondError(
            f'device {device!r} is not available here; use --failcond-device=cpu or device = "cpu"'
        )

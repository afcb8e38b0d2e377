"""The model under test, and the judge: whatever the user gives, in one shape.

Torch takes seconds to import. Whoever brings a plain callable may not use it, so neither do we then.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError, FailcondWarning

if TYPE_CHECKING:
    from torch import Tensor, nn

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
        self.device = device
        if _is_module(model):
            check_device(device)
            model.to(device)
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
        return _is_module(self.model)

    @property
    def hash(self) -> str | None:
        """What identifies it: a hash of a module's weights; None for a plain callable."""
        if not _is_module(self.model):
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
        import torch

        module = self.model
        if not _is_module(module):
            return torch.from_numpy(self._arrays(images.detach().cpu().numpy()))
        training = [part for part in module.modules() if part.training]
        module.eval()
        try:
            out = self._call(module, images.to(self.device))
        finally:
            for part in training:
                part.training = True
        if not isinstance(out, torch.Tensor):
            self._refuse(out, len(images))
        self._check(out, len(images), torch.isfinite)
        return out

    def _arrays(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """One call of a plain callable, checked as `logits` are."""
        out = np.asarray(self._call(self.model, images), dtype=np.float32)
        self._check(out, len(images), np.isfinite)
        return out

    def probabilities(
        self, images: Tensor | npt.NDArray[np.float32], *, batch: int | None = None
    ) -> npt.NDArray[np.float32]:
        """Softmax of the logits, without gradients: float32 ``[N, C, H, W]`` → ``[N, K]``.

        ``batch`` lets a module, which takes batches of any size, compute in smaller ones.
        """
        if self.differentiable:
            size = self.batch_size if batch is None else min(self.batch_size, batch)
            return self._of_tensors(images, size)
        arrays = images if isinstance(images, np.ndarray) else images.detach().cpu().numpy()
        batches = _batches(len(arrays), self.batch_size)
        return np.concatenate([_softmax(self._arrays(arrays[b])) for b in batches])[: len(arrays)]

    def _of_tensors(
        self, images: Tensor | npt.NDArray[np.float32], size: int
    ) -> npt.NDArray[np.float32]:
        import torch

        images = torch.as_tensor(images)
        with torch.no_grad():
            parts = [
                torch.softmax(self.logits(images[batch]).float(), dim=1).cpu()
                for batch in _batches(len(images), size)
            ]
        return torch.cat(parts)[: len(images)].numpy()

    def _call(self, model: Callable[..., Any], images: Any) -> Any:
        try:
            out = model(images)
        except Exception as error:
            shape = list(images.shape)
            raise FailcondError(
                f"the {self.name} raised {type(error).__name__} on images {shape}: {error}"
            ) from error
        if self.seen is not None:
            self.seen(len(images))
        return out

    def _refuse(self, out: Any, count: int) -> NoReturn:
        width = "classes" if self.classes is None else self.classes
        shape = list(out.shape) if hasattr(out, "shape") else type(out).__name__
        raise FailcondError(
            f"the {self.name} returned {shape}; it must return logits [{count}, {width}]"
        )

    def _check(self, out: Any, count: int, is_finite: Callable[[Any], Any]) -> None:
        """See that a tensor or an array holds logits of ``count`` images."""
        if out.ndim != 2 or len(out) != count or out.shape[1] < 1:
            self._refuse(out, count)
        if self.classes is None:
            self.classes = out.shape[1]
        if out.shape[1] != self.classes:
            raise FailcondError(
                f"the {self.name} returned {out.shape[1]} classes, but there are {self.classes}; "
                "check `classes` and the generator"
            )
        if not bool(is_finite(out).all()):
            raise FailcondError(
                f"the {self.name} returned values that are not finite (NaN or infinite); "
                "see what it makes of images in [0, 1]"
            )


def _is_module(model: object) -> TypeGuard[nn.Module]:
    """Whether it is a torch module; where torch is not imported, nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def _batches(count: int, size: int) -> Iterator[slice | npt.NDArray[np.int64]]:
    """Cut ``count`` rows into batches of ``size``; the last one repeats the last row to be full."""
    for start in range(0, count, size):
        full = start + size <= count
        rows = slice(start, start + size)
        yield rows if full else np.arange(start, start + size).clip(max=count - 1)


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``[N, K]`` → ``[N, K]``, each row the probabilities of an image."""
    powers: npt.NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def check_device(device: str) -> None:
    """Raise a FailcondError unless torch can compute on ``device``."""
    import torch

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

"""The model under test, and the judge: any of the user's models, in one shape.

Torch takes seconds to import, and a project with a plain callable may not use it. Then we do not
import it either.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError, FailcondWarning
from pytest_failcond.process.exchange import ask
from pytest_failcond.process.surroundings import ours, theirs
from pytest_failcond.subjects.answers import logits_of_array, logits_of_tensor
from pytest_failcond.subjects.batches import batches, check_room, copy_of, is_writable, softmax
from pytest_failcond.subjects.modules import check_device, check_weights, evaluating, is_module
from pytest_failcond.words.judged import the
from pytest_failcond.words.remarks import Noticed, Remark

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 256
_TOLERANCE = 1e-3
"""The largest change of a probability from call to call that counts as the same output.

Summing float32 in another order, as threads and GPU kernels do, changes one by less than 1e-5, and
TF32 by less than 1e-3; random draws change one by far more.
"""


def _warn(remark: Remark) -> None:
    warnings.warn(FailcondWarning(remark.text), stacklevel=3)


class Classifier:
    """Images → class probabilities, in batches of one fixed size.

    Args:
        model: a ``torch.nn.Module`` (float32 ``[N, C, H, W]`` in [0, 1] → logits ``[N, K]``) or a
            plain callable that takes and returns NumPy arrays of these shapes.
        classes: K, if known; an output of another width is refused.
        batch_size: images per call. The last batch is filled up by repetition, because the last
            bits of a network's output depend on how many images are computed together.
        device: the device of a module, such as ``cpu`` or ``cuda``.
        name: its name in messages.

    Attributes:
        seen: called with the images of each call.
        notice: called with remarks on the model; default a `FailcondWarning`. A module in training
            mode is measured in evaluation mode and put back; a model may write into its images,
            which are copies.
        repeat: if set, called once with a function that repeats the first batch; the function
            returns a remark if the output differs, else None.

    Raises:
        FailcondError: the model is not callable, has no weights yet, or the device is absent.
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
        if isinstance(model, type):
            raise FailcondError(
                f"{name}: expected a model, got the class {model.__name__}; make one of it: "
                f"{model.__name__}(…)"
            )
        if not callable(model):
            raise FailcondError(
                f"{name}: expected a torch.nn.Module or a callable, got {type(model).__name__}"
            )
        self.model = model
        self.classes = classes
        self.batch_size = batch_size
        self.name = name
        self.device = device
        self.seen: Callable[[int], None] | None = None
        self.notice: Callable[[Remark], None] = _warn
        self.repeat: Callable[[Callable[[], Remark | None]], None] | None = None
        self._noticed: set[Noticed] = set()
        self._examined = False
        if is_module(model):
            check_device(device)
            check_weights(model, name)
            ask(the(name), model.to, device, on=f"when it was moved to {device}")

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow through it: it is a torch module."""
        return is_module(self.model)

    @cached_property
    def hash(self) -> str | None:
        """Its hash, of a module's types and weights; None if they cannot be seen.

        Raises:
            FailcondError: the weights cannot be read.
        """
        if not is_module(self.model):
            return None
        from pytest_failcond.subjects.model_hash import hash_model

        return hash_model(self.model, self.name)

    @ours()
    def logits(self, images: Tensor) -> Tensor:
        """One call, gradients included: ``[N, C, H, W]`` → ``[N, K]``.

        Raises:
            FailcondError: the model raised, or returned another shape, or values that are not
                finite.
        """
        if not is_module(self.model):
            import torch

            return torch.from_numpy(self._of_arrays(images.detach().cpu().numpy().copy()))
        return self._of_tensors(self.model, images.clone())

    @ours()
    def probabilities(
        self,
        images: Tensor | npt.NDArray[np.float32],
        *,
        batch: int | None = None,
        owned: bool = False,
    ) -> npt.NDArray[np.float32]:
        """Softmax of the logits, without gradients: float32 ``[N, C, H, W]`` → ``[N, K]``.

        Args:
            images: in [0, 1].
            batch: lets a module, which takes batches of any size, compute in smaller ones.
            owned: whether the images have no other use. Else the model gets copies, because it may
                write into its input.

        Raises:
            FailcondError: as `logits`, or a batch does not fit into memory.
        """
        size = self.batch_size
        if is_module(self.model):
            size = size if batch is None else min(size, batch)
        elif not isinstance(images, np.ndarray):
            images = images.detach().cpu().numpy()
        check_room(size, images.shape[1:])
        parts = []
        for rows in batches(len(images), size):
            part = images[rows]
            # A selection of rows is a copy; read-only arrays must be copied.
            fresh = (owned and is_writable(part)) or not isinstance(rows, slice)
            parts.append(self._first_examined(part if fresh else copy_of(part)))
        return np.concatenate(parts)[: len(images)]

    def _first_examined(self, images: Any) -> npt.NDArray[np.float32]:
        """Classify a batch; for the first, check whether the model writes into it, and repeat it if
        requested.
        """
        if self._examined:
            return self._one(images)
        self._examined = True
        kept = copy_of(images)
        first = self._one(images)
        if not bool((images == kept).all()):
            self._note("writes", "writes into its input images; it gets copies")
        if self.repeat is not None:
            self.repeat(lambda: self._compared(first, kept))
        return first

    def _compared(self, first: npt.NDArray[np.float32], images: Any) -> Remark | None:
        """Classify a batch again; return a remark if the result differs."""
        seen, self.seen = self.seen, None  # these images were counted
        try:
            again = self._one(images)
        except FailcondError as error:
            return self._remark("random", f"does not answer the same batch twice: {error}")
        finally:
            self.seen = seen
        labels = int((first.argmax(axis=1) != again.argmax(axis=1)).sum())
        most = float(np.abs(first - again).max())
        if not labels and most <= _TOLERANCE:
            return None
        return self._remark(
            "random",
            f"changes from call to call: shown the same {len(first)} images twice, it changed "
            f"{labels} labels, and a probability by {most:.2g}; no verdict can be repeated. "
            f"Remove its random draws (dropout, noise, augmentation), or seed them in each call",
        )

    def _one(self, images: Any) -> npt.NDArray[np.float32]:
        """Classify one batch, which has no other use."""
        if not is_module(self.model):
            return softmax(self._of_arrays(images))
        import torch

        with torch.no_grad():
            logits = self._of_tensors(self.model, torch.as_tensor(images))
            probabilities: npt.NDArray[np.float32] = (
                torch.softmax(logits.float(), dim=1).cpu().numpy()
            )
        return probabilities

    def _of_tensors(self, module: nn.Module, images: Tensor) -> Tensor:
        """One call of a module, with its own copy of the images."""
        with evaluating(module, self.name) as was_training:
            if was_training:
                self._note(
                    "training",
                    "is in training mode; it is measured in evaluation mode and put back (call "
                    ".eval() where it is loaded)",
                )
            given = images.to(self.device)
            version = given._version
            out = self._call(module, given)
        if given._version != version:
            self._note("writes", "writes into its input images; it gets copies")
        logits = logits_of_tensor(out, self.name, len(images), self.classes)
        self.classes = logits.shape[1]
        return logits

    def _of_arrays(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """One call of a plain callable, with its own copy of the images."""
        logits = logits_of_array(
            self._call(self.model, images), self.name, len(images), self.classes
        )
        self.classes = logits.shape[1]
        return logits

    def _call(self, model: Callable[..., Any], images: Any) -> Any:
        shape = list(images.shape)
        with theirs():
            out = ask(the(self.name), model, images, on=f"on images {shape}")
        if self.seen is not None:
            self.seen(shape[0])
        return out

    def _note(self, what: Noticed, text: str) -> None:
        if what not in self._noticed:
            self._noticed.add(what)
            self.notice(self._remark(what, text))

    def _remark(self, what: Noticed, text: str) -> Remark:
        return Remark(self.name, what, f"{the(self.name)} {text}")

"""The model under test, and the judge: any of the user's models, in one shape.

Torch takes seconds to import, and a project with a plain callable may not use it. Then we do not
import it either.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.batching import classified_together, filled
from pytest_failcond.process.exchange import UserCodeError
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects.batches import check_room, copy_of, is_writable, softmax
from pytest_failcond.subjects.calls import Calls
from pytest_failcond.subjects.heads import Head
from pytest_failcond.subjects.modules import is_module
from pytest_failcond.subjects.scale import Outputs, logits_of
from pytest_failcond.words.remarks import Remark

if TYPE_CHECKING:
    from torch import Tensor, nn

_TOLERANCE = 1e-3
"""The largest change of a probability from call to call that counts as the same output.

Summing float32 in another order, as threads and GPU kernels do, changes one by less than 1e-5, and
TF32 by less than 1e-3; random draws change one by far more.
"""


class Classifier(Calls):
    """Images → class probabilities, in batches of one fixed size.

    Args:
        model: a ``torch.nn.Module`` (float32 ``[N, C, H, W]`` in [0, 1] → logits ``[N, K]``) or a
            plain callable that takes and returns NumPy arrays of these shapes. Its output may also
            be probabilities, which are told by their sums, or a tuple, dict or object with
            ``logits`` or one such array. An exported program of a fixed batch gets that batch, and
            a module of another precision images of its type.
        classes: K, if known; an output of another width is refused.
        batch_size: images per call; default 256, and fewer of images larger than 64 x 64 px. The last batch is filled up by repetition, because the last
            bits of a network's output depend on how many images are computed together.
        device: the device of a module, such as ``cpu`` or ``cuda``.
        name: its name in messages.
        head: the output that counts, among several: its key, attribute, or position from 0.
        outputs: ``logits`` or ``probabilities``; default told by the sums of the first batch, and
            probabilities are noticed.

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
        batch_size: int | None = None,
        device: str = "cpu",
        name: str = "classifier",
        head: Head | None = None,
        outputs: Outputs | None = None,
    ) -> None:
        super().__init__(model, classes, device, name, head, outputs)
        self.batch_size = batch_size if self._fixed is None else self._fixed
        self.repeat: Callable[[Callable[[], Remark | None]], None] | None = None
        self._examined = False

    @cached_property
    def hash(self) -> str | None:
        """Its hash, of a module's types and weights; None if they cannot be seen.

        Raises:
            FailcondError: the weights cannot be read.
        """
        if not is_module(self.model):
            return None
        from pytest_failcond.subjects.model_hash import hash_model

        return hash_model(self.model, self.name, self.head)

    def aside(self) -> Classifier:
        """Return the same model, whose calls are neither counted nor noticed nor repeated."""
        silent = copy(self)
        silent.seen = silent.repeat = None
        silent.notice = lambda remark: None
        silent._noticed = set()
        return silent

    def size_for(self, height: int, width: int) -> int:
        """Return the number of images per call, for images of this size, px."""
        return self.batch_size or classified_together(height, width)

    @ours()
    def logits(self, images: Tensor) -> Tensor:
        """One call, gradients included: ``[N, C, H, W]`` → ``[N, K]``; of probabilities, the logits.

        Raises:
            FailcondError: the model raised, or returned another shape, or values that are not
                finite.
        """
        if not is_module(self.model):
            import torch

            values = self._of_arrays(images.detach().cpu().numpy().copy())
            return torch.from_numpy(logits_of(values) if self._normalised else values)
        parts = []
        for rows in filled(len(images), self._fixed or len(images)):
            out = self._of_tensors(self.model, images[rows].clone())
            parts.append(logits_of(out) if self._normalised else out)
        return _joined(parts, len(images))

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
        size = self.size_for(*images.shape[2:])
        if is_module(self.model):
            size = size if batch is None or self._fixed else min(size, batch)
        elif not isinstance(images, np.ndarray):
            images = images.detach().cpu().numpy()
        check_room(size, images.shape[1:])
        parts = []
        for rows in filled(len(images), size):
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
        try:
            first = self._one(images)
        except UserCodeError as error:
            if (remedy := self._by_batch(error, kept)) is None:
                raise  # not from itself: no error is its own cause
            raise remedy from error
        if not bool((images == kept).all()):
            self._note("writes", "writes into its input images; it gets copies")
        if self.repeat is not None:
            self.repeat(lambda: self._compared(first, kept))
        return first

    def _by_batch(self, error: UserCodeError, images: Any) -> FailcondError | None:
        """Return the error of the first batch with its remedy, if a smaller one is classified."""
        if len(images) == 1 or isinstance(error.__cause__, OSError):  # an endpoint may wait long
            return None
        try:
            self.aside()._one(copy_of(images[:1]))
        except FailcondError:
            return None
        return FailcondError(
            f"{error}; it classifies a batch of one image: lower batch_size to what it takes, or export "
            "it with a batch of any size"
        )

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
            values = self._of_arrays(images)
            return _normalised(values) if self._normalised else softmax(values)
        import torch

        with torch.no_grad():
            out = self._of_tensors(self.model, torch.as_tensor(images)).float()
            found: npt.NDArray[np.float32] = (
                (out if self._normalised else torch.softmax(out, dim=1)).cpu().numpy()
            )
        return _normalised(found) if self._normalised else found


def _normalised(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return probabilities ``[N, K]`` whose rows sum to 1, up to float32."""
    found: npt.NDArray[np.float32] = values / values.sum(axis=1, keepdims=True)
    return found


def _joined(parts: list[Tensor], count: int) -> Tensor:
    import torch

    return torch.cat(parts)[:count]

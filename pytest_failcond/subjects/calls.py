"""Calls of one model: images in its type and place, and its output as numbers that are known to be
logits or probabilities.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError, FailcondWarning
from pytest_failcond.process.exchange import UserCodeError, ask
from pytest_failcond.process.surroundings import theirs
from pytest_failcond.subjects.answers import logits_of_array, logits_of_tensor
from pytest_failcond.subjects.forms import (
    as_module,
    fixed_batch,
    of_precision,
    other_precision,
    way_out,
)
from pytest_failcond.subjects.heads import Head
from pytest_failcond.subjects.modules import check_device, check_weights, evaluating, is_module
from pytest_failcond.subjects.scale import Outputs, are_probabilities
from pytest_failcond.words.judged import the
from pytest_failcond.words.remarks import Noticed, Remark

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


_STATE_IT = '; set outputs = "probabilities" in the configuration if that is meant'


def _warn(remark: Remark) -> None:
    warnings.warn(FailcondWarning(remark.text), stacklevel=3)


class Calls:
    """A user's model, called on one batch at a time; `Classifier` says what its attributes are."""

    def __init__(
        self,
        model: nn.Module | Callable[[npt.NDArray[np.float32]], npt.ArrayLike],
        classes: int | None,
        device: str,
        name: str,
        head: Head | None,
        outputs: Outputs | None,
    ) -> None:
        model = as_module(model)
        if isinstance(model, type):
            raise FailcondError(
                f"{name}: expected a model, got the class {model.__name__}; make one of it: "
                f"{model.__name__}(…)"
            )
        if not callable(model):
            remedy = ""
            if isinstance(model, Mapping):
                remedy = "; load the weights into their model"
            elif hasattr(model, "predict_proba"):
                remedy = (
                    "; return a function of images [N, C, H, W] that calls its predict_proba, as with "
                    "images.reshape(len(images), -1)"
                )
            raise FailcondError(
                f"{name}: expected a torch.nn.Module or a callable, got {type(model).__name__}{remedy}"
            )
        self.model = model
        self.classes = classes
        self.name = name
        self.device = device
        self.seen: Callable[[int], None] | None = None
        self.notice: Callable[[Remark], None] = _warn
        self.head = head
        self._noticed: set[Noticed] = set()
        self._stated = outputs
        # Whether it returns probabilities; None: not known.
        self._normalised = None if outputs is None else outputs == "probabilities"
        self._precision: torch.dtype | None = None  # of its images, once it refused float32
        self._fixed: int | None = None  # the only size of its batches
        if is_module(model):
            self._fixed = fixed_batch(model)
            check_device(device)
            check_weights(model, name)
            ask(the(name), model.to, device, on=f"when it was moved to {device}")

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow through it: it is a torch module."""
        return is_module(self.model)

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
            out = self._of_its_type(module, given)
        if given._version != version:
            self._note("writes", "writes into its input images; it gets copies")
        logits = logits_of_tensor(out, self.name, len(images), self.classes, self.head)
        self._see_scale(logits)
        self.classes = logits.shape[1]
        return logits

    def _of_its_type(self, module: nn.Module, images: Tensor) -> Any:
        """Call a module on float32 images; if it refuses them, on images of its weights' type."""
        if self._precision is None:
            try:
                return self._call(module, images)
            except UserCodeError as error:
                other = other_precision(module)
                if other is None:
                    raise
                try:
                    out = self._call(module, images.to(other))
                except UserCodeError:
                    raise of_precision(error, other) from error.__cause__
                self._precision = other
                return out
        return self._call(module, images.to(self._precision))

    def _of_arrays(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """One call of a plain callable, with its own copy of the images."""
        logits = logits_of_array(
            self._call(self.model, images), self.name, len(images), self.classes, self.head
        )
        self._see_scale(logits)
        self.classes = logits.shape[1]
        return logits

    def _see_scale(self, values: Any) -> None:
        """Tell by the first batch whether the model returns probabilities, if it is not stated; check
        them.

        Raises:
            FailcondError: it returns probabilities, by its first batch or as stated, and these values are
                not.
        """
        if self._normalised is None:
            self._normalised = are_probabilities(values)
            if self._normalised:
                own = self.name == "classifier"
                self._note(
                    "probabilities",
                    "returns probabilities, not logits (each row is 0 or more and sums to 1); they are "
                    f"used as they are{_STATE_IT if own else ''}",
                )
        elif self._normalised and not are_probabilities(values, rough=True):
            if self._stated:
                raise FailcondError(
                    f"{the(self.name)} returned values below 0 or of another sum than 1; let it return "
                    'probabilities, or leave out outputs = "probabilities"'
                )
            raise FailcondError(
                f"{the(self.name)} returned probabilities for its first batch, and values below 0 or of "
                "another sum than 1 for a later one; let it return logits, or probabilities, in every call"
            )

    def _call(self, model: Callable[..., Any], images: Any) -> Any:
        shape = list(images.shape)
        try:
            with theirs():
                out = ask(the(self.name), model, images, on=f"on images {shape}")
        except UserCodeError as error:
            raise way_out(error, self.name) from error.__cause__
        if self.seen is not None:
            self.seen(shape[0])
        return out

    def _note(self, what: Noticed, text: str) -> None:
        if what not in self._noticed:
            self._noticed.add(what)
            self.notice(self._remark(what, text))

    def _remark(self, what: Noticed, text: str) -> Remark:
        return Remark(self.name, what, f"{the(self.name)} {text}")

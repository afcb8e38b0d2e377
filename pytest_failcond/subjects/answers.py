"""The output of a model: logits, or a sentence on the actual output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import array_of, ask, described
from pytest_failcond.subjects.heads import Head, chosen
from pytest_failcond.words.judged import the

if TYPE_CHECKING:
    from torch import Tensor

_NUMBERS = "iuf"  # kinds of NumPy types that logits may have


def logits_of_tensor(
    out: Any, name: str, count: int, classes: int | None, head: Head | None = None
) -> Tensor:
    """Return a module's output as logits ``[N, K]``, gradients included.

    Args:
        out: the output of the module.
        name: the model's name in messages.
        count: N, the images that it got.
        classes: K; None: not known yet.
        head: the output that counts, among several.

    Raises:
        FailcondError: the head is not there, or it is not a tensor of real numbers of this shape, or not all are finite.
    """

    def taken() -> Tensor:
        import torch

        part = chosen(out, name, count, head)
        if isinstance(part, torch.Tensor) and part.is_meta:
            raise FailcondError(
                f"{the(name)} returned {described(part)} without values (on the meta device); load its "
                "weights, and make all its tensors on the device where it computes"
            )
        if not isinstance(part, torch.Tensor) or not _is_real(part):
            form = ", as a tensor" if isinstance(part, np.ndarray) else ""
            raise _refused(part, name, count, classes, form)
        logits: Tensor = part.dequantize() if part.is_quantized else part
        logits = logits.to_dense() if logits.layout != torch.strided else logits
        _check_shape(logits, name, count, classes, head)
        if not bool(torch.isfinite(logits.detach().float()).all()):
            raise _not_finite(name)
        return logits

    return _converted(taken, out, name)  # type: ignore[no-any-return]


def logits_of_array(
    out: Any, name: str, count: int, classes: int | None, head: Head | None = None
) -> npt.NDArray[np.float32]:
    """Return a plain callable's output as logits, float32 ``[N, K]``; arguments as `logits_of_tensor`.

    Raises:
        FailcondError: the head is not there, or it is not an array of real numbers of this shape, or not all are finite.
    """

    def taken() -> npt.NDArray[np.float32]:
        part = chosen(out, name, count, head)
        array = _plain(part)
        if array is None or array.dtype.kind not in _NUMBERS:
            raise _refused(part, name, count, classes)
        _check_shape(array, name, count, classes, head)
        with np.errstate(over="ignore"):  # too large values become infinite, and are refused
            logits = array.astype(np.float32)
        if not np.isfinite(logits).all():
            raise _not_finite(name)
        return logits

    return _converted(taken, out, name)  # type: ignore[no-any-return]


def _is_real(out: Tensor) -> bool:
    import torch

    return not out.is_complex() and out.dtype != torch.bool


def _plain(out: Any) -> npt.NDArray[Any] | None:
    """Return an output as an array of any type; None if it could only be misread as one."""
    if isinstance(out, np.ma.MaskedArray) and np.ma.is_masked(out):
        return None
    return array_of(out)


def _converted(taken: Any, out: Any, name: str) -> Any:
    """Convert an output, which may itself run the user's code."""
    try:
        return taken()
    except FailcondError:
        raise
    except Exception:
        who = f"{the(name)} returned {described(out)}, and reading it as logits"
        return ask(who, taken)


def _check_shape(
    logits: Any, name: str, count: int, classes: int | None, head: Head | None
) -> None:
    if logits.ndim != 2 or len(logits) != count or logits.shape[1] < 1:
        raise _refused(logits, name, count, classes)
    if logits.shape[1] == 1:
        raise FailcondError(
            f"{the(name)} returned {described(logits)}; it must return logits of two classes or more: "
            "of one output for two classes, give both: [0, x] of a logit x, [1 - p, p] of a probability p"
        )
    if classes not in (None, logits.shape[1]):
        chosen_head = "" if head is None else f"`head` = {head!r}, "
        raise FailcondError(
            f"{the(name)} returned {logits.shape[1]} classes, but there are {classes}; "
            f"check its outputs, {chosen_head}`classes` and the generator"
        )


def _refused(out: Any, name: str, count: int, classes: int | None, form: str = "") -> FailcondError:
    width = "classes" if classes is None else classes
    wrapped = isinstance(out, tuple | list | dict)
    advice = ", alone: wrap it so that it does" if wrapped else ", real numbers"
    if not wrapped and getattr(out, "ndim", 0) == 1 and "int" in str(getattr(out, "dtype", "")):
        advice += "; these look like labels, so return the logits or probabilities of all classes"
    return FailcondError(
        f"{the(name)} returned {described(out)}; it must return logits [{count}, {width}]{form or advice}"
    )


def _not_finite(name: str) -> FailcondError:
    return FailcondError(
        f"{the(name)} returned values that are not finite (NaN or infinite) in float32; "
        "check its handling of images in [0, 1]"
    )

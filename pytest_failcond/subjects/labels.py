"""Users' labels → class indices. A value that is not exactly one is refused, not rounded."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError

_LARGEST = 2**31 - 1  # far beyond any number of classes


def class_index(label: Any, what: str) -> int:
    """Return one label as a class index.

    Args:
        label: a whole number from 0: of Python, NumPy or torch, also as ``array(k)`` or ``array([k])``,
            as a float without a fraction, or as a bool.
        what: the labelled thing, for messages.

    Raises:
        FailcondError: it is another value.
    """
    array = _numbers(label, what)
    if array.size != 1:
        _refuse_several(array.shape, what)
    return int(_whole(array.reshape(1), what)[0])


def class_indices(labels: Any, what: str = "labels") -> npt.NDArray[np.int64]:
    """Return the labels of an image set as class indices, ``[N]``.

    Args:
        labels: ``[N]`` or ``[N, 1]``, of whole numbers as `class_index` takes them.
        what: their name in messages.

    Raises:
        FailcondError: they are other values.
    """
    objects = getattr(getattr(labels, "dtype", None), "kind", "") == "O" and np.ndim(labels) == 1
    if objects or (isinstance(labels, list | tuple) and not all(map(np.isscalar, labels))):
        given = [class_index(label, f"{what}: item {row}") for row, label in enumerate(labels)]
        return np.array(given, dtype=np.int64)
    array = _numbers(labels, what)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        _refuse_several(array.shape, what)
    if array.ndim != 1:
        raise FailcondError(
            f"{what}: expected class indices [N], got {array.dtype} {list(array.shape)}"
        )
    return _whole(array, what)


def _numbers(labels: Any, what: str) -> npt.NDArray[Any]:
    """Return an array of numbers; a tensor may lie on any device, need gradients and be bfloat16."""
    try:
        values = labels.detach().tolist() if hasattr(labels, "detach") else labels
        array = np.asarray(values)
    except Exception as error:  # ragged lists, and any exception of a foreign object
        raise FailcondError(
            f"{what}: cannot be read as class indices ({type(error).__name__}: {error}); "
            "give integers from 0"
        ) from error
    if array.dtype.kind not in "biuf":
        came = f"{labels!r:.60}" if np.isscalar(labels) or labels is None else type(labels).__name__
        raise FailcondError(
            f"{what}: {came} is not a class index; give integers from 0, of names "
            "classes.index(name)"
        )
    return array


def _whole(array: npt.NDArray[Any], what: str) -> npt.NDArray[np.int64]:
    """``[N]`` of numbers → class indices; the error names the first wrong one."""
    exact = array.astype(np.float64) if array.dtype.kind == "f" else array
    wrong = ~((exact >= 0) & (exact <= _LARGEST))  # NaN too
    if array.dtype.kind == "f":
        wrong |= array != np.floor(array)
    if wrong.any():
        row = int(wrong.argmax())
        item = f": item {row}" if len(array) > 1 else ""
        raise FailcondError(
            f"{what}{item}: {array[row]} is not a class index; give integers from 0"
        )
    return array.astype(np.int64)


def _refuse_several(shape: tuple[int, ...], what: str) -> NoReturn:
    raise FailcondError(
        f"{what}: expected one class index an image, got {list(shape)}; for one-hot labels or "
        f"probabilities, give labels.argmax(-1)"
    )

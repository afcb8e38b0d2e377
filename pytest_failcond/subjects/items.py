"""An item of a dataset → an image and its label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import getitem
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import ask, described, is_tensor
from pytest_failcond.subjects.images import as_array
from pytest_failcond.subjects.labels import class_index


def pair(dataset: Any, index: int) -> tuple[npt.NDArray[np.uint8], int]:
    """Return an item of a dataset as an image, uint8 ``[H, W, C]``, and its class index.

    Raises:
        FailcondError: it is no pair and no dict of an image and a label, or one of these is wrong.
    """
    what = f"item {index} of the dataset"
    item = ask(f"images: {what}", getitem, dataset, index)
    if isinstance(item, Mapping):
        image = _column(item, "image", _is_picture, f"images: {what}")
        label = _column(item, "label", _is_whole, f"images: {what}")
    elif isinstance(item, tuple | list) and len(item) == 2:
        image, label = item
    else:
        raise FailcondError(
            f"images: {what} is a {type(item).__name__}, expected a pair (image, label)"
        )
    return _levels(image, f"images: {what}"), class_index(label, f"labels: {what}")


def _column(item: Mapping[Any, Any], name: str, fits: Callable[[Any], bool], what: str) -> Any:
    """Return the value of a column's name; without it, the only value that fits.

    Raises:
        FailcondError: none fits, or several.
    """
    if name in item:
        return item[name]
    found = [key for key, value in item.items() if fits(value)]
    if len(found) == 1:
        return item[found[0]]
    several = f"several columns may be its {name}: {', '.join(map(repr, found))}"
    raise FailcondError(
        f"{what} is a {described(item)}, and {several if found else f'no column is its {name}'}; rename "
        f"the one that is to {name!r}"
    )


def _is_picture(value: Any) -> bool:
    from PIL import Image

    return isinstance(value, Image.Image)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _levels(image: Any, what: str) -> npt.NDArray[np.uint8]:
    """Return an image as uint8 ``[H, W, C]``."""
    from PIL import Image

    from pytest_failcond.images.pixels import pixels_of

    if isinstance(image, Image.Image):
        return pixels_of(image, what)
    array = as_array(image, what)
    if is_tensor(image) and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    if np.issubdtype(array.dtype, np.floating) and array.size:
        if not 0 <= array.min() <= array.max() <= 1:  # NaN too
            raise FailcondError(
                f"{what} has floats outside [0, 1]; give it without normalisation, which belongs "
                f"in the classifier"
            )
        array = np.rint(array * 255).astype(np.uint8)
    if array.ndim == 2:
        array = array[..., None]
    shaped = array.ndim == 3 and array.shape[2] in (1, 3) and array.size
    if array.dtype != np.uint8 or not shaped:
        raise FailcondError(
            f"{what} is {array.dtype} {list(array.shape)}; expected uint8 [H, W, C], a tensor "
            "[C, H, W] or a PIL image, with 1 or 3 channels"
        )
    return array

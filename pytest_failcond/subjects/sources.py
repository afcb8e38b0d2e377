"""Image sets that need not fit into memory: folders of image files, and datasets.

Each is decoded once, into a temporary file that the operating system maps into memory as it is read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.subjects.labels import class_index

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def labeled_images(source: Any) -> LabeledImages:
    """Make an image set of what the user brings.

    Args:
        source: `LabeledImages`, a pair (images, labels), the path of a folder, or a dataset.

    Raises:
        FailcondError: it is none of these, or not as it must be.
    """
    if isinstance(source, LabeledImages):
        return source
    if isinstance(source, str | Path):
        return from_folder(Path(source))
    if isinstance(source, tuple) and len(source) == 2:
        return LabeledImages(*source)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        return from_dataset(source)
    raise FailcondError(
        "images: expected LabeledImages, a pair (images, labels), a folder or a dataset, got "
        f"{type(source).__name__}"
    )


def classes_of(folder: Path) -> tuple[str, ...]:
    """Return the class names of a folder of image files: those of its folders, sorted.

    Raises:
        FailcondError: it has none.
    """
    if not folder.is_dir():
        raise FailcondError(f"images: there is no folder {folder}")
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not names:
        raise FailcondError(f"images: {folder} has no folder per class; sort the images by class")
    return tuple(names)


def from_folder(folder: Path) -> LabeledImages:
    """Read a folder with one folder of image files per class; labels follow the sorted names.

    All images must have one size; they are gray if all are.

    Raises:
        FailcondError: there are no images, sizes differ, or a file cannot be read.
    """
    from PIL import Image

    files = [
        (file, label)
        for label, name in enumerate(classes_of(folder))
        for file in sorted((folder / name).iterdir())
        if file.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise FailcondError(f"images: there are no image files in the folders of {folder}")
    gray, size = True, None
    for file, _ in files:
        with _opened(file) as image:  # the header alone
            gray = gray and image.mode in ("1", "L")
            size = size or image.size
            if image.size != size:
                raise FailcondError(
                    f"images: {file} is {image.size[0]} x {image.size[1]} px, others are "
                    f"{size[0]} x {size[1]}; bring all to one size"
                )
    assert size is not None

    def decoded() -> Iterable[tuple[npt.NDArray[np.uint8], int]]:
        for file, label in files:
            with _opened(file) as image:
                try:
                    yield np.asarray(image.convert("L" if gray else "RGB")), label
                except (OSError, Image.DecompressionBombError) as error:
                    raise FailcondError(f"images: {file} cannot be read ({error})") from error

    return _mapped(decoded(), len(files), (size[1], size[0], 1 if gray else 3))


def from_dataset(dataset: Any) -> LabeledImages:
    """Read a map-style dataset, such as `torch.utils.data.Dataset`, of pairs (image, label).

    An image may be uint8 ``[H, W, C]`` or ``[H, W]``, a float or uint8 tensor ``[C, H, W]`` (floats
    in [0, 1]), or a PIL image.

    Raises:
        FailcondError: it is empty, or an item is not of such a form.
    """
    if not len(dataset):
        raise FailcondError("images: the dataset is empty; give at least one image")
    shape = _pair(dataset, 0)[0].shape

    def items() -> Iterable[tuple[npt.NDArray[np.uint8], int]]:
        for index in range(len(dataset)):
            image, label = _pair(dataset, index)
            if image.shape != shape:
                raise FailcondError(
                    f"images: item {index} of the dataset is {list(image.shape)}, the first is "
                    f"{list(shape)}; bring all to one size"
                )
            yield image, label

    return _mapped(items(), len(dataset), shape)


def _pair(dataset: Any, index: int) -> tuple[npt.NDArray[np.uint8], int]:
    item = dataset[index]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise FailcondError(
            f"images: item {index} of the dataset is a {type(item).__name__}, expected a pair "
            "(image, label)"
        )
    image, label = item
    is_tensor = type(image).__module__.partition(".")[0] == "torch"
    array = np.asarray(image)
    if is_tensor and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    if np.issubdtype(array.dtype, np.floating):
        if not 0 <= array.min() <= array.max() <= 1:  # NaN too
            raise FailcondError(
                f"images: item {index} of the dataset has floats outside [0, 1]; give it without "
                "normalisation, which belongs into the classifier"
            )
        array = np.rint(array * 255).astype(np.uint8)
    if array.ndim == 2:
        array = array[..., None]
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3):
        raise FailcondError(
            f"images: item {index} of the dataset is {array.dtype} {list(array.shape)}; expected "
            "uint8 [H, W, C], a tensor [C, H, W] or a PIL image, with 1 or 3 channels"
        )
    return array, class_index(label, f"labels: item {index} of the dataset")


def _mapped(
    items: Iterable[tuple[npt.NDArray[np.uint8], int]], count: int, shape: tuple[int, ...]
) -> LabeledImages:
    # The file has no name any more; the mapping holds it, and it goes with the array.
    with tempfile.TemporaryFile(prefix="failcond-images-") as file:
        images = np.memmap(file, dtype=np.uint8, mode="w+", shape=(count, *shape))
    labels = np.empty(count, dtype=np.int64)
    for row, (image, label) in enumerate(items):
        images[row], labels[row] = image.reshape(shape), label
    return LabeledImages(images, labels)


def _opened(file: Path) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(file)
    except (OSError, UnidentifiedImageError) as error:
        raise FailcondError(f"images: {file} cannot be read ({error})") from error

"""Image sets that need not fit into memory: image files, in folders or listed, and datasets.

Each is decoded once, into a temporary file that the operating system maps into memory as it is read.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import ask
from pytest_failcond.subjects.files import files_of, image_files
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.subjects.items import pair
from pytest_failcond.subjects.loading import load_subject

_BLOCK = 1 << 20  # bytes
_LISTED = 4  # parts that a sentence names


def labeled_images(source: Any, classes: Sequence[str] | None = None) -> LabeledImages:
    """Make an image set from the user's source.

    Args:
        source: `LabeledImages`, a pair (images, labels), the path of a folder or a CSV file, or a
            dataset.
        classes: for a folder or a CSV file, the names of the classes by index, if they are known.

    Raises:
        FailcondError: it is none of these, or wrong.
    """
    if isinstance(source, LabeledImages):
        return source
    if isinstance(source, str | Path):
        return from_files(Path(source), classes)
    if isinstance(source, tuple) and len(source) == 2:
        return LabeledImages(*source)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        return from_dataset(source)
    raise FailcondError(
        "images: expected LabeledImages, a pair (images, labels), the path of a folder or a CSV file, "
        f"or a dataset, got "
        f"{type(source).__name__}"
    )


def load_images(reference: str, key: str, classes: Sequence[str] | None = None) -> LabeledImages:
    """Read the images of an option: a folder, a CSV file, or ``module:callable``, which returns LabeledImages.

    Args:
        reference: the path or the name.
        key: the option, for messages.
        classes: for a folder or a CSV file, the names of the classes by index, if they are known.

    Raises:
        FailcondError: there is no such place or callable, or it has or returns something else.
    """
    files = files_of(reference)
    if files is None:
        return load_subject(reference, key, LabeledImages)
    return from_files(files, classes)


def from_files(place: Path, classes: Sequence[str] | None = None) -> LabeledImages:
    """Read a folder with one folder of image files per class, or a CSV file of paths and labels.

    Labels follow ``classes``, if they are known; without, the names that are there, sorted. All
    images must have one size, as EXIF turns them. They are gray if all are; a remark reports a mix.

    Raises:
        FailcondError: names or sizes differ, a class has no images, or a file cannot be read.
    """
    from pytest_failcond.images.image_files import read_pixels

    files = image_files(place, classes)
    kinds: dict[str, list[str]] = {"gray": [], "in colour": []}

    def decoded() -> Iterable[tuple[npt.NDArray[np.uint8], int]]:
        size = None
        for file in files:
            pixels = read_pixels(file.path, file.name)
            height, width, channels = pixels.shape
            kinds["gray" if channels == 1 else "in colour"].append(file.short)
            size = size or (width, height)
            if (width, height) != size:
                raise FailcondError(
                    f"{file.name} is {width} x {height} px, others are {size[0]} x {size[1]}; "
                    "bring all to one size"
                )
            yield pixels, file.label

    return replace(_gathered(decoded(), len(files)), noticed=_mixed(kinds, len(files)))


def _mixed(kinds: Mapping[str, Sequence[str]], total: int) -> str:
    """Return a remark on the files that are gray, or in colour, unlike the others."""
    kind, files = min(kinds.items(), key=lambda entry: len(entry[1]))
    if not files:
        return ""
    others = "" if len(files) == 1 else ", and others"
    return (
        f"images: {len(files):,} of {total:,} files {'is' if len(files) == 1 else 'are'} {kind} "
        f"({files[0]}{others}), the rest are not; "
        "all are taken as RGB"
    )


def from_dataset(dataset: Any) -> LabeledImages:
    """Read a map-style dataset, such as `torch.utils.data.Dataset`, of pairs (image, label), or of dicts,
    as those of Hugging Face's `datasets` are.

    An image may be uint8 ``[H, W, C]`` or ``[H, W]``, a float or uint8 tensor ``[C, H, W]`` (floats
    in [0, 1]), or a PIL image.

    Raises:
        FailcondError: it is empty, or an item has another form.
    """
    if isinstance(dataset, Mapping) and 0 not in dataset:
        parts = ", ".join(repr(key) for key in list(dataset)[:_LISTED])
        raise FailcondError(
            f"images: expected a dataset, got a {type(dataset).__name__} of {parts or 'nothing'}; give "
            "one of its parts"
        )
    count = ask("images: the length of the dataset", len, dataset)
    if not count:
        raise FailcondError("images: the dataset is empty; give at least one image")

    def items() -> Iterable[tuple[npt.NDArray[np.uint8], int]]:
        shape = None
        for index in range(count):
            image, label = pair(dataset, index)
            shape = shape or image.shape
            if image.shape != shape:
                raise FailcondError(
                    f"images: item {index} of the dataset is {list(image.shape)}, the first is "
                    f"{list(shape)}; bring all to one size and to gray or RGB"
                )
            yield image, label

    return _gathered(items(), count)


def _gathered(items: Iterable[tuple[npt.NDArray[np.uint8], int]], count: int) -> LabeledImages:
    """Gather images of one size; they stay gray until the first that has colour."""
    labels = np.empty(count, dtype=np.int64)
    images: npt.NDArray[np.uint8] | None = None
    for row, (image, label) in enumerate(items):
        if images is None:
            images = _mapped((count, *image.shape))
        elif image.shape[2] > images.shape[3]:
            gray, images = images, _mapped((count, *image.shape))
            images[:row] = gray[:row]
        images[row], labels[row] = image, label
    assert images is not None
    return LabeledImages(images, labels)


def _mapped(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Map a temporary file into memory, of its full size from the beginning.

    Raises:
        FailcondError: there is no room for it.
    """
    size, place = int(np.prod(shape)), "the temporary folder"
    try:
        place = tempfile.gettempdir()
        # The file has no name any more; the mapping holds it, and it vanishes with the array.
        with tempfile.TemporaryFile(prefix="failcond-images-") as file:
            _reserve(file, size)
            return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)
    except OSError as error:
        raise FailcondError(
            f"images: {shape[0]:,} images of {shape[2]} x {shape[1]} px take {size / 1e6:,.0f} MB in "
            f"{place}, but: {error.strerror or error}; set TMPDIR to a folder with more room"
        ) from error


def _reserve(file: IO[bytes], size: int) -> None:
    """Take the room now: if it is short, writing to a mapped file kills the process (SIGBUS)."""
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except (AttributeError, OSError) as error:  # not on every system or file system
        absent = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
        if isinstance(error, OSError) and error.errno not in absent:
            raise
        for start in range(0, size, _BLOCK):
            file.write(bytes(min(_BLOCK, size - start)))
        file.flush()

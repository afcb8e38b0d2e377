"""The user's images and labels."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import array_of, ask
from pytest_failcond.subjects.labels import class_indices


@dataclass(frozen=True)
class LabeledImages:
    """An image set.

    Attributes:
        images: uint8 ``[N, H, W, C]``, C 1 or 3; ``[N, H, W]`` is taken for gray.
        labels: int ``[N]``, class indices from 0; also ``[N, 1]`` and floats without a fraction.
        noticed: a remark for reports, such as on files that differ in kind.

    Raises:
        FailcondError: a shape or type is not as above, a length differs, or the set is empty.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    noticed: str = ""

    def __post_init__(self) -> None:
        images, labels = as_array(self.images, "images"), class_indices(self.labels)
        if images.ndim == 3:
            images = images[..., None]
        if images.ndim and len(images) == 0:
            raise FailcondError("images: the image set is empty; give at least one image")
        if images.dtype != np.uint8:
            from pytest_failcond.images.pixels import as_levels

            raise FailcondError(f"images: expected uint8 [N, H, W, C], {as_levels(images)}")
        if images.ndim != 4 or images.shape[3] not in (1, 3):
            raise FailcondError(
                "images: expected uint8 [N, H, W, C] with 1 or 3 channels, "
                f"got {images.dtype} {list(images.shape)}"
            )
        if min(images.shape[1:3]) < 8:
            raise FailcondError(f"images: expected 8 x 8 px or more, got {list(images.shape[1:3])}")
        if len(labels) != len(images):
            raise FailcondError(
                f"images and labels differ in length: {len(images)} images, {len(labels)} labels"
            )
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    @cached_property
    def hash(self) -> str:
        """SHA-256 of pixels, labels and shape, as ``sha256:<hex>``."""
        digest = hashlib.sha256(str(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(self.labels.astype("<i8").data)
        return f"sha256:{digest.hexdigest()}"

    def subset(self, count: int, seed: int) -> tuple[LabeledImages, npt.NDArray[np.int64]]:
        """Return ``count`` images, each class by its share, and their indices in this set."""
        indices = self.chosen(count, seed)
        if len(indices) == len(self):
            return self, indices
        return LabeledImages(self.images[indices], self.labels[indices], self.noticed), indices

    def chosen(self, count: int, seed: int) -> npt.NDArray[np.int64]:
        """Choose ``count`` images, each class by its share; return their indices, in their order.

        The choice depends on the seed and the labels alone. Shares are rounded by largest
        remainder, so that exactly ``count`` are chosen.
        """
        if count >= len(self):
            return np.arange(len(self))
        random = np.random.default_rng([seed, 0x5B5E7])
        order = random.permutation(len(self))
        _, positions, sizes = np.unique(self.labels, return_inverse=True, return_counts=True)
        exact = sizes * (count / len(self))
        take = np.floor(exact).astype(np.int64)
        take[np.argsort(take - exact, kind="stable")[: count - take.sum()]] += 1
        chosen = [order[positions[order] == c][: take[c]] for c in range(len(sizes))]
        indices: npt.NDArray[np.int64] = np.sort(np.concatenate(chosen))
        return indices


def as_array(images: Any, what: str) -> npt.NDArray[Any]:
    """Return the user's data as an array; a tensor may be on any device and need gradients.

    Raises:
        FailcondError: it cannot become one, such as lists of different lengths.
    """
    array: npt.NDArray[Any] = ask(f"{what}: reading it", array_of, images)
    return array


def to_float(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """uint8 ``[N, H, W, C]`` → float32 ``[N, C, H, W]`` in [0, 1]."""
    out = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32)
    out /= 255.0
    return out


def to_uint8(images: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """float32 ``[N, C, H, W]`` in [0, 1] → uint8 ``[N, H, W, C]``, rounded to the nearest level."""
    levels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(0, 2, 3, 1))


def as_8_bits(images: Any) -> npt.NDArray[np.float32]:
    """Round images or a tensor of them, float in [0, 1], to the levels that files have: a new array."""
    floats = images if isinstance(images, np.ndarray) else images.detach().cpu().numpy()
    levels: npt.NDArray[np.float32] = np.rint(np.clip(floats, 0, 1) * 255).astype(np.float32)
    levels /= 255.0
    return levels


def side_by_side(images: npt.NDArray[np.uint8], most: int = 96) -> npt.NDArray[np.uint8]:
    """Lay images ``[E, H, W, C]`` in a row, ``[H', E x W', C]``; large ones are made ``most`` px."""
    return np.concatenate([_thumbnail(image, most) for image in images], axis=1)


def _thumbnail(image: npt.NDArray[np.uint8], most: int) -> npt.NDArray[np.uint8]:
    if max(image.shape[:2]) <= most:
        return image
    from PIL import Image

    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    picture.thumbnail((most, most), Image.Resampling.LANCZOS)
    return np.asarray(picture).reshape(picture.height, picture.width, -1)


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode ``[H, W, C]`` as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()

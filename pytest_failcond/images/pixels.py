"""A picture → its levels, uint8 ``[H, W, C]``: every mode of Pillow is read rightly or refused by name."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps

from pytest_failcond.errors import FailcondError

Pixels = npt.NDArray[np.uint8]
LARGEST = 25_000_000  # px; far more than a classifier needs, and decoded in half a gigabyte
_GRAY = {"1", "L", "LA", "La"}
_COLOUR = {"P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV", "LAB"}
_ORIENTATION, _BITS, _PHOTOMETRIC = 0x0112, 258, 262  # tags of EXIF and TIFF
_LOCK = threading.RLock()


def pixels_of(image: Image.Image, name: str) -> Pixels:
    """Return the levels of a picture, gray ``[H, W, 1]`` or colour ``[H, W, 3]``, as EXIF turns it.

    Levels of 16 bits are scaled from their whole range, 0 to 65,535, and floats from [0, 1].

    Args:
        image: it is left as it is.
        name: its name in messages.

    Raises:
        FailcondError: the range of its levels is not known, some of it is transparent, it is larger
            than 25 million px, or it cannot be decoded.
    """
    with decoding(name):
        if image.width * image.height > LARGEST:
            refuse_size(name, image.size)
        image.load()
        if image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
        levels = _levels(image, name)
        return levels[..., None] if levels.ndim == 2 else levels


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turn any error of Pillow into one sentence; the user's settings of Pillow have no effect.

    Pillow warns of unreadable metadata in readable pictures; these warnings are dropped.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
        # Pillow warns at its limit, and raises at twice that.
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = False, LARGEST // 2
        try:
            yield
        except FailcondError:
            raise
        except Image.DecompressionBombError:
            refuse_size(name)
        except Exception as error:  # decoders raise any type of error
            said = " ".join(str(error).split()) or type(error).__name__
            raise FailcondError(f"{name} cannot be read ({said}); replace it") from error
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


def refuse_size(name: str, size: tuple[int, int] | None = None) -> None:
    """Raise the error of a picture that is too large, or claims to be."""
    has = "has" if size is None else f"has {size[0]:,} x {size[1]:,} px,"
    raise FailcondError(
        f"{name} {has} more than {LARGEST // 1_000_000} million px; shrink it to the classifier's "
        f"size"
    )


def _levels(image: Image.Image, name: str) -> Pixels:
    """Return ``[H, W]`` or ``[H, W, 3]``."""
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _scaled(image, name)
    if mode not in _GRAY | _COLOUR:
        raise FailcondError(
            f"{name} is of mode {mode}, which is not supported; save it as L or RGB"
        )
    if image.has_transparency_data:
        # "La", which is multiplied by its alpha, cannot be converted directly.
        image = (image.convert("LA") if mode == "La" else image).convert("RGBA")
        if image.getchannel("A").getextrema()[0] != 255:
            _refuse_transparent(name)
    target = "L" if mode in _GRAY else "RGB"
    return np.asarray(image if image.mode == target else image.convert(target))


def _scaled(image: Image.Image, name: str) -> Pixels:
    """Gray levels of more than 8 bits, scaled from their own range, if it is known."""
    tags: Any = getattr(image, "tag_v2", {})
    white_is_zero = tags.get(_PHOTOMETRIC) == 0
    values = np.asarray(image)
    if image.mode == "F":
        if white_is_zero or not 0 <= values.min() <= values.max() <= 1:  # NaN too
            raise FailcondError(
                f"{name} has floats from {values.min():.4g} to {values.max():.4g}, expected 0, black, "
                "to 1, white; scale them"
            )
        return np.rint(values * np.float32(255)).astype(np.uint8)
    if image.mode == "I" and image.format not in ("PNG", "PPM"):  # these are of 16 bits
        raise FailcondError(
            f"{name} has integers of 32 bits or with a sign, whose range is not known; scale them "
            "to 8 or 16 bits"
        )
    clear = image.info.get("transparency")
    if clear is not None and (values == clear).any():
        _refuse_transparent(name)
    most = 2 ** tags.get(_BITS, (16,))[0] - 1
    scale = np.rint(np.arange(most + 1) * (255 / most)).astype(np.uint8)
    scaled: Pixels = (scale[::-1] if white_is_zero else scale)[values]
    return scaled


def _refuse_transparent(name: str) -> None:
    raise FailcondError(
        f"{name} is transparent in places, and its background is not known; save it without "
        "transparency, on the background that the classifier is trained with"
    )


def as_levels(images: npt.NDArray[np.generic]) -> str:
    """Describe images of another type, and how to turn them into levels."""
    got = f"got {images.dtype}"
    numeric = np.issubdtype(images.dtype, np.number) and images.dtype.kind != "c"
    if not numeric or not images.size:
        return f"{got}; give levels from 0 to 255"
    if not np.isfinite(images).all():
        return f"{got} with NaN or infinite values; mend these, then give levels from 0 to 255"
    low, high = images.min(), images.max()
    got = f"{got} from {low:.4g} to {high:.4g}"
    if images.dtype.kind == "f" and low >= 0 and high <= 1:
        return f"{got}; give np.rint(images * 255).astype(np.uint8)"
    if low >= 0 and high <= 255:
        return f"{got}; give images.astype(np.uint8)"
    return f"{got}; give levels from 0 to 255"

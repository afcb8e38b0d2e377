"""The pictures of a run, cut and encoded for a page."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from pytest_failcond.errors import FailcondError
from pytest_failcond.images.image_files import decode_pixels
from pytest_failcond.probes.shown import Shown

Pixels = npt.NDArray[np.uint8]
_LARGEST = 112  # px; larger images are shrunk for the page, the run's own pictures stay whole
_QUALITY = 85


def cut(run: Shown, file: str, columns: int, rows: int = 1) -> list[list[Pixels]]:
    """Cut a picture of the run into its images, gray ``[H, W]`` or colour ``[H, W, 3]``, by row.

    Raises:
        FailcondError: the run was kept without it, or it is damaged.
    """
    content = run.picture(file)
    if content is None:
        raise FailcondError(f"the run was kept without its picture, {file}")
    try:
        pixels = decode_pixels(content, f"its picture, {file}, is damaged: it")
        if pixels.shape[2] == 1:
            pixels = pixels[..., 0]
        return [np.split(row, columns, axis=1) for row in np.split(pixels, rows, axis=0)]
    except ValueError as error:
        raise FailcondError(f"its picture, {file}, is damaged ({error})") from error


def difference(before: Pixels, after: Pixels) -> tuple[Pixels, float]:
    """Picture the change, and return the largest, as a share of the whole range.

    Gray where nothing changed, brighter or darker in the channels in which the image is; the
    largest change is drawn black or white.
    """
    change = after.astype(np.float64) - before
    most = float(np.abs(change).max())
    scaled = 127.5 * (1 + change / max(most, 1.0))
    return np.rint(scaled).astype(np.uint8), most / 255


def encode(pixels: Pixels) -> bytes:
    """Encode an image: a small one to the pixel as PNG, a large one shrunk, as WebP."""
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    if max(image.size) <= _LARGEST:
        image.save(buffer, "PNG", optimize=True)
    else:
        image.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
        image.save(buffer, "WEBP", quality=_QUALITY)
    return buffer.getvalue()

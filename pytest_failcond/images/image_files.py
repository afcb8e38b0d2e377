"""Image files. Only this module opens them; their content alone decides on the format.

Pillow knows some forty formats, and lets Ghostscript run PostScript, under any file name.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

from PIL import Image, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401 - the plugins: else all are loaded

from pytest_failcond.errors import FailcondError
from pytest_failcond.images.pixels import LARGEST, Pixels, decoding, pixels_of, refuse_size

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
_LARGEST_FILE = 1 << 29  # bytes; ``LARGEST`` px of 16 bits and four channels are fewer
_READ = "PNG, JPEG, WebP, TIFF, BMP, GIF, PGM or PPM"
_MOST_COMMENTS = 1000  # of a PPM file in plain text; each costs as much as the whole
_SCAN = b"\xff\xda"
_MOST_SCANNED = 40 * LARGEST  # px; each scan of a JPEG file goes over all of them
_TILE = (322, 323)  # tags of TIFF: width and height of a tile
_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe (FIFO)",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_PNG_KIND, _GRAY_WITH_ALPHA = 25, 4  # byte of the header, after size and depth


def read_pixels(path: Path, name: str | None = None) -> Pixels:
    """Read an image file: uint8 ``[H, W, C]``, C 1 or 3; of an animation, its first picture.

    Args:
        path: a regular file, or a link to one.
        name: its name in messages; default its path.

    Raises:
        FailcondError: it is not such a file, or as `decode_pixels`.
    """
    name = name or str(path)
    return decode_pixels(read_regular(path, name), name)


def decode_pixels(content: bytes, name: str) -> Pixels:
    """Decode the content of an image file, as `read_pixels`.

    Raises:
        FailcondError: it is not of an allowed format, is damaged or truncated, has several pages, or
            as `pixels.pixels_of`.
    """
    with decoding(name):
        try:
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError as error:
            raise FailcondError(
                f"{name} cannot be read: expected an image in {_READ}, but {_told(content)}"
            ) from error
        with image:
            _check_claims(image, content, name)
            pixels = pixels_of(image, name)
            # Pillow makes colour of gray with alpha in 16 bits.
            gray = image.format == "PNG" and content[_PNG_KIND] == _GRAY_WITH_ALPHA
            return pixels[..., :1] if gray else pixels


def read_regular(path: Path, name: str) -> bytes:
    """Read a regular file; refuse any other kind at once, without waiting.

    Raises:
        FailcondError: it is another kind of file, cannot be read, or is larger than 512 MiB.
    """
    try:
        _check_regular(path.stat(), name)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            _check_regular(status, name)  # it may have been replaced by now
            return file.read(status.st_size)
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "there is too little memory"
        raise FailcondError(f"{name} cannot be read ({reason})") from error


def _check_regular(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next(
            (words for is_it, words in _KINDS.items() if is_it(status.st_mode)), "something else"
        )
        raise FailcondError(f"{name} is {kind}, expected an image file")
    if status.st_size > _LARGEST_FILE:
        raise FailcondError(
            f"{name} has {status.st_size:,} bytes, expected an image file of {_LARGEST_FILE:,} at most"
        )


def _told(content: bytes) -> str:
    """Describe a file that is not an image."""
    from pytest_failcond.storage.reading import what_it_is

    known = what_it_is(content)
    if known in (None, "a picture"):  # the head of a picture alone is not a picture
        return f"it begins with {repr(content[:16])[1:]}, or its header is damaged; replace it"
    return f"it is {known}"


def _check_claims(image: Any, content: bytes, name: str) -> None:
    """Check, before decoding, that it allocates little and ends."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO") and content.count(_SCAN) * pixels > _MOST_SCANNED:
        raise FailcondError(f"{name} has {content.count(_SCAN)} scans, too many; save it anew")
    if image.format == "TIFF":
        tile = [int(image.tag_v2.get(tag, 1)) for tag in _TILE]
        if tile[0] * tile[1] > LARGEST:
            refuse_size(name, (tile[0], tile[1]))
        if image.tag_v2.next:
            raise FailcondError(
                f"{name} has several pages, expected one image; save each as its own file"
            )
    if content[:2] in (b"P1", b"P2", b"P3") and content.count(b"#") > _MOST_COMMENTS:
        raise FailcondError(f"{name} has more than {_MOST_COMMENTS} comments; save it anew")
    if image.format == "PNG":
        _scale_transparency(image, depth=content[24])


def _scale_transparency(image: Any, depth: int) -> None:
    """Convert the transparent gray or colour of a PNG file to 8 bits, as Pillow converts the
    others.
    """
    clear = image.info.get("transparency")
    if image.mode == "1" and clear is not None:
        image.info["transparency"] = 255 if clear else 0
    elif image.mode == "L" and isinstance(clear, int):
        image.info["transparency"] = clear * 255 // (2**depth - 1)
    elif image.mode == "RGB" and depth == 16 and clear is not None:
        image.info["transparency"] = tuple(value >> 8 for value in clear)

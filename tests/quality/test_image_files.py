"""Image files changed at random: each is levels or one sentence, in little time and memory.

``FAILCOND_FUZZ=20000 python -m pytest tests/quality/test_image_files.py -s`` tries more than
continuous integration does, and counts; ``FAILCOND_FUZZ_SEED`` tries others.
"""

from __future__ import annotations

import ast
import io
import os
import re
import resource
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from pytest_failcond import FailcondError
from pytest_failcond.images.image_files import decode_pixels
from pytest_failcond.images.pixels import LARGEST
from pytest_failcond.probes.corpus.folder import Corpus, hash_png
from pytest_failcond.report.html.pictures import cut
from pytest_failcond.subjects.sources import from_files
from tests.pictures import encode, png, tiff
from tests.runs import make_run
from tests.sources import FILES, ROOT, nodes_of
from tests.unit.test_corpus import entry

COUNT = int(os.environ.get("FAILCOND_FUZZ", "400"))
SEED = int(os.environ.get("FAILCOND_FUZZ_SEED", "0"))
PHOTO = Image.fromarray(
    np.add.outer(np.arange(24) * 5, np.arange(40) * 3)[..., None].astype(np.uint8)
    + np.array([0, 60, 120], np.uint8)
)
GRAY, PALETTE = PHOTO.convert("L"), PHOTO.quantize(16)
TURNED = Image.Exif()
TURNED[0x0112] = 6
DEEP = np.asarray(GRAY).astype(np.uint16) * 200


def several(kind: str) -> bytes:
    return encode(PHOTO, kind, save_all=True, append_images=[PHOTO.rotate(180), PHOTO.rotate(0)])


SEEDS = [
    encode(PHOTO),
    encode(GRAY, exif=TURNED),
    encode(PALETTE, transparency=3),
    encode(PHOTO.convert("RGBA")),
    encode(GRAY, transparency=3),
    encode(DEEP),
    several("PNG"),
    png(np.zeros((8, 6), np.uint8), (24, 8), 2, 3, (b"PLTE", bytes(12)), (b"tRNS", b"\xff\0")),
    encode(PHOTO, "JPEG", exif=TURNED),
    encode(PHOTO, "JPEG", progressive=True),
    encode(PHOTO.convert("CMYK"), "JPEG"),
    encode(GRAY, "JPEG", restart_marker_blocks=2),
    several("MPO"),
    encode(PHOTO, "TIFF", exif=TURNED),
    *(encode(PHOTO, "TIFF", compression=c) for c in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")),
    encode(GRAY.convert("1"), "TIFF", compression="group4"),
    encode(DEEP, "TIFF"),
    encode(GRAY.convert("F"), "TIFF"),
    several("TIFF"),
    tiff(zlib.compress(bytes(16 * 16)), (16, 16), compression=8, t322=(4, 16), t323=(4, 16)),
    tiff(bytes(18 * 9), (12, 9), (12,), photometric=0),
    tiff(bytes(3 * 9 * 2), (3, 9), (16,), order=">"),
    encode(PHOTO, "BMP"),
    encode(PALETTE, "BMP"),
    encode(PHOTO.convert("RGBA"), "BMP"),
    encode(PHOTO, "WEBP"),
    encode(PHOTO.convert("RGBA"), "WEBP", lossless=True, exif=TURNED),
    several("WEBP"),
    encode(PALETTE, "GIF", transparency=3),
    several("GIF"),
    encode(PHOTO, "PPM"),
    encode(GRAY.convert("1"), "PPM"),
    b"P5 24 8 4095\n" + bytes(2 * 24 * 8),
    b"P2 4 2 65535\n# a comment\n1 2 3 4 5 6 7 65535\n",
    b"P1 8 2\n0101 0101 1111 0000\n",
    b"Pf\n8 2\n-1.0\n" + bytes(64),
    b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + bytes(12) + bytes(200),
    encode(PHOTO, "EPS"),
]
EDGES = [0, 1, 2, 7, 127, 128, 255, 256, 32767, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1]


def with_right_sums(data: bytes) -> bytes:
    """A PNG file whose check sums are right again, so that what was changed is looked at."""
    if not data.startswith(b"\x89PNG"):
        return data
    out, at = data[:8], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + size]
        if len(body) < 4 + size:
            break
        out += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + size
    return out + data[at:]


def change(data: bytes, random: np.random.Generator) -> bytes:
    """One to four changes: a bit, a number, a piece lost, doubled, moved, or of another file."""
    out = bytearray(data)
    for _ in range(random.integers(1, 5)):
        if not out:
            break
        # Heads decide more than pixels do.
        at = int(random.integers(len(out)) ** random.choice([1, 0.6]))
        size = int(random.integers(1, 40))
        what = random.integers(8)
        if what == 0:
            out[at] ^= 1 << int(random.integers(8))
        elif what == 1:
            out[at] = int(random.integers(256))
        elif what in (2, 3):
            form = str(random.choice(["<I", ">I", "<H", ">H"]))
            number = int(random.choice(EDGES)) % (1 << 8 * struct.calcsize(form))
            out[at : at + struct.calcsize(form)] = struct.pack(form, number)
        elif what == 4:
            del out[at : at + size]
        elif what == 5:
            out[at:at] = out[at : at + size] * int(random.integers(1, 4))
        elif what == 6:
            other = SEEDS[int(random.integers(len(SEEDS)))]
            start = int(random.integers(len(other)))
            out[at : at + size] = other[start : start + size]
        else:
            del out[at:]
    return with_right_sums(bytes(out)) if random.integers(4) else bytes(out)


def peak() -> float:
    """Most memory that this process has had so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_changed_file_is_levels_or_one_sentence(capfd):
    random = np.random.default_rng([SEED, 31])
    ends: Counter[str] = Counter()
    before, longest = peak(), 0.0
    for number in range(COUNT):
        content = change(SEEDS[number % len(SEEDS)], random)
        start = time.process_time()
        try:
            found: str | np.ndarray = decode_pixels(content, "photo.png")
        except FailcondError as error:
            found = str(error)
        longest = max(longest, time.process_time() - start)
        if isinstance(found, str):
            assert found.startswith("photo.png ")
            assert len(found.splitlines()) == 1
        else:
            assert found.dtype == np.uint8
            assert found.ndim == 3
            assert found.shape[2] in (1, 3)
            assert found.size <= 3 * LARGEST
        ends["sentence" if isinstance(found, str) else "levels"] += 1
    with capfd.disabled():
        if "FAILCOND_FUZZ" in os.environ:
            print(f"\n{dict(ends)}, longest {longest:.1f} s, {before:.0f} → {peak():.0f} MB")
    assert ends.keys() == {"sentence", "levels"}
    assert longest < 20
    assert peak() - before < 600


def head_of_jpeg(file: bytes, size: int) -> bytes:
    """A JPEG file that claims to be another size."""
    at = file.index(b"\xff\xc2")
    return file[: at + 5] + struct.pack(">HH", size, size) + file[at + 9 :]


def scans(count: int) -> bytes:
    """A JPEG file with its last scan over and over, as large as may be."""
    file = head_of_jpeg(encode(PHOTO.convert("L"), "JPEG", progressive=True), 4999)
    last = file.rindex(b"\xff\xda")
    return file[:last] + file[last:-2] * count + file[-2:]


def of_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


def png_with(name: bytes, data: bytes) -> bytes:
    return png(np.zeros((8, 8), np.uint8), (8, 8), 8, 0, (name, data))


BOMBS: dict[str, Callable[[], bytes]] = {
    "png": lambda: png(np.zeros((1, 1), np.uint8), (2**31 - 1, 2**31 - 1), 8, 2),
    "png, narrow": lambda: png(np.zeros((1, 1), np.uint8), (1, LARGEST + 1), 8, 2),
    "png, text": lambda: png_with(b"zTXt", b"a\0\0" + of_zeros(200)),
    "png, profile": lambda: png_with(b"iCCP", b"a\0\0" + of_zeros(200)),
    "gif": lambda: b"GIF89a" + b"\xff" * 4 + b"\0\0\0," + b"\0" * 4 + b"\xff" * 4 + b"\0\2\2L\1\0;",
    "gif, a frame": lambda: (
        b"GIF89a\x08\0\x08\0\0\0\0," + b"\0" * 4 + b"\xff" * 4 + b"\0\2\2L\1\0;"
    ),
    "bmp": lambda: encode(PHOTO, "BMP")[:18] + b"\xff\xff\xff\x7f" * 2 + encode(PHOTO, "BMP")[26:],
    "pgm": lambda: b"P5 2000000000 2000000000 255\n" + bytes(99),
    "ppm, comments": lambda: b"P3 10 10 255\n" + b"#\n" * 4_000_000,
    "webp": lambda: encode(PHOTO.convert("RGBA"), "WEBP", lossless=True, exif=TURNED).replace(
        struct.pack("<I", 39)[:3] + struct.pack("<I", 23)[:3], b"\xfe\x3f\0\xfe\x3f\0", 1
    ),
    "tiff": lambda: tiff(of_zeros(1), (2**31 - 1, 2**31 - 1), compression=8),
    "tiff, a tile": lambda: tiff(
        of_zeros(300), (16, 16), compression=8, t322=(4, 49_984), t323=(4, 49_984)
    ),
    "jpeg": lambda: head_of_jpeg(encode(PHOTO, "JPEG", progressive=True), 65500),
    "jpeg, scans": lambda: scans(20_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_takes_little_memory_and_time(name):
    content = BOMBS[name]()
    assert len(content) < 10_000_000
    before, start = peak(), time.process_time()
    with pytest.raises(FailcondError):
        decode_pixels(content, name)
    assert time.process_time() - start < 10
    assert peak() - before < 300


def test_the_largest_that_is_read_takes_less_than_a_gigabyte():
    side = int(LARGEST**0.5)
    content = encode(
        Image.new("RGBA", (side, side), (9, 8, 7, 255)), "PNG", exif=TURNED, compress_level=1
    )
    before = peak()
    assert decode_pixels(content, "a file")[-1, -1].tolist() == [9, 8, 7]
    assert peak() - before < 600


SHORT = """
import resource, sys
from pathlib import Path
from pytest_failcond import FailcondError
from pytest_failcond.images.image_files import read_pixels
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000, resource.RLIM_INFINITY))
try:
    read_pixels(Path(sys.argv[1]))
except FailcondError as error:
    print(error)
"""


def test_where_memory_is_short_that_is_said(tmp_path):
    path = _written(tmp_path / "1.png", encode(Image.new("RGB", (4000, 4000)), compress_level=1))
    # A process of its own: one that has freed much has room left, whatever the limit.
    said = subprocess.run(
        [sys.executable, "-c", SHORT, path], capture_output=True, text=True, check=True
    ).stdout
    assert re.fullmatch(r".*1\.png cannot be read \(.*\n", said), said


def test_postscript_is_never_executed_whatever_the_file_is_called(tmp_path, monkeypatch):
    mark = tmp_path / "executed"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gs").write_text(f"#!/bin/sh\necho called >> '{mark}'\n")
    (tmp_path / "bin" / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    eps = encode(PHOTO, "EPS")
    with pytest.raises(OSError):  # noqa: PT011 - of what is not there: Ghostscript was to make it
        Image.open(io.BytesIO(eps)).load()
    assert mark.exists()
    mark.unlink()
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)

    place = tmp_path / "images" / "cat"
    for content in (eps, eps.replace(b"%!PS-Adobe-3.0", b"%!PS"), b"\xc5\xd0\xd3\xc6" + eps):
        for suffix in ("png", "jpg", "tiff", "gif"):
            _written(place / f"1.{suffix}", content)
            with pytest.raises(FailcondError, match="cannot be read"):
                from_files(tmp_path / "images")
            (place / f"1.{suffix}").unlink()
        _written(tmp_path / "corpus" / "star-1-up-4.png", content)
        found = Corpus(tmp_path / "corpus", (entry(1, content, png=hash_png(content)),))
        with pytest.raises(FailcondError, match="cannot be read"):
            found.images()
        run = make_run(tmp_path / "run")
        _written(run.pictures / "noisy.png", content)
        with pytest.raises(FailcondError, match="is damaged"):
            cut(run, "noisy.png", 1)
    assert not mark.exists()


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_one_function_opens_images():
    """By whatever name: a second one would know nothing of all this."""
    openers = {"imread", "imdecode", "open_image", "read_image", "decode_image"}
    found = set()
    for path in FILES:
        for node in nodes_of(path):
            if isinstance(node, ast.Attribute) and node.attr in {"open", *openers}:
                called = ast.unparse(node)
                if node.attr in openers or called in ("Image.open", "PIL.Image.open"):
                    found.add((str(path.relative_to(ROOT)), called))
            if isinstance(node, ast.ImportFrom) and node.module == "PIL.Image":
                found.add((str(path.relative_to(ROOT)), "from PIL.Image import"))
    assert found == {("images/image_files.py", "Image.open")}

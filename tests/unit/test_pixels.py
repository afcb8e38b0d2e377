"""Every mode and format of image: the levels that a viewer would show, or one sentence."""

from __future__ import annotations

import colorsys
import struct

import numpy as np
import pytest
from PIL import GifImagePlugin, Image, ImageFile

from pytest_failcond import FailcondError
from pytest_failcond.images.image_files import decode_pixels
from pytest_failcond.images.pixels import pixels_of
from pytest_failcond.subjects.sources import from_dataset
from tests.pictures import encode, png, tiff

RANDOM = np.random.default_rng(5)
GRAY = RANDOM.integers(0, 256, (9, 12)).astype(np.uint8)
COLOUR = RANDOM.integers(0, 256, (9, 12, 3)).astype(np.uint8)
SIXTEEN = RANDOM.integers(0, 65536, (9, 12)).astype(np.uint16)
SIZE = (12, 9)
OPAQUE, CLEAR = Image.new("L", SIZE, 255), Image.new("L", SIZE, 254)


def same(found: np.ndarray, expected: np.ndarray, within: int = 0) -> None:
    expected = expected[..., None] if expected.ndim == 2 else expected
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= within


def refusal(action) -> str:
    with pytest.raises(FailcondError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
def test_gray_files(kind):
    same(decode_pixels(encode(GRAY, kind), "a file"), GRAY)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "WEBP"])
def test_colour_files(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    same(decode_pixels(encode(COLOUR, kind, **options), "a file"), COLOUR)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("levels", [SIXTEEN, SIXTEEN.astype(">u2")], ids=["little", "big"])
def test_tiff_of_sixteen_bits_is_scaled_from_their_range(levels, compression):
    file = encode(levels, "TIFF", compression=compression)
    same(decode_pixels(file, "a file"), np.rint(SIXTEEN / 257))


@pytest.mark.parametrize(
    "file",
    [
        encode(SIXTEEN),
        b"P5 12 9 65535\n" + SIXTEEN.astype(">u2").tobytes(),
        b"P2 12 9 65535\n" + " ".join(map(str, SIXTEEN.ravel())).encode() + b"\n",
        tiff(SIXTEEN.tobytes(), SIZE, (16,)),
        tiff(SIXTEEN.astype(">u2").tobytes(), SIZE, (16,), order=">"),
        tiff((65535 - SIXTEEN).astype("<u2").tobytes(), SIZE, (16,), photometric=0),
    ],
    ids=["png", "pgm", "plain pgm", "tiff", "tiff, big end first", "tiff, white is zero"],
)
def test_sixteen_bits_are_scaled_from_their_range(file):
    same(decode_pixels(file, "a file"), np.rint(SIXTEEN / 257))


def test_each_of_65536_levels_goes_to_the_nearest_of_256():
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    same(decode_pixels(encode(levels), "a file"), (levels.astype(int) * 255 * 2 + 65535) // 131070)


def test_twelve_bits_are_scaled_from_their_range():
    levels = (SIXTEEN >> 4).astype(int)
    file = b"P5 12 9 4095\n" + levels.astype(">u2").tobytes()
    same(decode_pixels(file, "a file"), np.rint(levels / 4095 * 255))
    pairs = levels.ravel().reshape(-1, 2)
    packed = np.stack(
        [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1
    )
    file = tiff(packed.astype(np.uint8).tobytes(), SIZE, (12,))
    same(decode_pixels(file, "a file"), np.rint(levels / 4095 * 255))


def test_twelve_bits_in_files_of_sixteen_are_dark_as_in_every_viewer():
    same(decode_pixels(encode(SIXTEEN >> 4), "a file"), np.rint((SIXTEEN >> 4) / 257))


@pytest.mark.parametrize("kind", ["png", "ppm", "tiff"])
def test_colour_of_sixteen_bits_is_within_a_level(kind):
    deep = RANDOM.integers(0, 65536, (9, 12, 3)).astype(">u2")
    file = {
        "png": png(deep.reshape(9, -1).view(np.uint8), SIZE, 16, 2),
        "ppm": b"P6 12 9 65535\n" + deep.tobytes(),
        "tiff": tiff(deep.tobytes(), SIZE, (16,) * 3, photometric=2, order=">"),
    }[kind]
    same(decode_pixels(file, "a file"), np.rint(deep / 257), within=1)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_of_few_bits(depth):
    levels = RANDOM.integers(0, 2**depth, (9, 16)).astype(np.uint8)
    bits = np.unpackbits(levels[..., None], axis=2)[..., 8 - depth :]
    packed = np.packbits(bits.reshape(9, -1), axis=1)
    expected = levels * (255 // (2**depth - 1))
    same(decode_pixels(png(packed, (16, 9), depth, 0), "a file"), expected)
    for clear in range(2**depth):  # the level that is transparent
        file = png(packed, (16, 9), depth, 0, (b"tRNS", struct.pack(">H", clear)))
        assert "is transparent in places" in refusal(
            lambda file=file: decode_pixels(file, "a file")
        )
    file = png(packed * 0, (16, 9), depth, 0, (b"tRNS", struct.pack(">H", 1)))
    same(decode_pixels(file, "a file"), expected * 0)


def test_white_is_zero_in_tiff_of_one_and_eight_bits():
    same(decode_pixels(tiff((255 - GRAY).tobytes(), SIZE, photometric=0), "a file"), GRAY)
    bits = GRAY[:, :8] > 99
    file = tiff(np.packbits(~bits, axis=1).tobytes(), (8, 9), (1,), photometric=0)
    same(decode_pixels(file, "a file"), bits * 255)


FLOATS = (GRAY / np.float32(255)).astype(np.float32)


def test_floats_from_0_to_1():
    same(decode_pixels(encode(FLOATS, "TIFF"), "a file"), GRAY)
    same(decode_pixels(b"Pf\n12 9\n-1.0\n" + FLOATS.tobytes(), "a file"), GRAY[::-1])


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (encode(FLOATS * 2, "TIFF"), "has floats from 0 to 2, expected 0, black, to 1, white"),
        (encode(FLOATS - 1, "TIFF"), "has floats from -1 to 0"),
        (encode(FLOATS + np.float32("nan"), "TIFF"), "has floats from nan to nan"),
        (encode(FLOATS + np.float32("inf"), "TIFF"), "has floats from inf to inf"),
        (tiff(FLOATS.tobytes(), SIZE, (32,), sample=3, photometric=0), "has floats from"),
        (encode(GRAY.astype(np.int32), "TIFF"), "has integers of 32 bits or with a sign"),
        (tiff(SIXTEEN.tobytes(), SIZE, (16,), sample=2), "has integers of 32 bits or with a sign"),
        (tiff(SIXTEEN.astype("<u4").tobytes(), SIZE, (32,)), "has integers of 32 bits"),
        (encode(GRAY, "TIFF", save_all=True, append_images=[OPAQUE]), "has several pages"),
        (encode(Image.merge("LA", (OPAQUE, CLEAR))), "is transparent in places"),
        (encode(Image.merge("RGBA", (OPAQUE, OPAQUE, OPAQUE, CLEAR))), "is transparent in places"),
        (encode(COLOUR, "PNG", transparency=tuple(COLOUR[3, 4].tolist())), "is transparent in places"),
        (encode(GRAY, "PNG", transparency=int(GRAY[3, 4])), "is transparent in places"),
        (png(SIXTEEN.astype(">u2").view(np.uint8), SIZE, 16, 0,
             (b"tRNS", struct.pack(">H", SIXTEEN[3, 4]))), "is transparent in places"),
        (encode(Image.fromarray(COLOUR).quantize(8), "GIF", transparency=3), "is transparent"),
        (encode(Image.fromarray(COLOUR).quantize(8), "PNG", transparency=b"\xff\xff\xfe"),
         "is transparent in places"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_rightly_is_refused_by_name(file, words):
    sentence = refusal(lambda: decode_pixels(file, "photos/7.png"))
    assert sentence.startswith("photos/7.png ")
    assert words in sentence


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP"])
def test_palettes_are_read_by_colour(kind):
    picture = Image.fromarray(COLOUR).quantize(8)
    file = encode(picture, kind)
    same(decode_pixels(file, "a file"), np.asarray(picture.convert("RGB")))


def test_a_transparent_colour_that_no_pixel_has_does_no_harm():
    few = np.minimum(COLOUR, 200)
    same(decode_pixels(encode(few, "PNG", transparency=(255, 0, 0)), "a file"), few)
    picture = Image.fromarray(few).quantize(8)
    file = encode(picture, "GIF", transparency=200)
    same(decode_pixels(file, "a file"), np.asarray(picture.convert("RGB")))


def as_pa() -> Image.Image:
    return Image.fromarray(COLOUR).quantize(8).convert("PA")


MILD = COLOUR // 8 + 112  # within what sRGB can show


def lab() -> np.ndarray:
    """sRGB of `MILD` taken for L, a, b, of the D50 white: by the definition of the colour spaces."""
    level, a, b = (MILD[..., k].astype(float) for k in range(3))
    fy = (level / 255 * 100 + 16) / 116
    f = np.stack([fy + (a - 128) / 500, fy, fy - (b - 128) / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.9642, 1, 0.8249]
    to_rgb = [[3.1339, -1.6169, -0.4906], [-0.9788, 1.9161, 0.0335], [0.0719, -0.2290, 1.4052]]
    rgb = (xyz @ np.transpose(to_rgb)).clip(0, 1)
    return 255 * np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)


def of_each(function) -> np.ndarray:
    return np.array([[function(*pixel) for pixel in row] for row in COLOUR / 255]) * 255


Y, CB, CR = (COLOUR[..., k].astype(float) for k in range(3))
FOUR = np.concatenate([COLOUR, GRAY[..., None]], axis=2)
INK = 255 - COLOUR.astype(int), 255 - GRAY[..., None].astype(int)
MODES = [
    (Image.fromarray(GRAY), GRAY, 0),
    (Image.fromarray(GRAY > 99), (GRAY > 99) * 255, 0),
    (Image.merge("LA", (Image.fromarray(GRAY), OPAQUE)), GRAY, 0),
    (Image.merge("LA", (Image.fromarray(GRAY), OPAQUE)).convert("La"), GRAY, 0),
    (as_pa(), np.asarray(Image.fromarray(COLOUR).quantize(8).convert("RGB")), 0),
    (Image.fromarray(COLOUR), COLOUR, 0),
    (Image.fromarray(COLOUR).convert("RGBA"), COLOUR, 0),
    (Image.fromarray(COLOUR).convert("RGBX"), COLOUR, 0),
    (Image.fromarray(COLOUR).convert("RGBA").convert("RGBa"), COLOUR, 0),
    (Image.fromarray(FOUR, "CMYK"), INK[0] * INK[1] / 255, 1),
    (Image.fromarray(COLOUR, "HSV"), of_each(colorsys.hsv_to_rgb), 3),
    (Image.fromarray(COLOUR, "YCbCr"),
     np.stack([Y + 1.402 * (CR - 128), Y - 0.344136 * (CB - 128) - 0.714136 * (CR - 128),
               Y + 1.772 * (CB - 128)], axis=-1).clip(0, 255), 2),
    (Image.merge("LAB", [Image.fromarray(MILD[..., k]) for k in range(3)]), lab(), 2),
    (Image.fromarray(SIXTEEN), np.rint(SIXTEEN / 257), 0),
    (Image.fromarray(SIXTEEN.astype(">u2")), np.rint(SIXTEEN / 257), 0),
    (Image.fromarray(FLOATS), GRAY, 0),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
@pytest.mark.parametrize(
    ("picture", "expected", "within"), MODES, ids=[f"{m[0].mode} {k}" for k, m in enumerate(MODES)]
)
def test_every_mode_of_picture_is_read_rightly(picture, expected, within):
    before = picture.tobytes()
    same(pixels_of(picture, "a picture"), expected, within)
    data = from_dataset([(picture, 0)])
    same(data.images[0], expected, within)
    assert picture.tobytes() == before


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (Image.new("I", SIZE), "32 bits"),
        (Image.new("F", SIZE, 255), "has floats from 255 to 255"),
        (Image.new("RGBA", SIZE, (1, 2, 3, 0)), "is transparent in places"),
        (Image.new("LA", SIZE, (1, 254)), "is transparent in places"),
        (Image.new("La", SIZE, (1, 254)), "is transparent in places"),
        (Image.new("RGBa", SIZE, (1, 2, 3, 254)), "is transparent in places"),
        (Image.new("1", (5001, 5001)), "has 5,001 x 5,001 px, more than 25 million px"),
    ],
)
def test_a_picture_of_a_dataset_that_will_not_do(picture, words):
    sentence = refusal(lambda: from_dataset([(Image.new("L", SIZE), 0), (picture, 0)]))
    assert sentence.startswith("images: item 1 of the dataset ")
    assert words in sentence


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_exif_says(kind, orientation):
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8] = 255  # a corner that no turn and no mirror leaves where it was, but for 1
    upright[8:, 24:] = (255, 0, 0)
    upright[:8, 24:] = (0, 0, 255)
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: np.rot90,
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    file = encode(np.ascontiguousarray(stored), kind, exif=exif, **options)
    same(decode_pixels(file, "a file"), upright, within=8 if kind == "JPEG" else 0)


def test_ink_of_jpeg_is_inverted_as_adobe_has_it():
    flat = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert np.abs(decode_pixels(encode(flat, "JPEG"), "a file") - [0.0, 255, 255]).max() < 8


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_its_first_picture(kind):
    first, second = (np.full((16, 16, 3), level, np.uint8) for level in (40, 200))
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encode(first, kind, save_all=True, append_images=[Image.fromarray(second)], **options)
    same(decode_pixels(file, "a file"), first)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_what_a_user_set_for_pillow_changes_nothing(kind, monkeypatch):
    whole, truncated = encode(COLOUR, kind), encode(COLOUR, kind)[:-40]
    expected = decode_pixels(whole, "a file")
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3)
    monkeypatch.setattr(
        GifImagePlugin, "LOADING_STRATEGY", GifImagePlugin.LoadingStrategy.RGB_ALWAYS
    )
    same(decode_pixels(whole, "a file"), expected)
    assert "cannot be read" in refusal(lambda: decode_pixels(truncated, "a file"))
    assert (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS) == (True, 3)


def test_gray_of_16_bits_with_an_opaque_alpha_channel_stays_gray():
    levels = np.array([[0, 700, 65535], [256, 32768, 40000]], dtype=">u2")
    with_alpha = np.stack([levels, np.full_like(levels, 65535)], axis=-1)
    rows = with_alpha.astype(">u2").reshape(2, -1).view(np.uint8)
    content = png(rows, (3, 2), depth=16, colour=4)
    found = decode_pixels(content, "gray.png")
    assert found.shape == (2, 3, 1)
    assert np.abs(found[..., 0] - levels / 257).max() <= 1

"""Image sets from folders and datasets: decoded once, mapped into memory."""

from __future__ import annotations

import errno
import os
import resource

import numpy as np
import pytest
import torch
from PIL import Image

from pytest_failcond import FailcondError, LabeledImages
from pytest_failcond.subjects.sources import from_dataset, from_files, labeled_images

RANDOM = np.random.default_rng(3)
COLOUR = RANDOM.integers(0, 256, (4, 9, 12, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number, image in enumerate(COLOUR):
        place = tmp_path / ("dog" if number % 2 else "cat")
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{number}.png")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".cache").mkdir()
    return tmp_path


def test_a_folder_per_class(folder):
    data = from_files(folder)
    np.testing.assert_array_equal(data.images, COLOUR[[0, 2, 1, 3]])
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert labeled_images(str(folder)).hash == data.hash
    assert isinstance(data.images.base, np.memmap), "not held in memory"


def test_gray_files_are_one_channel_and_mixed_ones_colour(folder):
    gray = COLOUR[0, ..., 0]
    Image.fromarray(gray).save(folder / "cat" / "9.png")
    data = from_files(folder)
    np.testing.assert_array_equal(data.images[2], np.repeat(gray[..., None], 3, axis=2))
    assert data.noticed == (
        "images: 1 of 5 files is gray (cat/9.png), the rest are not; all are taken as RGB"
    )
    assert data.subset(2, 0)[0].noticed == data.noticed
    Image.fromarray(gray).save(folder / "dog" / "9.png")
    for file in folder.glob("*/[0-3].png"):
        file.unlink()
    assert from_files(folder).shape == (9, 12, 1)
    assert from_files(folder).noticed == ""
    for number in (3, 4, 5):
        Image.fromarray(gray).save(folder / "cat" / f"{number}.png")
    for number in (1, 2):
        Image.fromarray(COLOUR[0]).save(folder / "cat" / f"{number}.png")
    assert "2 of 7 files are in colour (cat/1.png, and others)" in (from_files(folder).noticed)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: Image.new("RGB", (5, 5)).save(f / "dog" / "0.png"), "0.png is 5 x 5 px, others"),
        (lambda f: (f / "dog" / "3.png").write_bytes(b"nothing"), "3.png cannot be read"),
        (lambda f: (f / "dog" / "1.png").write_bytes(
            (f / "dog" / "1.png").read_bytes()[:120]), "1.png cannot be read"),
        (lambda f: [p.unlink() for p in f.glob("*/*.png")], "there are no image files"),
        (lambda f: [p.rename(f.parent / p.name) for p in (f / "cat", f / "dog")],
         "has no folder per class"),
    ],
)  # fmt: skip
def test_a_folder_that_will_not_do_gets_one_sentence(folder, spoil, words):
    inner = folder / "images"
    inner.mkdir()
    for name in ("cat", "dog"):
        (folder / name).rename(inner / name)
    spoil(inner)
    with pytest.raises(FailcondError) as caught:
        from_files(inner)
    assert words in str(caught.value)


class Set(torch.utils.data.Dataset):
    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


@pytest.mark.parametrize(
    "form",
    [
        lambda image: image,
        lambda image: torch.from_numpy(image).permute(2, 0, 1),
        lambda image: torch.from_numpy(image).permute(2, 0, 1) / 255,
        Image.fromarray,
    ],
    ids=["array", "bytes", "floats", "picture"],
)
def test_a_dataset_may_give_arrays_tensors_or_pictures(form):
    data = labeled_images(Set(*((form(image), n % 2) for n, image in enumerate(COLOUR))))
    np.testing.assert_array_equal(data.images, COLOUR)
    assert data.labels.tolist() == [0, 1, 0, 1]


COLUMNS = {
    "named": lambda image, label: {"label": label, "image": image, "id": 7},
    "by type": lambda image, label: {"img": Image.fromarray(image), "fine": label, "text": "a cat"},
    "tensors": lambda image, label: {"image": torch.from_numpy(image).permute(2, 0, 1), "label": torch.tensor(label)},
}  # fmt: skip


@pytest.mark.parametrize("form", COLUMNS)
def test_a_dataset_may_give_dicts(form):
    data = from_dataset(Set(*(COLUMNS[form](image, i) for i, image in enumerate(COLOUR))))
    assert np.array_equal(data.images, COLOUR)
    assert data.labels.tolist() == list(range(len(COLOUR)))


def test_a_dict_of_datasets_is_refused_by_its_parts():
    parts = {"train": Set((COLOUR[0], 0)), "test": Set((COLOUR[0], 0))}
    with pytest.raises(FailcondError, match=r"got a dict of 'train', 'test'; give one of its"):
        labeled_images(parts)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ((), "the dataset is empty"),
        (
            ({"image": COLOUR[0]},),
            "item 0 of the dataset is a dict with 'image', and no column is its label; rename the one that is to 'label'",
        ),
        (
            ({"fine": 1, "coarse": 0, "image": COLOUR[0]},),
            "several columns may be its label: 'fine', 'coarse'; rename",
        ),
        (
            ({"label": 1, "photo": COLOUR[0]},),
            "no column is its image; rename the one that is to 'image'",
        ),
        ((COLOUR[0],), "item 0 of the dataset is a ndarray, expected a pair"),
        (((torch.randn(3, 9, 9) * 3, 0),), "floats outside [0, 1]"),
        (((torch.full((3, 9, 9), float("nan")), 0),), "floats outside [0, 1]"),
        (((COLOUR[0], 0), (COLOUR[0, :8], 0)), "item 1 of the dataset is [8, 12, 3]"),
        (((COLOUR[0].astype(np.int64), 0),), "item 0 of the dataset is int64"),
        (((COLOUR[0].astype(np.uint16), 0),), "item 0 of the dataset is uint16"),
        (((COLOUR[0] > 99, 0),), "item 0 of the dataset is bool"),
        (((torch.zeros(3, 0, 0), 0),), "item 0 of the dataset is float32 [0, 0, 3]"),
        (((COLOUR[0], 0), (COLOUR[0], 0.7)), "labels: item 1 of the dataset: 0.7 is not a class"),
        (((COLOUR[0], 0), (Image.fromarray(COLOUR[0]).convert("L"), 0)), "[9, 12, 1], the first"),
    ],
)
def test_a_dataset_that_will_not_do_gets_one_sentence(items, words):
    with pytest.raises(FailcondError) as caught:
        from_dataset(Set(*items))
    assert words in str(caught.value)


def test_what_is_an_image_set_already_stays():
    data = LabeledImages(COLOUR, np.zeros(4, dtype=int))
    assert labeled_images(data) is data
    assert labeled_images((COLOUR, np.zeros(4, dtype=int))).hash == data.hash
    with pytest.raises(FailcondError, match="got int"):
        labeled_images(3)


BIG = np.zeros((600, 700, 3), np.uint8)


def small_files():
    """No file may be larger than a megabyte: as on a full disk, but for the reason."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_a_temporary_folder_without_room_is_one_sentence_and_no_dead_process():
    undo = small_files()
    try:
        with pytest.raises(FailcondError) as caught:
            from_dataset(Set((BIG, 0), (BIG, 1)))
    finally:
        undo()
    sentence = str(caught.value)
    assert sentence.startswith("images: 2 images of 700 x 600 px take 3 MB in /")
    assert "File too large; set TMPDIR to a folder with more room" in sentence


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_the_room_is_taken_before_anything_is_written(monkeypatch, code):
    def full(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(FailcondError, match=os.strerror(code)):
        from_dataset(Set((BIG, 0)))


@pytest.mark.parametrize("absent", ["function", errno.EOPNOTSUPP, errno.EINVAL])
def test_where_no_system_takes_the_room_it_is_written(monkeypatch, absent):
    def unsupported(*_):
        raise OSError(absent, "not here")

    if absent == "function":  # macOS, Windows
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", unsupported)
    data = from_dataset(Set(*((image, 0) for image in COLOUR)))
    np.testing.assert_array_equal(data.images, COLOUR)
    undo = small_files()
    try:
        with pytest.raises(FailcondError, match="File too large"):
            from_dataset(Set((BIG, 0), (BIG, 1)))
    finally:
        undo()

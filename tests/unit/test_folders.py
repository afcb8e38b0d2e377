"""A folder per class: which folders are classes, in which order, and what is said of the rest."""

from __future__ import annotations

import os
import socket
import unicodedata

import numpy as np
import pytest
from PIL import Image

from pytest_failcond import FailcondError
from pytest_failcond.config.class_names import class_names
from pytest_failcond.config.settings import Settings
from pytest_failcond.subjects.folders import classes_of, unread
from pytest_failcond.subjects.sources import from_files

PICTURE = np.arange(96, dtype=np.uint8).reshape(8, 12)


def fill(folder, *names, level=None):
    """One image file in a folder of each name; its level is the folder's number."""
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        pixels = np.full((8, 12), number if level is None else level, np.uint8)
        Image.fromarray(pixels).save(folder / name / "1.png")
    return folder


def refusal(action) -> str:
    with pytest.raises(FailcondError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        ("cat", "dog"),
        ("0", "1", "2"),
        ("01", "02", "10"),
        ("Zebra", "ant"),
        ("a b", "a-1", "a1"),
        ("n01440764", "n02102040", "n10148035"),
        ("stop", "stop2"),
    ],
)
def test_names_are_sorted_where_that_is_one_order(tmp_path, names):
    fill(tmp_path, *reversed(names))
    assert classes_of(tmp_path) == names
    assert from_files(tmp_path).labels.tolist() == list(range(len(names)))


@pytest.mark.parametrize(
    ("names", "orders"),
    [
        (("2", "10"), "by text, '10', '2', and another by number, '2', '10'"),
        (("class_2", "class_10"), "by text, 'class_10', 'class_2', and another by number"),
        (("1", "2", "03"), "by text, '03', '1', '2', and another by number, '1', '2', '03'"),
        (tuple(map(str, range(12))), "'0', '1', '10', '11', '2', '3', '4', '5' and 4 more"),
    ],
)
def test_two_orders_are_refused_unless_classes_say_which(tmp_path, names, orders):
    fill(tmp_path, *names)
    for action in (lambda: classes_of(tmp_path), lambda: from_files(tmp_path)):
        assert orders in refusal(action)
        assert "set classes = [...] in the order of the classifier's outputs" in refusal(action)
    data = from_files(tmp_path, names)
    assert data.images[:, 0, 0, 0].tolist() == data.labels.tolist() == list(range(len(names)))


def test_labels_go_by_name(tmp_path):
    fill(tmp_path, "b", "c", "a")
    data = from_files(tmp_path, ("c", "a", "b"))
    assert dict(zip(data.images[:, 0, 0, 0].tolist(), data.labels.tolist(), strict=True)) == {
        0: 2, 1: 0, 2: 1}  # fmt: skip


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (("cat",), "differ: no class for 'dog'; give them the same names"),
        (("cat", "dog", "owl"), "differ: no folder for 'owl'; give"),
        (("Cat", "dog"), "differ: no folder for 'Cat'; no class for 'cat'; give"),
        (("x", "y"), "differ: no folder for 'x', 'y'; no class for 'cat', 'dog'; give"),
        (tuple(map(str, range(1000))), "no folder for '0', '1', '10', '100', '101', '102', '103'"),
    ],
)
def test_names_that_differ_are_refused_by_name(tmp_path, named, words):
    fill(tmp_path, "cat", "dog")
    sentence = refusal(lambda: from_files(tmp_path, named))
    assert f"images: the folders in {tmp_path} and `classes` differ" in sentence
    assert words in sentence
    assert len(sentence) < 400


def test_one_name_in_two_encodings_is_one_name(tmp_path):
    fill(tmp_path, unicodedata.normalize("NFD", "café"), "bar")
    assert classes_of(tmp_path) == ("bar", "café")
    assert from_files(tmp_path, ("café", "bar")).labels.tolist() == [0, 1]


def test_what_systems_and_tools_leave_behind_is_no_class(tmp_path):
    fill(
        tmp_path,
        "cat",
        "dog",
        "__pycache__",
        ".ipynb_checkpoints",
        "__MACOSX",
        "lost+found",
        ".git",
    )
    for name in (".DS_Store", "Thumbs.db", "labels.csv"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "cat" / "._1.png").write_bytes(b"x")
    fill(tmp_path / "cat" / ".ipynb_checkpoints", "deep")
    (tmp_path / "cat" / "empty").mkdir()
    assert classes_of(tmp_path) == ("cat", "dog")
    assert from_files(tmp_path).labels.tolist() == [0, 1]
    assert unread(tmp_path) == ()


def test_linked_folders_and_files_are_followed(tmp_path):
    fill(tmp_path / "elsewhere", "x", level=7)
    fill(tmp_path / "images", "cat")
    (tmp_path / "images" / "dog").symlink_to(tmp_path / "elsewhere" / "x")
    (tmp_path / "images" / "cat" / "2.png").symlink_to(tmp_path / "elsewhere" / "x" / "1.png")
    data = from_files(tmp_path / "images")
    assert data.images[:, 0, 0, 0].tolist() == [0, 7, 7]
    assert data.labels.tolist() == [0, 0, 1]


def make_socket(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path.parent)  # the names of sockets are short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)


def replaced(content):
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "1.png is a pipe (FIFO), expected an image file"),
        (make_socket, "1.png is a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "1.png is a device"),
        (lambda path: path.symlink_to("/dev/tty"), "is a device, expected"),
        (lambda path: path.symlink_to(os.mkfifo(path.parent / "pipe") or "pipe"), "is a pipe"),
        (lambda path: path.mkdir(), "1.png is a folder"),
        (lambda path: path.symlink_to("nowhere"), "1.png cannot be read (No such file"),
        (lambda path: path.symlink_to(path.name), "1.png cannot be read (Too many levels"),
        (replaced(b""), "1.png cannot be read: expected an image in PNG, JPEG, WebP, TIFF, BMP, GIF, "
         "PGM or PPM, but it is empty"),
        (replaced(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
         "but it is a Git LFS pointer, not the file itself; fetch it: git lfs pull"),
        (replaced(b"\n<!DOCTYPE html><title>404</title>"), "but it is HTML or XML, as a server"),
        (replaced(b"%!PS-Adobe-3.0 EPSF-3.0"), "but it begins with '%!PS-Adobe-3.0 E'"),
        (replaced(b"\x89PNG\r\n\x1a\n"), "or its header is damaged; replace it"),
        (lambda path: path.touch() or os.truncate(path, 1 << 40),
         "1.png has 1,099,511,627,776 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_image_file_is_refused_at_once(tmp_path, make, words):
    fill(tmp_path, "cat")
    (tmp_path / "cat" / "1.png").unlink()
    make(tmp_path / "cat" / "1.png")
    sentence = refusal(lambda: from_files(tmp_path))
    assert sentence.startswith(f"images: {tmp_path}/cat/1.png ")
    assert words in sentence


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: (f / "owl").mkdir(), "there are no image files in the class folder"),
        (lambda f: (f / "owl").mkdir() or (f / "owl" / "1.heic").write_bytes(b"x"), "but 1 .heic"),
        (
            lambda f: fill(f / "cat", "more"),
            "cat/more lies a folder too deep; move its image files",
        ),
        (lambda f: fill(f / "cat" / "a" / "b", "more"), "cat/a lies a folder too deep"),
        (lambda f: fill(f, "Cat"), "two folders whose names differ only in case or Unicode form"),
        (lambda f: (f / "owl").symlink_to("nowhere"), "owl is a broken link"),
    ],
)
def test_a_folder_that_would_lose_images_or_a_class_is_refused(tmp_path, make, words):
    fill(tmp_path, "cat", "dog")
    make(tmp_path)
    assert words in refusal(lambda: from_files(tmp_path))


def test_a_missing_folder_a_file_and_a_flat_folder(tmp_path):
    assert "there is no folder" in refusal(lambda: classes_of(tmp_path / "no"))
    (tmp_path / "data.zip").write_bytes(b"PK")
    assert "is a file, expected a folder" in refusal(lambda: classes_of(tmp_path / "data.zip"))
    assert "has no folder per class" in refusal(lambda: classes_of(tmp_path))


def test_files_that_are_not_read_are_counted(tmp_path):
    fill(tmp_path, "cat", "dog")
    for name in ("cat/a.HEIC", "dog/b.heic", "dog/notes.txt", "dog/README", "sheet.png"):
        (tmp_path / name).write_bytes(b"x")
    beside, within = unread(tmp_path)
    assert beside.endswith(": 1 .png")
    assert within.endswith(": 2 .heic, 1 without a suffix, 1 .txt")


def test_all_who_know_the_names_agree(tmp_path):
    fill(tmp_path / "signs", "a", "b")

    def names(generator=None, **values):
        return class_names(Settings(folder=tmp_path, **values), generator)

    assert names() is None
    assert names(classes=("x", "y")) == ("x", "y")
    assert names(("0", "1")) == ("0", "1")
    assert names(("0", "1"), classes=("x", "y")) == ("x", "y")
    assert names(images="signs") == ("a", "b")
    assert names(images="signs", classes=("b", "a")) == ("b", "a")
    assert names(("b", "a"), images="signs") == ("b", "a")
    assert names(("0", "1"), images="signs", classes=("b", "a")) == ("b", "a")
    for arguments, words in (
        ((("0",), {"classes": ("x", "y")}), "names 2 classes, but the generator has 1: 0"),
        ((("y", "x"), {"classes": ("x", "y")}), "'x' is number 0, but number 1 of the generator's"),
        ((("0", "1"), {"images": "signs"}), "signs and the generator's classes differ"),
        ((None, {"images": "signs", "classes": ("a", "c")}), "signs and `classes` differ"),
        ((None, {"images": "no_signs"}), "there is no folder"),
    ):
        generator, values = arguments
        assert words in refusal(lambda g=generator, v=values: names(g, **v))

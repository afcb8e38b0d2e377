"""A CSV file of paths and labels: rows in their order, and each fault by its line."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_failcond import FailcondError
from pytest_failcond.config.class_names import class_names
from pytest_failcond.config.inputs import inputs_of
from pytest_failcond.config.settings import Settings
from pytest_failcond.subjects.csv_files import image_files
from pytest_failcond.subjects.files import classes_of
from pytest_failcond.subjects.sources import from_files, labeled_images, load_images

NAMES = ("dog", "cat")


@pytest.fixture
def folder(tmp_path):
    """Three pictures, each of its own level, in folders that say nothing of their class."""
    for number, name in enumerate(("a.png", "b.png", "deep/c.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 12), 10 * number, np.uint8)).save(tmp_path / name)
    return tmp_path


def written(folder, text, *, encoding="utf-8"):
    file = folder / "test.csv"
    file.write_bytes(text.encode(encoding))
    return file


def refusal(action) -> str:
    with pytest.raises(FailcondError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "classes", "labels", "names"),
    [
        ("path,label\ndeep/c.png,dog\na.png,cat\nb.png,dog\n", None, [1, 0, 1], ("cat", "dog")),
        ("path,label\ndeep/c.png,dog\na.png,cat\nb.png,dog\n", NAMES, [0, 1, 0], NAMES),
        ("path,label\ndeep/c.png,0\na.png,1\nb.png,0\n", NAMES, [0, 1, 0], NAMES),
        ("path,label\ndeep/c.png,2\na.png,0\nb.png,11.0\n", None, [2, 0, 11], None),
        ("path,label\ndeep/c.png,0\na.png,1\nb.png,0\n", ("1", "0"), [1, 0, 1], ("1", "0")),
        ("path,label\ndeep/c.png,0\na.png,1\nb.png,0\n", ("1", "2"), [0, 1, 0], ("1", "2")),
        ("path,label\ndeep/c.png,02\na.png,01\nb.png,10\n", None, [1, 0, 2], ("01", "02", "10")),
        ("\ufeffpath,label\r\ndeep/c.png,dog\r\na.png,cat\r\n\r\nb.png,dog", NAMES, [0, 1, 0], NAMES),
        ('id,Class , File\n7,"dog","deep/c.png"\n8, cat,./a.png\n9,dog,b.png\n', NAMES, [0, 1, 0],
         NAMES),
        ("target,label,image\n1,dog,deep/c.png\n0,cat,a.png\n1,dog,b.png\n", NAMES, [0, 1, 0], NAMES),
    ],
)  # fmt: skip
def test_rows_keep_their_order_and_labels_are_names_or_indices(
    folder, text, classes, labels, names
):
    file = written(folder, text)
    data = from_files(file, classes)
    assert data.images[:, 0, 0, 0].tolist() == [20, 0, 10]
    assert data.labels.tolist() == labels
    assert classes_of(file, classes) == names
    assert load_images(str(file), "--images", classes).hash == data.hash
    assert labeled_images(str(file), classes).hash == data.hash


def test_absolute_paths_and_those_outside_of_the_folder_are_read(folder):
    (folder / "lists").mkdir()
    file = written(folder / "lists", f"path,label\n{folder / 'b.png'},0\n../deep/c.png,1\n")
    assert from_files(file).images[:, 0, 0, 0].tolist() == [10, 20]


@pytest.mark.parametrize(
    ("text", "classes", "words"),
    [
        ("", None, ": expected a CSV file of paths and labels, but it is empty"),
        ("path,label\n", None, " has no rows below its header; list at least one image"),
        ("a.png,0\nb.png,1\n", None, ": the header has the columns 'a.png', '0', and none of them is "
         "'path'; name one 'path' and one 'label', separated by commas"),
        ("path,kind\na.png,0\n", None, "'path', 'kind', and none of them is 'label'; name"),
        ("path;label\na.png;0\n", None, "columns 'path;label', and none of them is 'path'; name"),
        ("file,image,label\na.png,a.png,0\n", None, "and several may be 'path'; name one 'path'"),
        ("path,path,label\na.png,a.png,0\n", None, "and several may be 'path'; name one 'path'"),
        ("path,label\na.png,0\n,1\n", None, ", line 3: the path is empty; fill it in, or remove"),
        ("path,label\na.png,0\n\nb.png, \n", None, ", line 4: the label is empty; fill"),
        ("path,label\na.png,0\nb.png\n", None, ", line 3: expected 2 columns as in the header, got 1"),
        ("path,label\na,b.png,0\n", None, ", line 2: expected 2 columns as in the header, got 3; put"),
        ("path,label\na.png,cat\nb.png,dogs\n", NAMES, ", line 3: label 'dogs' is not one of "
         "`classes`, 'dog', 'cat'; did you mean 'dog'?; correct it, or add it to the classes"),
        ("path,label\na.png,cat\nb.png,1\n", NAMES, ", line 3: label '1' is not one of `classes`"),
        ("path,label\na.png,0\nb.png,2\n", NAMES, ", line 3: label 2 is beyond `classes`, which are 2; "
         "give an index from 0 to 1, or a name"),
        ("path,label\na.png,0\nb.png,-1\n", None, ", line 3: label: -1.0 is not a class index; give"),
        ("path,label\na.png,0\nb.png,0.5\n", NAMES, ", line 3: label: 0.5 is not a class index"),
        ("path,label\na.png,c2\nb.png,c10\n", None, "images: the labels in "),
        ("path,label\na.png,0\nb.png,1\n./a.png,1\n", None, ", line 4: './a.png' is listed before with "
         "label '0', in line 2; remove one of the two"),
        ("path,label\na.png,0\ndeep/../a.png,0\n", None, "is listed before, in line 2; remove"),
        ("path,label\na.png,0\nc.png,1\n", None, ", line 3: {}/c.png cannot be read (No such file"),
        ("path,label\na.png,0\ndeep,1\n", None, ", line 3: {}/deep is a folder, expected an image"),
        ("path,label\na.png,0\ntest.csv,1\n", None, ", line 3: {}/test.csv cannot be read: expected"),
        ("path,label\na.png,0\nsmall.png,1\n", None, ", line 3: {}/small.png is 9 x 9 px, others are "
         "12 x 8; bring all to one size"),
        ('path,label\na.png,0\n"b.png,1\n', None, ", line 3: not CSV (unexpected end of data)"),
        ("<html>404", None, ": expected a CSV file of paths and labels, but it is HTML or XML"),
    ],
)  # fmt: skip
def test_a_fault_is_one_sentence_with_its_line(folder, text, classes, words):
    Image.new("L", (9, 9)).save(folder / "small.png")
    file = written(folder, text)
    sentence = refusal(lambda: from_files(file, classes))
    assert sentence.startswith("images: ")
    assert str(file) in sentence
    assert words.format(folder) in sentence
    assert len(sentence) < len(str(folder)) * 2 + 260


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("latin-1", ", line 2: not UTF-8 text; save the file as UTF-8"),
        ("utf-16", "but it is UTF-16 text, where UTF-8 is needed"),
    ],
)
def test_another_encoding_is_named(folder, encoding, words):
    file = written(folder, "path,label\ncafé.png,0\n", encoding=encoding)
    assert words in refusal(lambda: from_files(file))


def test_a_missing_file_and_another_kind(tmp_path):
    assert "no.csv: cannot be read (No such file" in refusal(
        lambda: load_images(str(tmp_path / "no.csv"), "--images")
    )
    (tmp_path / "test.tsv").write_text("path\tlabel\n")
    sentence = refusal(lambda: from_files(tmp_path / "test.tsv"))
    assert "is a file, expected a folder with a folder of image files per class, a CSV" in sentence


def test_a_configuration_reads_names_from_it_and_does_not_overwrite_it(folder):
    file = written(folder, "path,label\na.png,dog\nb.png,cat\n")

    def names(generator=None, **values):
        return class_names(Settings(folder=folder, images="test.csv", **values), generator)

    assert names() == ("cat", "dog")
    assert names(classes=NAMES) == names(NAMES) == NAMES
    assert "line 2: label 'dog' is not one of the generator's classes, 'cat', 'owl'" in refusal(
        lambda: names(("cat", "owl"))
    )
    settings = Settings(folder=folder, images="test.csv")
    assert file in [place.path for place in inputs_of(settings)]


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
            st.sampled_from(["0", "1", "cat", "é", "a, b", 'say "x"']),
        ),
        min_size=1,
        unique_by=lambda row: row[0],
    )
)
def test_any_list_is_read_back_or_refused_in_a_sentence(tmp_path_factory, rows):
    file = tmp_path_factory.getbasetemp() / "any.csv"
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([("path", "label"), *rows])
    file.write_bytes(text.getvalue().encode())
    try:
        found = [one.short for one in image_files(file, None)]
    except FailcondError as error:
        found = str(error)
    assert found == [path.strip() for path, _ in rows] or found.startswith("images: ")

"""``module:callable``: found, or refused in one sentence that names the key."""

import sys

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.subjects.loading import load_callable, load_subject
from pytest_failcond.subjects.references import parts_of

MODULE = """
import helper_of_mine
from pytest_failcond.errors import FailcondError

NUMBER = 3

class House:
    @staticmethod
    def door():
        return "open"

def number():
    return NUMBER

def broken():
    raise KeyError("lost")

def deep():
    return sorted([1], key=helper_of_mine.divide)

def refuses():
    raise FailcondError("the folder is empty; fill it")

def classifier(pixels):
    return pixels
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "helper_of_mine.py").write_text("def divide(x):\n    return x / 0\n")
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "broken_inside.py").write_text("import no_such_thing_at_all")
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)")
    (tmp_path / "misspelled.py").write_text("def x(: pass")
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def test_a_callable_is_found(folder):
    assert load_callable("mine:number", "images", folder=folder)() == 3
    assert load_callable("mine:House.door", "images", folder=folder)() == "open"


def test_the_default_folder_is_the_current_one(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert load_subject("mine:number", "images", int) == 3


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mine", "'mine' is not of the form module:callable, such as digits:load_images"),
        ("mine:", "not of the form"),
        ("mine.number", "is not of the form module:callable; did you mean 'mine:number'?"),
        ("a.b.number", "did you mean 'a.b:number'?"),
        (":number", "not of the form"),
        ("my/file.py:number", "not of the form"),
        ("mine:number:twice", "not of the form"),
        ("", "not of the form"),
        ("nowhere:number", "there is no module 'nowhere' in"),
        ("nowhere.below:number", "there is no module 'nowhere' in"),
        ("mine.below:number", "there is no module 'mine.below' in"),
        ("broken_inside:x", "importing broken_inside raised ModuleNotFoundError: No module named"),
        ("leaves:x", "importing leaves raised SystemExit: 3 ("),
        ("misspelled:x", "importing misspelled raised SyntaxError"),
        ("mine:numbr", "there is no 'numbr' in mine; did you mean 'number'?"),
        ("mine:House.window", "there is no 'window' in mine; known: door"),
        ("mine:NUMBER", "'mine:NUMBER' is of type int and cannot be called"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(folder, reference, message):
    with pytest.raises(FailcondError) as caught:
        load_callable(reference, "images", folder=folder)
    sentence = str(caught.value)
    assert sentence.startswith("images: ")
    assert message in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mine:broken", "images = 'mine:broken' raised KeyError: 'lost' (mine.py:16)"),
        ("mine:refuses", "the folder is empty; fill it (mine.py:22)"),
        ("mine:deep", "raised ZeroDivisionError: division by zero (helper_of_mine.py:2)"),
        (
            "mine:classifier",
            "images = 'mine:classifier': missing a required argument: 'pixels'; name a function without",
        ),
        ("mine:number", "returned int; it must return a pytest_failcond LabeledImages"),
    ],
)
def test_what_returns_something_else_is_refused(folder, monkeypatch, reference, message):
    monkeypatch.chdir(folder)
    with pytest.raises(FailcondError) as caught:
        load_subject(reference, "images", LabeledImages, folder=folder)
    assert message in str(caught.value)


LOADS_A_JUDGE = (
    "a file of `failcond judge`, *.safetensors, or module:callable, such as digits:load_judge"
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("classifier", "module:callable, such as digits:load_classifier"),
        ("--classifier", "module:callable, such as digits:load_classifier"),
        ("judge", LOADS_A_JUDGE),
        ("--judge", LOADS_A_JUDGE),
        ("judges", LOADS_A_JUDGE),
        ("guides", LOADS_A_JUDGE),
        ("images", "a CSV file, or module:callable, such as digits:load_images"),
        ("corruptions.custom.mine", "module:callable, such as digits:column_blur"),
    ],
)
def test_a_path_in_place_of_a_name_is_said_to_be_one_and_the_example_fits_its_key(
    folder, key, expected
):
    (folder / "models").mkdir()
    (folder / "judge.pt").write_bytes(b"")
    for name, what in (
        ("models", "folder"),
        (str(folder / "models"), "folder"),
        ("judge.pt", "file"),
    ):
        with pytest.raises(FailcondError) as caught:
            parts_of(name, key, folder)
        assert str(caught.value).startswith(f"{key}: {name!r} is a {what}; name ")
        assert str(caught.value).endswith(expected)
    with pytest.raises(FailcondError, match="not of the form") as caught:
        parts_of("no/where", key, folder)
    assert str(caught.value).endswith(expected.rpartition(", or ")[2])

"""Labels: whole numbers become class indices, everything else one sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pytest_failcond import FailcondError, LabeledImages
from pytest_failcond.subjects.labels import class_index, class_indices
from pytest_failcond.subjects.sources import from_dataset
from tests.unit.tiny import tiny_generator

IMAGES = np.zeros((3, 8, 8, 1), np.uint8)
FORMS = [
    int,
    float,
    np.int64,
    np.uint8,
    np.float16,
    np.float64,
    np.array,
    lambda k: np.array([k]),
    lambda k: np.array([[k]]),
    lambda k: np.array(k, np.uint64),
    torch.tensor,
    lambda k: torch.tensor([k]),
    lambda k: torch.tensor(float(k), dtype=torch.bfloat16, requires_grad=True),
    lambda k: [k],
]
WRONG = [
    (0.7, "0.7 is not a class index"),
    (np.float32(1.5), "1.5 is not a class index"),
    (float("nan"), "nan is not"),
    (float("inf"), "inf is not"),
    (-1, "-1 is not"),
    (-0.5, "-0.5 is not"),
    (2**31, "is not"),
    (1e300, "is not"),
    (10**40, "is not"),
    (1 + 0j, "is not"),
    (None, "None is not"),
    ("cat", "'cat' is not a class index; give integers from 0, of names classes.index(name)"),
    ("1", "'1' is not"),
    (b"1", "is not"),
    (np.datetime64(1, "D"), "is not"),
    ({"label": 1}, "dict is not"),
    (object(), "object is not"),
    ([], "got [0]"),
    ([0, 1, 0], "got [3]; for one-hot labels or probabilities, give labels.argmax(-1)"),
    (np.eye(3)[0], "argmax"),
    (torch.eye(3)[0], "argmax"),
    ([[1], [2, 3]], "cannot be read as class indices"),
]


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
def test_a_whole_number_is_one_class_index_in_every_form(form):
    for k in (0, 1, 7):
        found = class_index(form(k), "labels")
        assert found == k
        assert type(found) is int
    assert class_indices([form(2), form(0), form(1)]).tolist() == [2, 0, 1]
    assert from_dataset([(IMAGES[0], form(2)), (IMAGES[0], form(0))]).labels.tolist() == [2, 0]


@pytest.mark.parametrize("given", [(True, False), (np.True_, np.False_)])
def test_two_classes_may_be_true_and_false(given):
    assert [class_index(label, "labels") for label in given] == [1, 0]
    assert LabeledImages(IMAGES, np.array([True, False, True])).labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(("label", "words"), WRONG, ids=range(len(WRONG)))
def test_what_is_no_class_index_is_refused_by_name(label, words):
    for action in (
        lambda: class_index(label, "labels: item 1 of the dataset"),
        lambda: from_dataset([(IMAGES[0], 0), (IMAGES[0], label)]),
    ):
        with pytest.raises(FailcondError) as caught:
            action()
        assert str(caught.value).startswith("labels: item 1 of the dataset: ")
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "labels",
    [
        [2, 0, 1],
        (2.0, 0.0, 1.0),
        np.array([2, 0, 1], np.uint8),
        np.array([2, 0, 1], np.float32),
        np.array([2, 0, 1], object),
        np.array([[2], [0], [1]]),
        torch.tensor([2, 0, 1]),
        torch.tensor([[2.0], [0.0], [1.0]], dtype=torch.bfloat16),
        [torch.tensor(2), torch.tensor(0), torch.tensor(1)],
        range(2, -1, -1),
    ],
)
def test_the_labels_of_a_set(labels):
    found = LabeledImages(IMAGES, labels).labels
    assert found.dtype == np.int64
    assert sorted(found.tolist()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 0.7, 1.7], "labels: item 1: 0.7 is not a class index"),
        (np.array([0, 1, np.nan]), "labels: item 2: nan is not"),
        ([0, 1, None], "labels: item 2: None is not"),
        ([0, -1, 1], "labels: item 1: -1 is not"),
        (["a", "b", "c"], "labels: list is not a class index"),
        (np.array(["a", "b", "c"]), "labels: ndarray is not"),
        (np.array([0, "b", 1], object), "labels: item 1: 'b' is not"),
        (np.eye(3), "labels: expected one class index an image, got [3, 3]; for one-hot"),
        (np.eye(3, dtype=bool), "argmax"),
        (torch.eye(3), "argmax"),
        ([[0, 1, 0], [1, 0, 0], [0, 0, 1]], "labels: item 0: expected one class index an image"),
        ([[0, 1], [1]], "argmax"),
        (np.zeros((3, 1, 1)), "expected class indices [N], got float64 [3, 1, 1]"),
        (1, "expected class indices [N]"),
        (None, "labels: None is not"),
        ({0: 1}, "labels: dict is not"),
        (torch.zeros(3, dtype=torch.complex64), "is not"),
        (torch.zeros(3, device="meta"), "cannot be read as class indices"),
        (iter([0, 1, 2]), "is not"),
        ([0, 1], "3 images, 2 labels"),
    ],
)
def test_labels_of_a_set_that_will_not_do(labels, words):
    with pytest.raises(FailcondError) as caught:
        LabeledImages(IMAGES, labels)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.floats(width=32))
def test_a_float_is_taken_as_it_is_or_not_at_all(value):
    try:
        assert class_index(np.float32(value), "labels") == value
    except FailcondError:
        assert not (value.is_integer() and 0 <= value < 2**31)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 8, 8, 1), np.float32), "got float32 from 0 to 0; give np.rint(images * 255)"),
        (torch.zeros((2, 8, 8, 1), requires_grad=True), "got float32 from 0 to 0; give np.rint"),
        (torch.zeros((2, 8, 8, 1), dtype=torch.bfloat16), "got float32 from 0 to 0; give np.rint"),
        (np.full((2, 8, 8, 3), 999, np.uint16), "got uint16 from 999 to 999; give levels from 0"),
        (np.zeros((2, 8, 8, 3), bool), "got bool; give levels from 0 to 255"),
        (np.zeros((2, 8, 8, 3), np.int64), "got int64 from 0 to 0; give images.astype(np.uint8)"),
        (np.full((2, 8, 8, 3), np.nan), "got float64 with NaN or infinite values"),
        (np.zeros((2, 3, 8, 8), np.uint8), "got uint8 [2, 3, 8, 8]"),
        (np.uint8(3), "got uint8 []"),
        (None, "got object; give levels"),
        ([np.zeros((8, 8), np.uint8), np.zeros((9, 9), np.uint8)], "images: reading it raised"),
        (torch.zeros((2, 8, 8, 1), device="meta"), "images: reading it raised"),
    ],
)
def test_images_of_a_set_that_will_not_do(images, words):
    with pytest.raises(FailcondError) as caught:
        LabeledImages(images, [0, 1])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tensor_of_bytes_is_an_image_set():
    assert LabeledImages(torch.zeros((2, 8, 8, 3), dtype=torch.uint8), [0, 1]).shape == (8, 8, 3)


@pytest.mark.parametrize("labels", [[0.7], [-1], ["circle"], None, torch.eye(3)])
def test_a_generator_takes_no_other_labels(labels):
    with pytest.raises(FailcondError, match=r"^labels: "):
        tiny_generator().sample(labels)

"""What loaders and datasets return: an image set, or one sentence, whatever they do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond import FailcondError, LabeledImages
from pytest_failcond.subjects.sources import labeled_images

IMAGES = np.zeros((3, 8, 8, 1), np.uint8)
LABELS = [0, 1, 0]


class Dataset:
    """Three items, each made by a function; its length as given."""

    def __init__(self, item, length=lambda: 3) -> None:
        self._item, self._length = item, length

    def __len__(self):
        return self._length()

    def __getitem__(self, index):
        return self._item(index)


def raising(error):
    def function(*_):
        raise error

    return function


READ = {
    "pair": (IMAGES, LABELS),
    "tensors": (torch.from_numpy(IMAGES), torch.tensor(LABELS)),
    "gray": (IMAGES[..., 0], LABELS),
    "dataset": Dataset(lambda i: (IMAGES[i], i % 2)),
    "tensor with gradients": Dataset(lambda i: (torch.zeros(1, 8, 8, requires_grad=True), i % 2)),
    "bfloat16": Dataset(lambda i: (torch.zeros(1, 8, 8, dtype=torch.bfloat16), i % 2)),
}
REFUSED = {
    "none": (None, "got NoneType"),
    "lists of numbers": ((IMAGES.tolist(), LABELS), "images: expected uint8 [N, H, W, C], got int64"),
    "number": (3, "got int"),
    "generator": ((i for i in IMAGES), "got generator"),
    "no pair": ((IMAGES,), "item 0 of the dataset is a ndarray, expected a pair"),
    "a pair of generators": (((i for i in IMAGES), LABELS), "images: expected uint8 [N, H, W, C], got object"),
    "ragged": (([IMAGES[0], IMAGES[0, :4]], LABELS[:2]), "images: reading it raised ValueError: "),
    "objects": ((np.array([None] * 3), LABELS), "images: expected uint8 [N, H, W, C]"),
    "a number of images": ((3, LABELS), "images: expected uint8 [N, H, W, C]"),
    "text": ((["a.png"] * 3, LABELS), "images: expected uint8 [N, H, W, C]"),
    "meta": ((torch.from_numpy(IMAGES).to("meta"), LABELS), "images: reading it raised "),
    "empty": ((IMAGES[:0], []), "the image set is empty"),
    "no length": (Dataset(None, raising(TypeError("endless"))), "the length of the dataset raised TypeE"),
    "length none": (Dataset(None, lambda: None), "the length of the dataset raised TypeError"),
    "no items": (Dataset(None, lambda: 0), "the dataset is empty"),
    "item raises": (Dataset(raising(KeyError(7))), "item 0 of the dataset raised KeyError: 7"),
    "item exits": (Dataset(raising(SystemExit(1))), "item 0 of the dataset raised SystemExit: 1"),
    "later item raises": (
        Dataset(lambda i: (IMAGES[i], 0) if i < 2 else (_ for _ in ()).throw(IndexError("gone"))),
        "item 2 of the dataset raised IndexError: gone",
    ),
    "item none": (Dataset(lambda i: None), "item 0 of the dataset is a NoneType, expected a pair"),
    "item of three": (Dataset(lambda i: (IMAGES[0], 0, 0)), "is a tuple, expected a pair"),
    "item a dict": (Dataset(lambda i: {"a": IMAGES[0], "label": 0}), "no column is its image; rename"),
    "complex": (Dataset(lambda i: (IMAGES[0] + 0j, 0)), "item 0 of the dataset is complex128 [8, 8, 1]"),
    "a path": (Dataset(lambda i: ("a.png", 0)), "item 0 of the dataset is"),
    "meta item": (Dataset(lambda i: (torch.zeros(1, 8, 8, device="meta"), 0)), "reading it raised"),
}  # fmt: skip


@pytest.mark.parametrize("form", READ)
def test_images_are_read_in_every_form(form):
    found = labeled_images(READ[form])
    assert np.array_equal(found.images, IMAGES)
    assert found.labels.tolist() == LABELS


@pytest.mark.parametrize("form", REFUSED)
def test_other_forms_are_refused(form):
    source, words = REFUSED[form]
    with pytest.raises(FailcondError) as caught:
        labeled_images(source)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


JUNK = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=3)
    | st.sampled_from([IMAGES, IMAGES[0], np.zeros((8, 8)), np.zeros((0, 8, 1), np.uint8), torch.zeros(1, 8, 8), object(), np.array(None)]),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.tuples(inner, st.just(LABELS)),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=90, deadline=None)
@given(source=JUNK, as_dataset=st.booleans())
def test_whatever_a_loader_returns_is_images_or_a_sentence(source, as_dataset):
    found, sentence = None, ""
    try:
        found = labeled_images(Dataset(lambda i: source) if as_dataset else source)
    except FailcondError as error:
        sentence = str(error)
    assert (found is None) == bool(sentence)
    assert "\n" not in sentence
    assert found is None or isinstance(found, LabeledImages)

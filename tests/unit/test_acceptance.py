"""One rule says what still shows its class: every judge puts the class first, and surely enough."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pytest_failcond import Classifier, FailcondError
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance
from pytest_failcond.subjects.images import as_8_bits, to_float, to_uint8

CLASSES = 3


def judge_of(logits, **options) -> Classifier:
    """Answer with given logits ``[N, K]``: image i is all i / 255."""
    table = np.asarray(logits, dtype=np.float32)

    def look(images):
        return table[np.rint(images[:, 0, 0, 0] * 255).astype(int)]

    return Classifier(look, name="judge", **options)


def numbered(count: int) -> np.ndarray:
    return np.tile((np.arange(count, dtype=np.float32) / 255)[:, None, None, None], (1, 1, 2, 2))


def log(p) -> np.ndarray:
    return np.log(np.asarray(p))


answers = st.integers(1, 20).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, CLASSES - 1), min_size=n, max_size=n),
        st.lists(
            st.integers(CLASSES, CLASSES + 1).flatmap(
                lambda width: st.lists(
                    st.tuples(st.integers(0, width - 1), st.sampled_from([0.45, 0.7, 0.9])),
                    min_size=n, max_size=n,
                ).map(lambda said: (width, said))
            ),
            max_size=3,
        ),
    )
)  # fmt: skip


def probabilities(width: int, said: list[tuple[int, float]]) -> np.ndarray:
    """Give each image's label its p, and the rest to the others alike."""
    p = np.array([[(1 - top) / (width - 1)] * width for _, top in said])
    p[np.arange(len(said)), [label for label, _ in said]] = [top for _, top in said]
    return p


@settings(max_examples=60, deadline=None)
@given(answers, st.integers(1, 9), st.sampled_from([0.0, 0.5, 0.8]))
def test_an_image_is_accepted_if_every_judge_is_sure_of_its_class(drawn, batch_size, least_p):
    """A judge may have an output more, for images of no class: then none is accepted."""
    labels, judges = drawn
    models = [judge_of(log(probabilities(*said)), batch_size=batch_size) for said in judges]
    acceptance = Acceptance.of(models, least_p) if models else Acceptance((), least_p)
    images = numbered(len(labels))
    seen = acceptance.see(images, among=CLASSES)
    for classes in (np.array(labels), *range(CLASSES)):
        wanted = np.broadcast_to(classes, len(labels))
        level = [
            min([top if label == c else 0 for label, top in (said[i] for _, said in judges)], default=1)
            for i, c in enumerate(wanted)
        ]  # fmt: skip
        np.testing.assert_allclose(seen.level(classes), level, rtol=1e-5)
        expected = [one > 0 and one >= least_p for one in level]
        assert acceptance.accepts(images, classes, among=CLASSES).tolist() == expected
        strictest = seen.strictest(classes)
        assert (strictest is None) == (not judges)
        if strictest is not None:
            p = np.where(strictest.argmax(axis=1) == wanted, strictest.max(axis=1), 0)
            np.testing.assert_array_equal(p, seen.level(classes))
            np.testing.assert_allclose(strictest.sum(axis=1), 1, rtol=1e-5)
    assert [one.tolist() for one in seen.labels] == [[c for c, _ in said] for _, said in judges]
    assert acceptance.judged == bool(judges)


def test_the_loosest_accepts_whatever_all_judges_put_first():
    judges = [judge_of(log([[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]])), judge_of(np.eye(3) * 9)]
    acceptance = Acceptance.of(judges)
    assert acceptance.least_p == 0.8
    assert acceptance.accepts(numbered(2), np.array([0, 1]), among=3).tolist() == [False, False]
    loosest = acceptance.loosest
    assert loosest.judges == acceptance.judges
    assert loosest.accepts(numbered(2), np.array([0, 1]), among=3).tolist() == [True, True]
    assert loosest.accepts(numbered(2), np.array([1, 2]), among=3).tolist() == [False, False]


def test_without_a_judge_everything_is_accepted_unseen():
    assert Acceptance.of(None) == EVERYTHING
    assert not EVERYTHING.judged
    assert EVERYTHING.hash is None
    assert EVERYTHING.subjects == {"judge": None, "judges": [], "least_p": None}
    assert EVERYTHING.accepts(numbered(3), 1, among=3).tolist() == [True] * 3
    seen = EVERYTHING.see(numbered(3), among=3)
    assert seen.probabilities == seen.labels == ()
    assert seen.strictest(0) is None


def test_an_argument_may_be_a_judge_or_several_or_what_accepts():
    judge, other = judge_of(np.eye(3) * 9), judge_of(np.eye(4) * 9)
    acceptance = Acceptance.of(judge)
    assert acceptance.judges == (judge,)
    assert Acceptance.of([judge, other], 0.5) == Acceptance((judge, other), 0.5)
    assert Acceptance.of(acceptance, 0.5) is acceptance


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "judge: the list is empty; give one judge or more, or None for no judge"),
        (nn.Identity(), "judge: expected a Classifier, got Identity; wrap the model: Classifier(model)"),
        ([None], "judge: expected a Classifier, got NoneType; wrap the model: Classifier(model)"),
    ],
)  # fmt: skip
def test_what_is_no_judge_is_refused(given, sentence):
    with pytest.raises(FailcondError) as refused:
        Acceptance.of(given)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("least_p", [-0.1, 1.0, 80.0, float("nan")])
def test_a_level_is_a_probability(least_p):
    with pytest.raises(
        FailcondError, match=f"^least_p: {least_p:g} is not a probability from 0 to"
    ):
        Acceptance((), least_p)


@pytest.mark.parametrize("width", [2, 5, 1000])
def test_a_judge_of_another_width_is_refused_with_both_numbers(width):
    acceptance = Acceptance((judge_of(np.eye(3) * 9), Classifier(lambda x: np.zeros((len(x), width)), name="judge 2")))  # fmt: skip
    with pytest.raises(FailcondError) as refused:
        acceptance.see(numbered(3), among=3)
    assert str(refused.value) == (
        f"judge 2 has {width} outputs, but the classifier has 3 classes: give a judge of 3 outputs, "
        "or of 4, the last for none of these"
    )


@pytest.mark.parametrize("as_tensor", [True, False])
def test_judges_see_what_a_file_would_hold(as_tensor):
    random = np.random.default_rng(0)
    images = random.uniform(-0.1, 1.1, (5, 3, 4, 4)).astype(np.float32)
    shown = []

    def look(seen):
        shown.append(seen)
        return np.zeros((len(seen), 3))

    before = images.copy()
    given = torch.from_numpy(images) if as_tensor else images
    Acceptance((Classifier(look, name="judge", batch_size=5),)).see(given, among=3)
    np.testing.assert_array_equal(shown[0], to_float(to_uint8(images)))
    np.testing.assert_array_equal(as_8_bits(shown[0]), shown[0])
    np.testing.assert_array_equal(images, before)


def test_a_judge_that_writes_changes_nothing_for_the_next():
    def writes(images):
        labels = np.rint(images[:, 0, 0, 0] * 255).astype(int)
        images[:] = 2 / 255
        return np.eye(3)[labels] * 9

    # A batch that needs no filling up is no copy, unless one is made.
    judges = [Classifier(writes, batch_size=3, name="judge") for _ in range(2)]
    for judge in judges:
        judge.notice = lambda remark: None
    images = numbered(3)
    seen = Acceptance(tuple(judges)).see(images, among=3)
    assert [p.argmax(axis=1).tolist() for p in seen.probabilities] == [[0, 1, 2]] * 2
    assert (images == numbered(3)).all()


def test_a_hash_is_that_of_all_judges_in_their_order():
    linear = nn.Linear(3, 3)
    one, other = Classifier(linear), Classifier(nn.Sequential(linear, nn.ReLU()))
    assert Acceptance((one,)).hash == one.hash
    hashes = {Acceptance(judges).hash for judges in ((one, other), (other, one), (one,), (other,))}
    assert len(hashes) == 4
    assert None not in hashes
    assert Acceptance((one, judge_of(np.eye(3) * 9))).hash is None
    assert Acceptance((one, judge_of(np.eye(3) * 9))).subjects["judges"] == [one.hash, None]

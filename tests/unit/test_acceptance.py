"""One rule says what still shows its class: every judge puts the class first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pytest_failcond import Classifier
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance

CLASSES = 3


def judge_of(logits, **options) -> Classifier:
    """Answer with given logits ``[N, K]``: image i is all i / 256."""
    table = np.asarray(logits, dtype=np.float32)

    def look(images):
        return table[np.rint(images[:, 0, 0, 0] * 256).astype(int)]

    return Classifier(look, name="judge", **options)


def numbered(count: int) -> np.ndarray:
    return np.tile((np.arange(count, dtype=np.float32) / 256)[:, None, None, None], (1, 1, 2, 2))


answers = st.integers(1, 20).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, CLASSES - 1), min_size=n, max_size=n),
        st.lists(st.lists(st.integers(0, CLASSES), min_size=n, max_size=n), max_size=3),
    )
)


@settings(max_examples=60, deadline=None)
@given(answers, st.integers(1, 9))
def test_an_image_is_accepted_if_every_judge_puts_its_class_first(drawn, batch_size):
    """A judge may have an output more, for images of no class: then none is accepted."""
    labels, said = drawn
    eye = np.eye(CLASSES + 1)
    acceptance = Acceptance(tuple(judge_of(eye[label], batch_size=batch_size) for label in said))
    images = numbered(len(labels))
    expected = [all(one[i] == label for one in said) for i, label in enumerate(labels)]
    assert acceptance.accepts(images, np.array(labels)).tolist() == expected
    for c in range(CLASSES):
        expected = [all(one[i] == c for one in said) for i in range(len(labels))]
        assert acceptance.accepts(images, c).tolist() == expected
    seen = acceptance.see(images)
    assert [p.argmax(axis=1).tolist() for p in seen.probabilities] == said
    assert (None if seen.labels is None else seen.labels.tolist()) == (said[0] if said else None)
    assert acceptance.judged == bool(said)


def test_without_a_judge_everything_is_accepted_unseen():
    assert Acceptance.of(None) == EVERYTHING
    assert not EVERYTHING.judged
    assert EVERYTHING.hash is None
    assert EVERYTHING.accepts(numbered(3), 1).tolist() == [True] * 3
    seen = EVERYTHING.see(numbered(3))
    assert seen.probabilities == ()
    assert seen.shown is seen.labels is None


def test_an_argument_may_be_a_judge_or_what_accepts():
    judge = judge_of(np.eye(3))
    acceptance = Acceptance.of(judge)
    assert acceptance.judges == (judge,)
    assert Acceptance.of(acceptance) is acceptance


@pytest.mark.parametrize("owned", [True, False])
def test_a_judge_that_writes_changes_nothing_for_the_next(owned):
    def writes(images):
        labels = np.rint(images[:, 0, 0, 0] * 256).astype(int)
        images[:] = 2 / 256
        return np.eye(3)[labels]

    # A batch that needs no filling up is no copy, unless one is made.
    judges = [Classifier(writes, batch_size=3, name="judge") for _ in range(2)]
    for judge in judges:
        judge.notice = lambda remark: None
    images = numbered(3)
    seen = Acceptance(tuple(judges)).see(images, owned=owned)
    assert [p.argmax(axis=1).tolist() for p in seen.probabilities] == [[0, 1, 2]] * 2
    assert owned or (images == numbered(3)).all()


def test_a_hash_is_that_of_all_judges_in_their_order():
    linear = nn.Linear(3, 3)
    one, other = Classifier(linear), Classifier(nn.Sequential(linear, nn.ReLU()))
    assert Acceptance((one,)).hash == one.hash
    hashes = {Acceptance(judges).hash for judges in ((one, other), (other, one), (one,), (other,))}
    assert len(hashes) == 4
    assert None not in hashes
    assert Acceptance((one, judge_of(np.eye(3)))).hash is None

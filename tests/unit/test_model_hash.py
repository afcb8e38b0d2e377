"""What identifies a model: types, names and bytes; neither its words nor what wraps it."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from pytest_failcond import Classifier, FailcondError
from pytest_failcond.runs.other import same_hash, same_input


class Net(nn.Module):
    """Layers of several kinds, a buffer that is kept and one that is not."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.body = nn.Sequential(
                nn.Conv2d(1, 2, 3, stride=stride), nn.BatchNorm2d(2), nn.ReLU()
            )
            self.out = nn.Linear(72, 3)
        self.register_buffer("count", torch.zeros(2, dtype=torch.int64))
        self.register_buffer("mean", torch.full((1,), 0.5), persistent=False)

    def forward(self, images):
        return self.out(self.body(images - self.mean).flatten(1))


class Wrapper(nn.Module):
    """Computes something else with what it wraps."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.module = inner

    def forward(self, images):
        return self.module(1 - images)


class Worded(Net):
    def extra_repr(self) -> str:
        return "version 2, bias=True"


class OtherNet(Net):
    pass


def compiled(net: nn.Module) -> nn.Module:
    return torch.compile(net, backend="eager")  # type: ignore[return-value]


def hash_of(model: nn.Module) -> str | None:
    return Classifier(model.eval()).hash


def changed(change) -> nn.Module:
    net = Net()
    with torch.no_grad():
        change(net)
    return net


def double_buffer(net):
    net.count = net.count.double()


def renamed(net):
    net.last = net.out
    del net.out


def one_bit(net):
    net.out.weight.view(torch.int32)[0, 0] ^= 1


REFERENCE = hash_of(Net())


@pytest.mark.parametrize(
    "make",
    [
        Net,
        lambda: copy.deepcopy(Net()),
        lambda: Net().train(),
        lambda: Net(stride=2),  # code, which a hash cannot see
        lambda: compiled(Net()),
        lambda: nn.DataParallel(Net()),
        lambda: nn.DataParallel(compiled(Net())),
        lambda: changed(lambda net: setattr(net, "body", compiled(net.body))),
        lambda: changed(lambda net: net.requires_grad_(False)),
        lambda: changed(lambda net: setattr(net, "out", net.out)),
        lambda: changed(lambda net: net.out.weight.set_(net.out.weight.t().contiguous().t())),
    ],
    ids=range(11),
)
def test_the_same_model_has_the_same_hash(make):
    assert hash_of(make()) == REFERENCE


def test_words_of_a_model_do_not_enter_its_hash(monkeypatch):
    before = hash_of(Net())
    monkeypatch.setattr(nn.BatchNorm2d, "extra_repr", lambda self: "2, eps=1e-05, bias=True")
    assert hash_of(Net()) == before


@pytest.mark.parametrize(
    "make",
    [
        OtherNet,
        Worded,
        lambda: Wrapper(Net()),
        lambda: nn.Sequential(Net()),
        lambda: nn.DataParallel(Wrapper(Net())),
        lambda: changed(one_bit),
        lambda: changed(double_buffer),
        lambda: changed(lambda net: net.count.add_(1)),
        lambda: changed(lambda net: net.mean.add_(0.1)),
        lambda: changed(renamed),
        lambda: changed(lambda net: net.body.append(nn.ReLU())),
        lambda: changed(lambda net: net.body.append(net.body[2])),
        lambda: changed(lambda net: setattr(net.body, "2", nn.Identity())),
        lambda: changed(lambda net: net.out.weight.set_(net.out.weight.reshape(6, 36))),
        lambda: Net().double(),
        lambda: Net().bfloat16(),
    ],
    ids=range(16),
)
def test_another_model_has_another_hash(make):
    assert hash_of(make()) not in (None, REFERENCE)


def quantised(net: nn.Module) -> nn.Module:
    from torch.ao.quantization import quantize_dynamic

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return quantize_dynamic(net.eval(), {nn.Linear}, dtype=torch.qint8)


KINDS = {
    "quantised": quantised,
    "script": torch.jit.script,
    "sparse": lambda net: (setattr(net, "mean", net.mean.to_sparse()), net)[1],
    "complex": lambda net: (setattr(net, "mean", net.mean + 1j), net)[1],
    "half": lambda net: net.half(),
    "scalar": lambda net: (setattr(net, "mean", net.mean[0]), net)[1],
    "empty": lambda net: (setattr(net, "mean", net.mean[:0]), net)[1],
    "inference": lambda net: net,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_every_kind_are_seen(kind):
    make = KINDS[kind]
    with torch.inference_mode(kind == "inference"):
        one, same = make(Net()), make(Net())
        other = make(changed(lambda net: net.out.weight.mul_(-1)))
    assert hash_of(one) == hash_of(same)
    assert hash_of(other) not in (None, hash_of(one))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_a_frozen_model_holds_cannot_be_seen():
    assert hash_of(torch.jit.freeze(torch.jit.script(Net().eval()))) is None
    assert Classifier(lambda images: images).hash is None


def test_weights_that_cannot_be_read_are_said():
    class Locked(Net):
        def state_dict(self, *_, **__):
            raise PermissionError("weights are sealed")

    with pytest.raises(
        FailcondError, match=r"^reading the weights of the classifier raised Perm.*seal"
    ):
        hash_of(Locked())


def test_the_hash_does_not_follow_a_cache_that_a_call_fills():
    class Caches(Net):
        def forward(self, images):
            self.mean.fill_(len(images))
            return super().forward(images)

    model = Classifier(Caches().eval(), batch_size=2)
    before = model.hash
    model.probabilities(np.zeros((2, 1, 8, 8), np.float32))
    assert model.hash == before


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ("model:1", "model:1", True),
        ("model:1", "model:2", False),
        ("weights:1", "model:1", None),
        ("weights:1", "weights:1", True),
        (None, "model:1", None),
        (None, None, None),
    ],
)
def test_hashes_of_two_schemes_cannot_be_compared(then, now, expected):
    assert same_hash(then, now) is expected
    assert same_hash(now, then) is expected


def test_an_input_is_another_one_only_where_that_is_known():
    assert same_input("judge", "weights:1", "model:1")
    assert not same_input("judge", "model:2", "model:1")
    assert not same_input("judge", None, "model:1")
    assert same_input("judge", None, None)
    assert not same_input("images", "sha256:1", "sha512:1")

"""A training on a device: its precision, and batches made ahead of their use.

No GPU is needed. Where there is one, tests of a whole training run on it too: their names end in cuda.
"""

from __future__ import annotations

import math
import threading

import pytest
import torch
from safetensors.torch import load_file
from tiny import tiny_trainer

from pytest_failcond import Generator
from pytest_failcond.storage.tensors import read_header
from pytest_failcond.training.loading import Loader
from pytest_failcond.training.precision import precision_for, precision_of

CPU = torch.device("cpu")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize(
    ("kind", "half", "has_bfloat16", "expected"),
    [
        ("cpu", True, True, (torch.bfloat16, False)),
        ("cpu", True, False, (torch.float32, False)),
        ("cpu", False, True, (torch.float32, False)),
        ("cuda", True, True, (torch.bfloat16, False)),
        ("cuda", True, False, (torch.float16, True)),
        ("cuda", False, False, (torch.float32, False)),
        ("mps", True, True, (torch.bfloat16, False)),
    ],
)
def test_half_precision_is_of_the_kind_that_a_device_has(kind, half, has_bfloat16, expected):
    assert precision_for(kind, half, has_bfloat16) == expected


@pytest.mark.parametrize("has", [True, False])
def test_a_cpu_computes_in_bfloat16_if_it_has_it_and_asks_for_no_gpu(has, monkeypatch):
    asked = torch.cuda.is_initialized()
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has)
    expected = torch.bfloat16 if has else torch.float32
    assert precision_of(CPU, half=True) == (expected, False)
    assert precision_of(CPU, half=False) == (torch.float32, False)
    assert torch.cuda.is_initialized() == asked


def counting(made: list[int]):
    def make(step):
        made.append(step)
        return torch.full((2, 3), float(step)), torch.tensor([step, step])

    return make


@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_batches_made_ahead_are_the_same_in_the_same_order(ahead):
    made: list[int] = []
    loader = Loader(counting(made), CPU, ahead)
    steps = [0, 1, 2, 3, 40, 41, 5, 6, 7]  # a resumed training goes to any step
    for step in steps:
        images, labels = loader.at(step)
        assert images.tolist() == [[float(step)] * 3] * 2
        assert labels.tolist() == [step, step]
    loader.close()
    assert set(steps) <= set(made)
    assert all(any(step <= other <= step + ahead for step in steps) for other in made)
    assert not [thread for thread in threading.enumerate() if "failcond-batches" in thread.name]


def test_the_next_batch_is_made_while_one_is_used():
    made, asked = threading.Event(), threading.Event()

    def make(step):
        if step == 1:
            asked.set()
            made.wait(10)
        return torch.zeros(1), torch.zeros(1)

    loader = Loader(make, CPU, 1)
    loader.at(0)
    assert asked.wait(10), "begun before it is asked for"
    made.set()
    loader.at(1)
    loader.close()


def test_an_error_of_a_batch_is_raised_at_its_step():
    def make(step):
        if step == 2:
            raise ValueError("no such image")
        return torch.zeros(1), torch.zeros(1)

    loader = Loader(make, CPU, 3)
    loader.at(0)
    loader.at(1)
    with pytest.raises(ValueError, match="no such image"):
        loader.at(2)
    loader.close()


def state(trainer, path):
    trainer.save(path)
    trainer.close()
    return {name: value.tolist() for name, value in load_file(path).items()}, read_header(
        path, ""
    ).metadata


def test_a_training_with_batches_made_ahead_is_the_same_to_the_bit(tmp_path):
    plain, ahead = tiny_trainer(), tiny_trainer()
    ahead._loader = Loader(ahead._made, CPU, 3)
    for _ in range(5):
        assert plain.advance() == ahead.advance()
    assert state(plain, tmp_path / "1") == state(ahead, tmp_path / "2")


def test_scaled_losses_move_the_networks_and_their_scale_is_resumed(tmp_path):
    """In float16, as on a GPU without bfloat16; here on the CPU."""

    def scaled():
        made = tiny_trainer(bf16=True, r1_every=2)
        made._dtype = torch.float16
        for name in made._networks._scalers:
            made._networks._scalers[name] = torch.amp.GradScaler("cpu", init_scale=2.0**12)
        return made

    whole, first, second = scaled(), scaled(), scaled()
    before = [value.clone() for value in whole._networks.discriminator.parameters()]
    for _ in range(6):
        whole.advance()
    moved = whole._networks.discriminator.parameters()
    assert all(not torch.equal(a, b) for a, b in zip(before, moved, strict=True))
    assert whole._networks.scale("discriminator") > 1
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "half.safetensors")
    assert "scaling" in read_header(tmp_path / "half.safetensors", "").metadata
    second.resume(tmp_path / "half.safetensors")
    for _ in range(3):
        second.advance()
    assert state(whole, tmp_path / "1") == state(second, tmp_path / "2")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("half", [True, False])
def test_a_training_goes_on_from_its_state_on_its_device_and_on_another(half, device, tmp_path):
    def trainer(device):
        return tiny_trainer(bf16=half, r1_every=2, path_weight=2.0, device=device)

    whole, first, second, elsewhere = map(trainer, (device, device, device, "cpu"))
    losses = [whole.advance() for _ in range(6)]
    assert all(math.isfinite(value) for step in losses for value in step.values())
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "half.safetensors")
    for other in (second, elsewhere):
        other.resume(tmp_path / "half.safetensors")
        assert other.images_seen == 24
    rest = [second.advance() for _ in range(3)]
    for expected, found in zip(losses[3:], rest, strict=True):
        assert found == pytest.approx(expected, rel=1e-2, abs=1e-3)  # a GPU adds in any order
    assert all(map(math.isfinite, elsewhere.advance().values()))
    made = second.generator()
    made.save(tmp_path / "made.safetensors")
    read = Generator.load(tmp_path / "made.safetensors")
    images = read.synthesize(read.sample([0, 1, 2]))
    assert torch.equal(images, made.synthesize(made.sample([0, 1, 2])))
    assert images.isfinite().all()
    for each in (whole, first, second, elsewhere):
        each.close()

"""Files of torch.save and pickle, read as plain data: what torch reads of them, we read."""

import argparse
import pickle
import zipfile
from collections import OrderedDict

import foreign_files as make
import numpy as np
import pytest
import torch

from pytest_failcond.foreign.opened import read_foreign
from pytest_failcond.foreign.values import Inert

TENSORS = {
    "matrix": torch.randn(3, 4),
    "turned": torch.randn(3, 4).t(),
    "every second": torch.arange(10)[3:9:2],
    "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "the same everywhere": torch.ones(1).expand(3, 4),
    "one number": torch.tensor(3.0),
    "no numbers": torch.empty(0, 3),
    "many axes": torch.randn((1,) * 12),
    "half": torch.tensor([1.5, -0.1, float("inf"), 6e-8]).half(),
    "bfloat16": torch.tensor([1.5, -0.1, float("-inf"), 1e-40, 3e38]).bfloat16(),
    "double": torch.randn(4).double(),
    "long": torch.arange(-2, 4),
    "int": torch.arange(4).int(),
    "short": torch.arange(4).short(),
    "char": torch.arange(4).char(),
    "byte": torch.arange(4).byte(),
    "bool": torch.tensor([[True, False], [False, False]]),
    "parameter": torch.nn.Parameter(torch.randn(2, 2)),
}
WRITTEN = {
    "torch zip": torch.save,
    "torch legacy": lambda data, path, **how: torch.save(
        data, path, _use_new_zipfile_serialization=False, **how
    ),
    "pickle": lambda data, path, pickle_protocol: path.write_bytes(
        pickle.dumps(data, pickle_protocol)
    ),
}


@pytest.fixture(params=[(way, protocol) for way in WRITTEN for protocol in (2, 3, 4, 5)])
def read(request, tmp_path):
    """Writes data in one of the ways, and returns what is read."""
    way, protocol = request.param

    def written_and_read(data):
        path = tmp_path / "model"
        WRITTEN[way](data, path, pickle_protocol=protocol)
        found = read_foreign(path)
        assert found.container == way
        return found.root

    written_and_read.way = way

    return written_and_read


def same(tensor, array):
    """Check a tensor's numbers; those in half precision are floats."""
    expected = tensor.detach()
    expected = expected.float() if expected.dtype in (torch.half, torch.bfloat16) else expected
    np.testing.assert_array_equal(expected.numpy(), array)
    assert (expected.numpy().shape, expected.numpy().dtype) == (array.shape, array.dtype)
    assert not array.size or not array.flags.writeable


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_every_tensor_is_as_torch_has_it(read):
    found = read(TENSORS)
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        same(tensor, found[name])


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_tensors_of_one_storage_share_it(read):
    base = torch.arange(12.0)
    found = read([base, base[3:7], base.view(3, 4)[:, 1], base])
    for tensor, array in zip([base, base[3:7], base.view(3, 4)[:, 1], base], found, strict=True):
        same(tensor, array)
    assert found[0] is found[3]
    # A pickle has a copy of the storage for each tensor.
    assert np.shares_memory(found[0], found[1]) == (read.way != "pickle")


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_state_dicts_options_and_plain_data(read):
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.randn(4, 2)).sum().backward()
    optimizer.step()
    found = read({"g": network.state_dict(), "o": optimizer.state_dict(),
                  "args": argparse.Namespace(size=32, path="lmdb"),
                  "size": torch.Size([3, 4]), "device": torch.device("cuda", 1),
                  "ordered": OrderedDict(b=1, a=None), "set": {1, "a"}, "frozen": frozenset("b"),
                  "bytes": [b"", b"\x80\xff" * 200], "text": "ä\N{CAT FACE}" * 100,
                  "numbers": (1, -1, 300, -70_000, 2**40, -(2**200), 1.5, True, None)})  # fmt: skip
    assert list(found["g"]) == list(network.state_dict())
    for name, tensor in network.state_dict().items():
        same(tensor, found["g"][name])
    for index, state in optimizer.state_dict()["state"].items():
        for name, tensor in state.items():
            same(tensor, found["o"]["state"][index][name])
    assert found["o"]["param_groups"][0]["betas"] == (0.9, 0.999)
    args = found["args"]
    assert type(args) is Inert
    assert (args.module, args.name, args.arguments) == ("argparse", "Namespace", ())
    assert args.state == {"size": 32, "path": "lmdb"}
    assert (found["size"], found["device"]) == ((3, 4), "cuda:1")
    assert list(found["ordered"].items()) == [("b", 1), ("a", None)]
    assert type(found["ordered"]) is dict
    assert (found["set"], found["frozen"]) == ({1, "a"}, frozenset("b"))
    assert found["bytes"] == [b"", b"\x80\xff" * 200]
    assert found["text"] == "ä\N{CAT FACE}" * 100
    assert found["numbers"] == (1, -1, 300, -70_000, 2**40, -(2**200), 1.5, True, None)


def test_arrays_of_numpy(read):
    arrays = [np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
              np.empty((0, 3), np.float32), np.array([True, False]), np.array(2.5, "<f2"),
              np.arange(3, dtype=np.uint16)]  # fmt: skip
    found = read({"arrays": arrays, "again": arrays[0], "number": np.float64(2.5)})
    for array, again in zip(arrays, found["arrays"], strict=True):
        np.testing.assert_array_equal(array, again)
        assert (array.shape, array.dtype) == (again.shape, again.dtype)
    assert found["again"] is found["arrays"][0]
    assert found["number"] == 2.5
    assert type(found["number"]) is float


def test_numbers_of_64_bits_in_an_archive(tmp_path):
    root = make.pickled(make.rebuilt(make.storage(), 0, (2, 2), (2, 1)))
    (tmp_path / "large").write_bytes(
        make.saved(root, {"0": np.arange(4.0, dtype="<f4").tobytes()}, large=True)
    )
    with zipfile.ZipFile(tmp_path / "large") as archive:
        assert archive.testzip() is None  # it is a true archive
    np.testing.assert_array_equal(read_foreign(tmp_path / "large").root, [[0, 1], [2, 3]])


def test_an_archive_that_was_packed_again(tmp_path):
    torch.save(TENSORS, tmp_path / "model.pt")
    with (
        zipfile.ZipFile(tmp_path / "model.pt") as old,
        zipfile.ZipFile(tmp_path / "again", "w") as new,
    ):
        new.writestr("model/", b"")
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
        new.comment = b"packed again"
    found = read_foreign(tmp_path / "again").root
    for name, tensor in TENSORS.items():
        same(tensor, found[name])


def test_tensors_of_the_gpu_and_with_hooks_are_their_numbers(tmp_path):
    """A file says where a tensor was, and old ones have its hooks: neither matters here."""
    parts = [make.text("storage"), make.named("torch", "HalfStorage"), make.text("0"),
             make.text("cuda:1"), make.whole(2)]  # fmt: skip
    tensor = make.rebuilt(make.tupled(*parts) + b"Q", 0, (2,), (1,))
    (tmp_path / "gpu").write_bytes(
        make.saved(make.pickled(tensor), {"0": np.ones(2, "<f2").tobytes()})
    )
    np.testing.assert_array_equal(read_foreign(tmp_path / "gpu").root, [1, 1])

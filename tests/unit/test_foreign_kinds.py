"""Files that are no checkpoint: one sentence says what each is, and what the user can do."""

import bz2
import gzip
import lzma
import os
import pickle
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from pytest_failcond.errors import FailcondError
from pytest_failcond.foreign.opened import read_foreign


def archive(path):
    with tarfile.open(path, "w") as made:
        made.add(__file__, "model.py")


def compressed(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("archive/data.pkl", pickle.dumps([0] * 1000))


def scripted(path):
    torch.jit.script(torch.nn.Linear(1, 1)).save(path)


def module(path):
    torch.save(torch.nn.Linear(1, 1), path)


def content(data):
    return lambda path: path.write_bytes(data)


KINDS = {
    "it cannot be read .No such file": lambda path: None,
    "it is a folder; name the file": lambda path: path.mkdir(),
    "it is empty": content(b""),
    "it begins with zeros": content(bytes(5000)),
    "a Git LFS pointer; .*git lfs pull": content(
        b"version https://git-lfs.github.com/spec/v1\noid"
    ),
    "HTML or XML, .*log in": content(b"\n<!DOCTYPE html><html>"),
    "a safetensors file; .*generator = ": lambda path: save_file({"a": np.ones(2)}, path),
    "an HDF5 file, as Keras": content(b"\x89HDF\r\n\x1a\n" + bytes(20)),
    "compressed by gzip; unpack": content(gzip.compress(b"a")),
    "compressed by bzip2; unpack": content(bz2.compress(b"a")),
    "compressed by xz; unpack": content(lzma.compress(b"a")),
    "a tar archive; unpack": archive,
    "an ONNX model": content(b"\x08\x07\x12\x07pytorch\x1a\x052.0.0:\x10"),
    "a model of TensorFlow Lite": content(b"\x1c\0\0\0TFL3" + bytes(20)),
    "a graph of TensorFlow": content(b"\x0a\x15\x0a\x05input\x12\x0bPlaceholder*"),
    "a pickle of protocol 0 or 1": content(pickle.dumps({"a": [1]}, 0)),
    "JSON text": content(b'{"a": 1}'),
    "an array of NumPy": lambda path: np.save(path.open("wb"), np.ones(2)),
    "a zip archive of NumPy": lambda path: np.savez(path.open("wb"), a=np.ones(2)),
    "an empty or divided zip": content(b"PK\5\6" + bytes(18)),
    "compressed, which torch.save never": compressed,
    "TorchScript, which is a program": scripted,
    "it names 'torch.nn.modules.linear.Linear'.*state_dict": module,
    "neither a pickle nor": content(b"\x00\x01\x02" * 100),
    "neither a pickle nor a file": content(os.urandom(8).hex().encode()),
}


@pytest.mark.parametrize(("expected", "make"), KINDS.items(), ids=KINDS)
@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.filterwarnings("ignore:unclosed file")
def test_a_file_of_another_kind_is_named(tmp_path, expected, make):
    path = tmp_path / "model.pt"
    make(path)
    with pytest.raises(FailcondError, match=expected) as caught:
        read_foreign(path)
    assert str(caught.value).startswith(f"{path}: it")


def test_a_network_of_tensorflow_is_named(tmp_path):
    path = tmp_path / "network.pkl"
    path.write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\n)\x81.")
    with pytest.raises(FailcondError, match="TensorFlow's; convert it to PyTorch first"):
        read_foreign(path)


def test_a_name_that_no_system_accepts_is_refused(tmp_path):
    with pytest.raises(FailcondError, match="cannot be read"):
        read_foreign(tmp_path / "a\0b")


def test_a_device_is_refused():
    with pytest.raises(FailcondError, match="no ordinary file"):
        read_foreign(Path("/dev/zero"))


def test_a_pipe_is_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(pickle.dumps({"a": 1}, 4)))
    writer.start()
    assert read_foreign(path).root == {"a": 1}
    writer.join()


def test_the_result_outlives_its_file(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"a": torch.arange(1e5)}, path)
    root = read_foreign(path).root
    path.unlink()
    np.testing.assert_array_equal(root["a"], np.arange(1e5))

"""Generator files: whole or refused in one sentence, and readable without torch."""

import json
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save
from tiny import tiny_config, tiny_generator

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.checkpoint import read_config
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.generators.stylegan2.network import Network
from pytest_failcond.storage.files import hash_file
from pytest_failcond.storage.tensors import read_header


@pytest.fixture
def path(tmp_path):
    generator = tiny_generator()
    generator.training = {"images": 12, "note": "süß"}
    generator.save(tmp_path / "g.safetensors")
    return tmp_path / "g.safetensors"


def refusal(path):
    """The sentence of both readers, which must name the file."""
    with pytest.raises(FailcondError) as caught:
        Generator.load(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert "\n" not in sentence
    return sentence


def rewrite(path, change):
    """Write the file again with a changed header and the same tensors."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def test_what_is_saved_is_loaded(path):
    loaded, original = Generator.load(path), tiny_generator()
    assert loaded.config == original.config
    assert loaded.training == {"images": 12, "note": "süß"}
    assert loaded.hash == hash_file(path)
    expected = original.network.state_dict()
    assert expected.keys() == loaded.network.state_dict().keys()
    assert all(torch.equal(v, expected[k]) for k, v in loaded.network.state_dict().items())
    styles = original.sample([0, 1, 2], seed=3)
    assert torch.equal(loaded.sample([0, 1, 2], seed=3), styles)
    assert torch.equal(loaded.synthesize(styles), original.synthesize(styles))


def test_one_made_in_memory_is_identified_by_its_weights():
    first, second = tiny_generator(), tiny_generator()
    assert first.hash == second.hash
    second = tiny_generator()
    second.network.synthesis.constant[0, 0, 0] += 1
    assert first.hash != second.hash


def test_loading_leaves_the_callers_random_numbers_alone(path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Generator.load(path)
    assert torch.equal(torch.rand(3), expected)


def test_the_header_is_read_without_torch(path):
    code = (
        "import sys; from pytest_failcond.generators.stylegan2.checkpoint import read_config; "
        f"config, training = read_config({str(path)!r}); "
        "print(config.classes, config.style_layers[0], training['images']); "
        "assert not {'torch', 'numpy', 'safetensors'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == "('circle', 'square', 'star') ('b4.conv1', 6) 12\n"
    assert read_config(path) == (tiny_config(), {"images": 12, "note": "süß"})


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.002, 0.05, 0.3, 0.6, 0.999])
def test_a_truncated_file_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "truncated" in refusal(path) or "not a safetensors file" in refusal(path)


def test_a_file_that_is_too_long_is_refused(path):
    path.write_bytes(path.read_bytes() + b"\0")
    refusal(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"PK\x03\x04" + bytes(500),
        b'{"format": "json"}',
        struct.pack("<Q", 7) + b"[1, 2] ",
        struct.pack("<Q", 10) + b'{"a": [1]}',
        struct.pack("<Q", 22) + b'{"__metadata__": null}',
        struct.pack("<Q", 40) + b'{"a": {"data_offsets": ["x", "y"]}}     ',
        struct.pack("<Q", 4) + b"\xff\xfe\xff\xfe",
    ],
    ids=["png", "zip", "json", "list", "no-entry", "no-metadata", "no-offsets", "no-text"],
)
def test_a_wrong_file_is_refused(path, content):
    path.write_bytes(content)
    assert "not a safetensors file" in refusal(path)


def test_a_foreign_safetensors_file_is_refused(path):
    save_file({"weight": np.zeros(3, dtype=np.float32)}, path)
    assert read_header(path).metadata == {}
    assert "but not a pytest-failcond generator" in refusal(path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    assert "cannot be read (No such file or directory)" in refusal(tmp_path / "none.safetensors")
    refusal(tmp_path)


def test_a_newer_version_is_refused(path):
    rewrite(path, lambda header: header["__metadata__"].update(version="2"))
    assert "update pytest-failcond" in refusal(path)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "null", '{"resolution": 8}', '{"classes": 3}'),
        json.dumps(tiny_config().to_json() | {"extra": 1}),
        json.dumps(tiny_config().to_json() | {"resolution": 9}),
        json.dumps(tiny_config().to_json() | {"channels": ["a", "b"]}),
        json.dumps(tiny_config().to_json() | {"image_size": None}),
    ],
)
def test_a_header_without_a_valid_configuration_is_refused(path, text):
    rewrite(path, lambda header: header["__metadata__"].update(config=text))
    assert "holds no valid configuration" in refusal(path)


SHAPES = [
    {},
    {"mapping_layers": 1, "z_dim": 4},
    {"resolution": 32, "channels": (7, 6, 5, 4), "image_channels": 3, "image_size": (28, 20)},
]


@pytest.mark.parametrize("shape", SHAPES, ids=["tiny", "one layer", "four blocks"])
def test_the_tensors_of_a_configuration_are_those_of_its_network(shape):
    config = tiny_config(**shape)
    network = Network(config).state_dict()
    assert {name: tuple(value.shape) for name, value in network.items()} == config.tensor_shapes


HUGE = {
    "channels": {"channels": [60_000, 60_000]},
    "more channels": {"channels": [10**9, 5]},
    "resolution": {"resolution": 2**20, "channels": [1] * 19},
    "no end": {"resolution": 2**2000},
    "layers": {"mapping_layers": 10**9},
    "noise": {"z_dim": 60_000, "w_dim": 60_000},
    "classes": {"classes": [str(i) for i in range(100_000)]},
}


@pytest.mark.parametrize("change", HUGE.values(), ids=HUGE)
def test_a_header_that_claims_much_is_refused_before_anything_is_allocated(
    path, change, monkeypatch
):
    config = json.dumps(tiny_config().to_json() | change)
    rewrite(path, lambda header: header["__metadata__"].update(config=config))
    monkeypatch.setattr(
        "pytest_failcond.generators.stylegan2.generator.Network",
        lambda config: pytest.fail("allocated"),
    )
    sentence = refusal(path)
    assert "holds no valid configuration" in sentence or "do not fit its configuration" in sentence
    assert len(sentence) < len(str(path)) + 500


def placed(**changes):
    """Give the first tensor another description."""

    def change(header):
        first = next(name for name in header if name != "__metadata__")
        header[first].update(changes)

    return change


@pytest.mark.parametrize(
    "change",
    [
        placed(dtype="F16"),
        placed(dtype="F4096"),
        placed(shape=[3, -1]),
        placed(shape=[2**62, 2**62]),
        placed(data_offsets=[0, 8]),
        placed(data_offsets=[-8, 8]),
        placed(data_offsets=[8, 0]),
        placed(data_offsets=[0]),
        placed(more=1),
        lambda header: header.update(twice=header["synthesis.constant"]),
        lambda header: header["__metadata__"].update(more=3),
    ],
    ids=range(11),
)
def test_a_header_that_lies_about_its_tensors_is_refused(path, change):
    rewrite(path, change)
    assert "not a safetensors file: its header: " in refusal(path)


def test_tensors_of_another_type_are_refused(path):
    tensors = {k: v.half().contiguous() for k, v in tiny_generator().network.state_dict().items()}
    metadata = {"format": "pytest-failcond-generator", "version": "1",
                "config": json.dumps(tiny_config().to_json())}  # fmt: skip
    path.write_bytes(save(tensors, metadata))
    assert "is F16 [4, 3] where F32 [4, 3] belongs" in refusal(path)


def test_weights_that_are_not_finite_are_refused(path):
    generator = tiny_generator()
    generator.network.synthesis.constant[0, 0, 0] = float("nan")
    generator.save(path)
    with pytest.raises(FailcondError, match="not finite"):
        Generator.load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n", "git lfs pull"),
        (pickle.dumps({"G_ema": 1}), "a pickle, which executes code when it is read"),
        (b"PK\x03\x04" + bytes(500), "a zip archive"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "HTML or XML"),
        (b"", "empty"),
    ],
    ids=["lfs", "pickle", "zip", "html", "empty"],
)
def test_a_foreign_file_is_called_by_name(path, content, words):
    path.write_bytes(content)
    sentence = refusal(path)
    assert words in sentence
    assert ".safetensors file" in sentence


@pytest.mark.parametrize("training", ["[]", "3", '{"images": "many"}', '{"mix": 3}', "{"])
def test_a_record_of_training_that_is_none_is_refused(path, training):
    rewrite(path, lambda header: header["__metadata__"].update(training=training))
    assert "holds no valid configuration" in refusal(path)


def test_weights_that_do_not_fit_the_header_are_refused(path):
    other = json.dumps(tiny_config(channels=(6, 4)).to_json())
    rewrite(path, lambda header: header["__metadata__"].update(config=other))
    assert "do not fit its configuration" in refusal(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(path, monkeypatch):
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pytest_failcond.storage.files.os.replace", full)
    with pytest.raises(FailcondError, match="No space left"):
        tiny_generator().save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]

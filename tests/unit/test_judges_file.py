"""Files of judges: whole or refused in one sentence, read without anybody's code."""

import json
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from packs import tiny_judges, tiny_pack, write_pack
from safetensors.numpy import save_file
from torch import nn

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.judges.config import PackConfig
from pytest_failcond.judges.file import load_judges, read_judges, save_judges
from pytest_failcond.judges.networks import coarse, contrast, spread
from pytest_failcond.laboratory.configured import build_laboratory
from pytest_failcond.laboratory.configured import load_judges as load_configured_judges
from pytest_failcond.subjects.model_hash import hash_model


@pytest.fixture
def path(tmp_path):
    return write_pack(tmp_path / "judges.safetensors", epochs=3)


def refusal(path):
    """The sentence of both readers, which must name the file."""
    with pytest.raises(FailcondError) as caught:
        load_judges(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert "\n" not in sentence
    assert len(sentence) < len(str(path)) + 600
    return sentence


def rewrite(path, change):
    """Write the file again with a changed header and the same tensors."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def reconfigure(path, change):
    """Change the configuration in the header."""

    def rewritten(header):
        config = json.loads(header["__metadata__"]["config"])
        change(config)
        header["__metadata__"]["config"] = json.dumps(config)

    rewrite(path, rewritten)


def test_what_is_saved_is_loaded(path):
    pack = tiny_pack()
    loaded = load_judges(path)
    assert loaded.header.config == pack
    assert loaded.header.training == {"epochs": 3}
    assert (len(loaded.acceptors), len(loaded.guides)) == (2, 1)
    images = torch.rand(5, 1, 8, 8)
    made = tiny_judges(pack)
    for module, name in zip((*loaded.acceptors, *loaded.guides), made, strict=True):
        assert not module.training
        assert not any(p.requires_grad for p in module.parameters())
        logits = module(images)
        assert logits.shape == (5, 4)
        torch.testing.assert_close(logits, made[name](images), atol=1e-2, rtol=1e-2)


def test_the_same_judges_are_the_same_bytes(path, tmp_path):
    again = write_pack(tmp_path / "again.safetensors", epochs=3)
    assert again.read_bytes() == path.read_bytes()
    loaded = load_judges(path)
    names = [judge.name for judge in loaded.header.config.judges]
    modules = (*loaded.acceptors, *loaded.guides)
    states = {name: m.state_dict() for name, m in zip(names, modules, strict=True)}
    save_judges(again, loaded.header.config, states, {"epochs": 3})
    assert again.read_bytes() == path.read_bytes()


def test_the_header_is_read_without_torch(path):
    code = (
        "import sys; from pytest_failcond.judges.file import read_judges; "
        f"header = read_judges({str(path)!r}); "
        "print([j.kind for j in header.config.judges], header.config.classes); "
        "assert not {'torch', 'numpy', 'safetensors'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == "['acceptor', 'acceptor', 'guide'] 3\n"


def test_loading_leaves_the_callers_random_numbers_alone(path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_judges(path)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("side", [8, 9, 28, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_tensors_of_a_configuration_are_those_of_its_networks(side, channels):
    pack = tiny_pack(image=[side, side + 3, channels])
    for judge, module in zip(pack.judges, tiny_judges(pack).values(), strict=True):
        found = {f"{judge.name}.{k}": tuple(v.shape) for k, v in module.state_dict().items()}
        assert found == pack.tensor_shapes(judge)
        assert module(torch.rand(2, channels, side, side + 3)).shape == (2, 4)


@pytest.mark.parametrize("percent", range(100))
def test_a_truncated_file_is_refused(path, percent):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * percent // 100])
    assert "truncated" in refusal(path) or "not a safetensors file" in refusal(path)


@given(data=st.data())
def test_a_damaged_file_is_loaded_or_refused_and_nothing_else(tmp_path_factory, data):
    path = write_pack(tmp_path_factory.getbasetemp() / "damaged.safetensors")
    content = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, header + 40))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    sentence = ""
    try:
        load_judges(path)
    except FailcondError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert not sentence or sentence.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n", "git lfs pull"),
        (pickle.dumps({"judge": 1}), "a pickle, which executes code when it is read"),
        (b"PK\x03\x04" + bytes(500), "a zip archive"),
        (b"", "empty"),
    ],
    ids=["lfs", "pickle", "zip", "empty"],
)
def test_a_foreign_file_is_called_by_name(path, content, words):
    path.write_bytes(content)
    assert words in refusal(path)
    assert "as `failcond judge` writes one" in refusal(path)


def test_another_safetensors_file_or_version_is_refused(path):
    rewrite(path, lambda header: header["__metadata__"].update(version="2"))
    assert "update pytest-failcond" in refusal(path)
    save_file({"weight": np.zeros(3, dtype=np.float32)}, path)
    assert "but not one of judges" in refusal(path)


def test_a_file_from_before_first_kernels_loads_as_ever(path):
    images = torch.rand(3, 1, 8, 8)
    before = [judge(images) for judge in load_judges(path).acceptors]
    reconfigure(path, lambda config: [judge.pop("first") for judge in config["judges"]])
    for judge, logits in zip(load_judges(path).acceptors, before, strict=True):
        assert torch.equal(judge(images), logits)


def test_the_first_kernel_may_be_larger(path):
    pack = tiny_pack()
    judges = [judge.model_copy(update={"first": 7}) for judge in pack.judges]
    pack = pack.model_copy(update={"judges": judges})
    made = tiny_judges(pack)
    save_judges(path, pack, {name: judge.state_dict() for name, judge in made.items()}, {})
    loaded = load_judges(path)
    assert [x.weight.shape[-1] for x in loaded.acceptors[0].convolutions] == [7, 3]
    images = torch.rand(2, 1, 8, 8)
    expected = made["acceptor-1"].eval()(images)
    torch.testing.assert_close(loaded.acceptors[0](images), expected, atol=1e-2, rtol=1e-2)


def of_first(**changes):
    return lambda config: config["judges"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(classes=1), "classes"),
        (lambda c: c.update(classes=99_999), "weights do not fit its configuration"),
        (lambda c: c.update(image=[8, 8, 2]), "1 or 3 channels"),
        (lambda c: c.update(image=[8, 8]), "image"),
        (lambda c: c.update(floor=0), "floor"),
        (lambda c: c.update(floor=True), "floor"),
        (lambda c: c.update(judges=[]), "judges"),
        (lambda c: c.update(judges=c["judges"][2:]), "expected one acceptor or more, got none"),
        (lambda c: c.update(judges=c["judges"][:2]), "does not belong there"),
        (lambda c: c.update(more=1), "unknown key 'more'"),
        (lambda c: c.update(features="a:b"), "got 'a:b' and 0"),
        (lambda c: c.update(features="a:b", features_width=8), "features, got both"),
        (of_first(name="guide-1"), "expected different names, got guide-1, acceptor-2"),
        (of_first(name="../x"), "name"),
        (of_first(kind="judge"), "kind"),
        (of_first(kernel=4), "must be odd"),
        (of_first(kernel=5), "weights do not fit its configuration"),
        (of_first(first=2), "must be odd"),
        (of_first(first=5), "weights do not fit its configuration"),
        (of_first(strides=[1]), "1 strides for 2 convolutions"),
        (of_first(strides=[1, 9]), "strides"),
        (of_first(widths=[4, 10**9]), "widths"),
        (of_first(widths=[4, 4096]), "weights do not fit its configuration"),
        (of_first(hidden=7), "weights do not fit its configuration"),
    ],
    ids=range(24),
)
def test_a_header_that_describes_no_judges_is_refused(path, change, words):
    reconfigure(path, change)
    assert words in refusal(path)


@pytest.mark.parametrize("training", ["[]", "3", "{", ""])
def test_a_record_of_training_that_is_none_is_refused(path, training):
    rewrite(path, lambda header: header["__metadata__"].update(training=training))
    assert "holds no valid configuration" in refusal(path)


def test_weights_that_are_not_finite_are_refused(path):
    states = {name: judge.state_dict() for name, judge in tiny_judges(tiny_pack()).items()}
    states["guide-1"]["last.bias"][1] = float("inf")
    save_judges(path, tiny_pack(), states, {})
    assert "not finite" in refusal(path)


def test_an_image_of_less_contrast_than_the_floor_is_none_of_these(path):
    judge = load_judges(path).acceptors[0]
    images = torch.full((4, 1, 8, 8), 0.4)
    images[:, :, 2:6, 3:6] += torch.tensor([0.0, 0.049, 0.051, 0.5])[:, None, None, None]
    logits = judge(images)
    assert logits.argmax(dim=1)[:2].tolist() == [3, 3]
    assert (logits.softmax(dim=1)[:2, 3] == 1).all()
    assert (logits.softmax(dim=1)[2:, 3] < 1).all()
    torch.testing.assert_close(logits[2], logits[3], atol=1e-4, rtol=1e-4)


def test_contrast_and_coarse_maps_are_means():
    images = torch.rand(5, 3, 9, 12)
    means = F.avg_pool2d(images, 3, stride=1).flatten(1)
    torch.testing.assert_close(contrast(images), means.amax(dim=1) - means.amin(dim=1))
    assert contrast(torch.full((1, 1, 5, 5), 0.3)) == 0
    for size in (2, 3, 4, 7):
        maps = torch.rand(2, 3, size, size)
        torch.testing.assert_close(coarse(maps), F.adaptive_avg_pool2d(maps, 4).flatten(1))


@given(gain=st.floats(0.2, 1.0), offset=st.floats(0.0, 0.7), channels=st.sampled_from([1, 3]))
def test_contrast_and_brightness_do_not_count(gain, offset, channels):
    images = torch.rand(3, channels, 9, 9, generator=torch.Generator().manual_seed(1)) * 0.3
    dimmed = images * gain + offset
    assert (contrast(dimmed) / contrast(images)).allclose(torch.tensor(gain), atol=1e-3)
    torch.testing.assert_close(
        spread(images, 0.001)[0], spread(dimmed, 0.001)[0], atol=1e-3, rtol=1e-3
    )


BACKBONE = """
import torch
from torch import nn

def backbone():
    torch.manual_seed({seed})
    return nn.Conv2d(3, 6, 5, stride=4)

def number():
    return 3
"""


@pytest.fixture
def on_features(tmp_path, monkeypatch):
    """A file of heads on the features of a backbone, and the backbone's module."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "spine.py").write_text(BACKBONE.format(seed=0))
    torch.manual_seed(0)
    head = {"strides": [], "widths": [], "hidden": 5}
    pack = PackConfig.from_json(
        {
            **{"classes": 3, "image": [80, 80, 3], "floor": 0.05, "features": "spine:backbone"},
            **{"features_hash": hash_model(nn.Conv2d(3, 6, 5, stride=4), ""), "features_width": 6},
            "judges": [{"name": "acceptor-1", "kind": "acceptor", **head}],
        }
    )
    yield write_pack(tmp_path / "heads.safetensors", pack)
    sys.modules.pop("spine", None)


def test_heads_load_their_backbone_from_the_users_code(on_features, tmp_path):
    loaded = load_judges(on_features, folder=tmp_path)
    images = torch.rand(2, 3, 80, 80, requires_grad=True)
    logits = loaded.acceptors[0](images)
    assert logits.shape == (2, 4)
    logits.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert read_judges(on_features).config.features == "spine:backbone"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BACKBONE.format(seed=1), "another backbone than 'spine:backbone' returns now"),
        ("def other(): pass", "there is no 'backbone' in spine"),
        ("def backbone(): return 3", "must return a torch Module"),
        ("1 / 0", "ZeroDivisionError"),
        (None, "there is no module 'spine'"),
    ],
    ids=["other weights", "no name", "no module", "raises", "not there"],
)
def test_a_backbone_that_is_not_there_or_another_is_said(on_features, tmp_path, text, words):
    (tmp_path / "spine.py").unlink()
    if text is not None:
        (tmp_path / "spine.py").write_text(text)
    with pytest.raises(FailcondError) as caught:
        load_judges(on_features, folder=tmp_path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{on_features}: ")


def test_a_laboratory_has_the_guides_of_its_file(path):
    """They are loaded when they are needed; other judges bring none."""
    settings = Settings(judge=str(path), folder=path.parent)
    laboratory = build_laboratory(
        settings, nn.Flatten(), None, None, load_configured_judges(settings)
    )
    assert "guides" not in vars(laboratory)
    (guide,) = laboratory.guides
    packed = load_judges(path)
    assert guide.hash == hash_model(packed.guides[0], "guide")
    assert [judge.hash for judge in laboratory.acceptance.judges] == [
        hash_model(acceptor, "judge") for acceptor in packed.acceptors
    ]
    assert build_laboratory(Settings(), nn.Flatten(), None, None, None).guides is None

"""The cache: computed once, never trusted blindly, never in the way."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.storage.cache import VARIABLE, cached_array
from tests.unit.tiny import tiny_generator


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


class Counting:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return np.arange(6.0).reshape(2, 3)


def test_an_array_is_computed_once(folder):
    compute = Counting()
    first = cached_array("statistics/sha256:1", (2, 3), compute)
    assert (cached_array("statistics/sha256:1", (2, 3), compute) == first).all()
    assert compute.calls == 1
    cached_array("statistics/sha256:2", (2, 3), compute)
    assert compute.calls == 2


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"not an array", None])
def test_what_is_damaged_is_computed_again(folder, damage):
    compute = Counting()
    expected = cached_array("statistics/1", (2, 3), compute)
    (file,) = folder.rglob("*.npy")
    content = file.read_bytes()
    file.write_bytes(content[:-4] if damage is None else damage)
    assert (cached_array("statistics/1", (2, 3), compute) == expected).all()
    assert compute.calls == 2
    assert file.read_bytes() == content


def test_an_array_that_claims_more_than_it_holds_is_computed_again(folder):
    expected = cached_array("statistics/1", (2, 3), Counting())
    (file,) = folder.rglob("*.npy")
    content = file.read_bytes()
    assert b"(2, 3)" in content
    for shape in (b"(2, 3000000000000)", b"(2, 30)", b"(-2, -3)", b"(2,)", b"(2, 3), 'a': 1"):
        padding = len(shape) - len(b"(2, 3)")
        file.write_bytes(content.replace(b"(2, 3)", shape).replace(b" " * padding, b"", 1))
        assert (cached_array("statistics/1", (2, 3), Counting()) == expected).all()


def test_an_array_that_would_execute_code_is_not_loaded(folder):
    cached_array("statistics/1", (2, 3), Counting())
    (file,) = folder.rglob("*.npy")
    np.save(file, np.array([print], dtype=object), allow_pickle=True)
    assert cached_array("statistics/1", (2, 3), Counting()).shape == (2, 3)


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "below"))
    assert cached_array("statistics/1", (2, 3), Counting()).shape == (2, 3)


def test_nothing_is_kept_where_that_is_switched_off(folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    compute = Counting()
    for _ in range(2):
        cached_array("statistics/1", (2, 3), compute)
    assert compute.calls == 2
    assert not folder.exists()


def test_a_generators_statistics_are_those_of_its_file(folder, tmp_path, monkeypatch):
    tiny_generator().save(tmp_path / "tiny.safetensors")
    first = Generator.load(tmp_path / "tiny.safetensors").style_space
    expected = first.std.copy(), first.range.copy()
    monkeypatch.setattr(Generator, "sample", lambda *a, **k: pytest.fail("computed again"))
    again = Generator.load(tmp_path / "tiny.safetensors").style_space
    assert (again.std == expected[0]).all()
    assert (again.range == expected[1]).all()


@pytest.mark.parametrize("cause", ["no entry", "RuntimeError", "KeyError"])
def test_without_a_home_nothing_is_kept(tmp_path, monkeypatch, cause):
    """As under ``env -i``, with a user whom the system does not know."""
    import pwd

    import platformdirs

    def unknown(*_):
        raise KeyError("getpwuid(): uid not found: 12345")

    for name in (VARIABLE, "HOME", "XDG_CACHE_HOME", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    if cause != "no entry":
        error = {"RuntimeError": RuntimeError, "KeyError": KeyError}[cause]("home")

        def fails(*_):
            raise error

        monkeypatch.setattr(platformdirs, "user_cache_path", fails)
    compute = Counting()
    for _ in range(2):
        assert cached_array("statistics/1", (2, 3), compute).shape == (2, 3)
    assert compute.calls == 2
    assert list(tmp_path.iterdir()) == []

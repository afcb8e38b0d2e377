"""Packed arrays: read back as they were, and inflated no further than they may be."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond.errors import FailcondError
from pytest_failcond.runs.content import digest
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.packing import MOST_IMAGES, pack, pack_bits, unpack, unpack_bits
from tests.runs import make_run


@cache
def bomb(size: int) -> str:
    """So many bytes of zeros, packed: one compressed mebibyte again and again, and their checksum."""
    deflate = zlib.compressobj(9)
    start = deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    end = b"\x03\0" + (size % 65521 << 16 | 1).to_bytes(4, "big")
    return base64.b64encode(start + block * (size >> 20) + end).decode()


def test_a_bomb_is_what_it_says():
    assert zlib.decompress(base64.b64decode(bomb(3 << 20))) == bytes(3 << 20)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> str:
    """The text of a run file."""
    folder = tmp_path_factory.mktemp("whole")
    make_run(folder / "pictures").save(folder / "run.json")
    return (folder / "run.json").read_text()


def peak_of(action: Callable[[], object]) -> float:
    """MB that an action takes at most."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@given(st.lists(st.integers(0, 65535), max_size=300))
@settings(deadline=None)
def test_numbers_come_back(values):
    array = np.array(values, dtype=np.int64)
    assert unpack(pack(array)).tolist() == values
    assert unpack(pack(array, "<u4"), "<u4", count=len(values)).tolist() == values


@given(st.integers(0, 9), st.integers(0, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_truths_come_back(rows, columns, seed):
    values = np.random.default_rng(seed).random((rows, columns)) < 0.5
    assert (unpack_bits(pack_bits(values), rows, columns) == values).all()


@pytest.mark.parametrize("count", [0, 4, 6, 10**12])
def test_another_number_is_refused(count):
    with pytest.raises(ValueError, match="packed"):
        unpack(pack(np.arange(5)), count=count)


@pytest.mark.parametrize("shape", [(4, 5), (2, 2), (2**40, 2**40), (10**9, 10**9), (0, 3)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="packed"):
        unpack_bits(pack_bits(np.ones((7, 8), dtype=bool)), *shape)


@pytest.mark.parametrize("change", [lambda raw: raw[:-3], lambda raw: raw + b"x", lambda raw: b"x" + raw],
                         ids=["short", "long", "other"])  # fmt: skip
def test_damage_is_refused(change):
    raw = base64.b64decode(pack(np.arange(500)))
    with pytest.raises(ValueError, match="packed data are"):
        unpack(base64.b64encode(change(raw)).decode())


def test_what_is_too_much_is_not_inflated():
    text = bomb(1 << 28)
    assert len(text) < 400_000

    def read() -> None:
        with pytest.raises(ValueError, match="more than the expected 400 bytes"):
            unpack(text, count=200)
        with pytest.raises(ValueError, match="more than the"):
            unpack_bits(text, 20, 20)

    assert peak_of(read) < 3

    def read_labels() -> None:
        with pytest.raises(ValueError, match="more than the"):
            unpack(text)

    assert peak_of(read_labels) < 5 * MOST_IMAGES / 1e6


BOMBS = {
    "labels": lambda data, text: data.update(labels=text),
    "kept": lambda data, text: data.update(kept=text),
    "predicted": lambda data, text: data["measurements"][1].update(predicted=text),
    "accepted": lambda data, text: data["directions"][0].update(accepted=text),
}


@pytest.mark.parametrize("put", BOMBS.values(), ids=BOMBS)
def test_a_small_run_file_takes_little_memory(tmp_path, whole, put):
    path = tmp_path / "run.json"
    data = json.loads(whole)
    put(data, bomb(1 << 28))
    del data["digest"]
    path.write_text(json.dumps(data | {"digest": digest(data)}))
    assert path.stat().st_size < 1_000_000

    def read() -> None:
        with pytest.raises(FailcondError, match="more than the"):
            Run.load(path)

    assert peak_of(read) < 200


def test_many_images_in_many_measurements_are_refused_before_they_are_read(tmp_path, whole):
    path = tmp_path / "run.json"
    data = json.loads(whole) | {"labels": bomb(16 << 20)}
    del data["digest"]
    path.write_text(json.dumps(data | {"digest": digest(data)}))

    def read() -> None:
        with pytest.raises(FailcondError, match="measurements of 8388608 images are"):
            Run.load(path)

    assert peak_of(read) < 250


WIDE = {
    "errors": lambda data: data.update(errors=[1] * 40_000),
    "unknown": lambda data: data["environment"].update({f"x{i}": 0 for i in range(20_000)}),
    "packages": lambda data: data["environment"].update(
        packages={f"x{i}": 0 for i in range(20_000)}
    ),
    "settings": lambda data: data["settings"].update(gates=[1] * 40_000),
    "curve": lambda data: data["directions"][0]["curve"].update(shift=[-1] * 40_000),
}


@pytest.mark.parametrize("put", WIDE.values(), ids=WIDE)
def test_thousands_of_faults_are_one_sentence(tmp_path, whole, put):
    path = tmp_path / "run.json"
    data = json.loads(whole)
    put(data)
    del data["digest"]
    path.write_text(json.dumps(data | {"digest": digest(data)}))

    def read() -> None:
        with pytest.raises(FailcondError) as caught:
            Run.load(path)
        assert len(str(caught.value)) < 1000

    assert peak_of(read) < 30
